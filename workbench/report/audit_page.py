"""The page of an audit: what the benchmark can and cannot show, each sentence linked to the figures it was made from,
in one offline file, with the same as JSON beside it."""
import json
import re
from html import escape
from pathlib import Path

import numpy as np

from workbench.artifacts import check_folder, write_text
from workbench.diagnose.verdict.card import Card
from workbench.diagnose.verdict.sentences import KINDS, MEMORY, Sentence
from workbench.errors import UserError
from workbench.experiment.audit.run_audit import Audit
from workbench.experiment.audit.sections import METRIC
from workbench.report.cell_outputs import drawn as plots
from workbench.report.cell_outputs import wide
from workbench.report.page_template import contents, facts, page
from workbench.show import tables
from workbench.show.figures import audit as faces
from workbench.show.figures import compare

TITLES = {  # of cards, by how their names begin: a heading, and what the section answers
    "data": ("The data", "What is in the log, and what in it could mislead."),
    "published counts": ("The name", "Whether these are the data that published numbers of this name were made on."),
    "graph": ("Local transitions", "How much the items that followed the last one before say of what comes next."),
    "features": ("Texts", "How much more alike the last item and the answer are than the last item and any other."),
    "systems": ("Systems", "Everything that was trained or counted, with 95 % intervals."),
    "splits": ("Another split", "The same systems where nothing later than a cut in time is trained on."),
    "strata": ("What a case asks for", "Whether the step to the answer was seen in train, or can be composed."),
    "hard subset": ("Where no shortcut reaches", "Systems on cases that graph and texts do not come near."),
    "heuristic": ("The graph walk", "What each part of the walk is worth, the right texts among them."),
    "shortcuts": ("Shortcut solvability", "The best heuristic without training beside the best trained system."),
    MEMORY: ("Memory", "What is lost when less of a history is read, or in another order."),
    "decoding of ": ("Lists, probabilities and beams", "What is shown to whom, how sure it is, and what a beam loses."),
    "future of ": ("From the future", "Hits that stand on transitions that happened only after the case."),
    "retrained ": ("Trained on less", "The same system trained anew to read less, and on histories in random order."),
}  # fmt: skip
LONG = 40  # rows of a table that are shown
MANY = 10  # figures of a card; more are folded, as the verdict has named those that matter


def audit_page(audit: Audit, *, out: Path) -> Path:
    """Write the page of an audit to `out` and its JSON beside it, each whole or not at all; returns where it lies.
    UserError where it cannot be written."""
    out = Path(out)
    check_page(out)
    name = audit.bench.name
    head = f'<header class="top"><h1>What can {escape(name)} show?</h1>{facts(_asked(audit))}</header>'
    verdict = f'<section id="verdict"><h2>Verdict</h2>{_verdict(audit)}</section>'
    sections = "".join(_section(title, card) for title, card in audit.cards.items())
    toc = contents([(2, "verdict", "Verdict"), *((2, _anchor(name), _title(name)) for name in audit.cards)])
    body = f'<div class="sheet with-contents">{head}{toc}<main id="main">{verdict}{sections}</main></div>'
    write_text(out.with_suffix(".json"), json.dumps(finite(audit.dict()), indent=1, default=float))
    write_text(out, page(f"What can {name} show?", body))
    return out


def check_page(out: Path) -> None:
    """UserError unless a page of this name can be written: .html, no folder, and where files may be made."""
    if out.suffix != ".html" or out.is_dir():
        raise UserError(f"{str(out)!r} is no name for a page; write it as folder/name.html")
    check_folder(out.parent)


def _asked(audit: Audit) -> dict:
    split, protocol = audit.bench.split, audit.bench.protocol
    return {
        "data": split.data_hash, "users": audit.bench.users, "items": split.n_items, "cases": len(split.test.targets),
        "split": protocol.split, "ties": protocol.ties, "history": "masked" if protocol.mask_history else "not masked",
        "trained": [run.label for run in audit.runs], "counted": [run.label for run in audit.floors],
        "seed": audit.bench.seed, "took": f"{sum(audit.seconds.values()):.0f} s",
    }  # fmt: skip


def _verdict(audit: Audit) -> str:
    """The sentences by kind; after each a link to its section."""
    said, lines = audit.sentences, []
    for kind in KINDS:
        rows = "".join(_sentence(sentence) for sentence in said if sentence.kind == kind)
        lines.append(f"<h3>{escape(kind)}</h3><ul>{rows}</ul>" if rows else "")
    missing = [name for name, card in audit.cards.items() if card.unmeasured]
    if missing:
        links = ", ".join(f'<a href="#{_anchor(name)}">{escape(_title(name))}</a>' for name in missing)
        lines.append(f'<p class="quiet">Something could not be measured, and why is said there: {links}.</p>')
    return "".join(lines)


def _sentence(sentence: Sentence) -> str:
    link = f'<a href="#{_anchor(sentence.card)}">{escape(_title(sentence.card))}</a>'
    return f'<li>{escape(sentence.text)} <span class="quiet">→ {link}</span></li>'


def _anchor(name: str) -> str:
    return "card-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _title(name: str) -> str:
    begin = next((begin for begin in TITLES if name.startswith(begin)), "")
    heading = TITLES.get(begin, (name, ""))[0]
    return f"{heading}: {name.removeprefix(begin)}" if begin.endswith("of ") or begin == "retrained " else heading


def _section(name: str, card: Card) -> str:
    begin = next((begin for begin in TITLES if name.startswith(begin)), "")
    about, drawn = TITLES.get(begin, ("", ""))[1], plots(_plots(name, card))
    numbers = wide(faces.figures(card)) if card.figures else f"<p>{escape(faces.figures(card).caption)}</p>"
    if len(card.figures) > MANY:
        said = f"{len(card.figures)} figures, each beside what chance gives"
        numbers = f"<details><summary>{said}</summary>{numbers}</details>"
    behind = "".join(
        f'<details class="behind"><summary>Table: {escape(key)}</summary>'
        f"{wide(tables.table(table.head(LONG), length=60))}</details>"
        for key, table in card.tables.items() if len(table)
    )  # fmt: skip
    return (f'<section id="{_anchor(name)}"><h2>{escape(_title(name))}</h2><p>{escape(about)}</p>{drawn}{numbers}'
            f"{behind}</section>")  # fmt: skip


def _plots(name: str, card: Card) -> list:
    """Pictures of a card, where one says more than its table."""
    drawn = []
    if "systems" in card.tables:
        drawn.append(compare.comparison(card.tables["systems"], metric=METRIC))
    if name == "graph" and card.figures:
        drawn.append(faces.rings(card))
    if "readings" in card.tables:
        drawn.append(faces.by_length({name.removeprefix(MEMORY): faces.lengths_read(card)}, metric=METRIC))
    if "by stratum" in card.tables:
        drawn.append(faces.by_stratum(card, metric=METRIC))
    return drawn


def finite(value):
    """The same JSON value with None for what is not a number."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
