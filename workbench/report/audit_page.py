"""The page of an audit: the verdict on a benchmark, each sentence linked to its evidence, and the same as JSON."""
import json
import re
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.artifacts import write_text
from workbench.diagnose.verdict.card import Card
from workbench.diagnose.verdict.sentences import HISTORY_ABLATION, KINDS, Sentence
from workbench.errors import UserError
from workbench.experiment.audit.audit_result import Audit
from workbench.experiment.audit.networks import by_label, training_text
from workbench.experiment.audit.sections import METRIC
from workbench.places import check_folder
from workbench.report.cell_outputs import figures_html, table_html
from workbench.report.glossary import glossary, link_terms
from workbench.report.index import page_header, provenance
from workbench.report.page_template import html_document, table_of_contents
from workbench.show import tables
from workbench.show.figures import audit as figures

SECTION_TITLES = {  # by the prefix of a card's name: heading and description of its section
    "data": ("Data", "Properties of the interaction log, and possible problems of it."),
    "published counts": ("Published statistics", "Whether the counts equal those published under this name."),
    "graph": ("Train graph", "How close the target is to the last item in the graph of item transitions in train."),
    "features": ("Item features", "How similar the last item and the target are, against the last item and others."),
    "systems": ("Systems", "All trained systems and training-free baselines, with 95 % confidence intervals."),
    "splits": ("Other split", "The best training-free baseline when trained on no later event (global-time split)."),
    "memorization": ("Memorization", "Whether the transition to the target was seen in train, or can be composed."),
    "hard subset": ("Hard subset", "The systems on cases in which neither graph nor item features find the target."),
    "baseline ablation": ("Graph heuristic", "Ablation of the training-free heuristic, part by part."),
    "shortcuts": ("Shortcut solvability",
                  "The score of the best training-free heuristic over that of the best trained system (SSI)."),
    HISTORY_ABLATION: ("History ablation", "The loss when a system reads a shorter or a shuffled history."),
    "decoding: ": ("Recommendations and decoding", "Coverage and popularity of lists, calibration, beam-search loss."),
    "temporal leakage: ": ("Temporal leakage", "Hits on train transitions that happened only after the test case."),
    "retrained: ": ("Retraining", "The same system retrained on shorter histories and on shuffled ones."),
}  # fmt: skip
MAX_ROWS = 40  # rows shown of a table
MAX_UNFOLDED_FIGURES = 10  # figures of a card; a longer table is folded


def audit_page(audit: Audit, *, out: Path) -> Path:
    """Write the page of an audit to `out` and the audit as JSON next to it, each atomically; returns the path of the
    page. UserError if it cannot be written."""
    out = Path(out)
    check_page_path(out)
    name = audit.bench.dataset.name
    made = {"took": f"{sum(audit.seconds.values()):.0f} s", **provenance()}
    header = page_header(f"What can {name} show?", _settings(audit), made)
    terms: set[str] = set()
    verdict = f'<section id="verdict"><h2>Verdict</h2>{link_terms(_verdict(audit), terms)}</section>'
    sections = "".join(_section(title, card, terms) for title, card in audit.cards.items()) + glossary(terms)
    toc = table_of_contents([(2, "verdict", "Verdict"), *((2, _anchor(name), _title(name)) for name in audit.cards)])
    body = f'<div class="sheet with-contents">{header}{toc}<main id="main">{verdict}{sections}</main></div>'
    write_text(out.with_suffix(".json"), json.dumps(replace_nonfinite(audit.dict()), indent=1, default=float))
    write_text(out, html_document(f"What can {name} show?", body))
    return out


def check_page_path(out: Path) -> None:
    """UserError unless `out` names an .html file, is not a folder, and its folder is writable."""
    if out.suffix != ".html" or out.is_dir():
        raise UserError(f"{str(out)!r} is not the name of a page; write it as folder/name.html")
    check_folder(out.parent)


def _settings(audit: Audit) -> dict:
    split, protocol = audit.bench.split, audit.bench.protocol
    return {
        "profile": audit.bench.profile.name, "data": split.data_hash, "users": audit.bench.users,
        "items": split.n_items, "cases": len(split.test.targets),
        "split": protocol.split, "ties": protocol.ties, "history": "masked" if protocol.mask_history else "not masked",
        "seed of the audit": audit.bench.seed, "baselines": [run.label for run in audit.baselines],
        **{f"{label}, trained": training_text(runs) for label, runs in by_label(audit.runs).items()},
    }  # fmt: skip


def _verdict(audit: Audit) -> str:
    """The sentences of the verdict by kind, each with a link to its section."""
    lines = []
    for kind in KINDS:
        rows = "".join(_sentence(sentence) for sentence in audit.sentences if sentence.kind == kind)
        lines.append(f"<h3>{escape(kind)}</h3><ul>{rows}</ul>" if rows else "")
    missing = [name for name, card in audit.cards.items() if card.unmeasured]
    if missing:
        links = ", ".join(f'<a href="#{_anchor(name)}">{escape(_title(name))}</a>' for name in missing)
        lines.append(f'<p class="quiet">Not everything could be measured; for the reasons see: {links}.</p>')
    return "".join(lines)


def _sentence(sentence: Sentence) -> str:
    link = f'<a href="#{_anchor(sentence.card)}">{escape(_title(sentence.card))}</a>'
    return f'<li>{escape(sentence.text)} <span class="quiet">→ {link}</span></li>'


def _anchor(name: str) -> str:
    return "card-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _title(name: str) -> str:
    prefix = next((prefix for prefix in SECTION_TITLES if name.startswith(prefix)), "")
    heading = SECTION_TITLES.get(prefix, (name, ""))[0]
    return f"{heading}: {name.removeprefix(prefix)}" if prefix.endswith(": ") else heading


def _section(name: str, card: Card, terms: set[str]) -> str:
    prefix = next((prefix for prefix in SECTION_TITLES if name.startswith(prefix)), "")
    description, plots = SECTION_TITLES.get(prefix, ("", ""))[1], figures_html(_plots(name, card))
    introduction = link_terms(f"<p>{escape(description)}</p>", terms)
    if card.caution:
        introduction += f'<p class="failed" role="note">{escape(card.caution)}</p>'
    numbers = tables.table(card)
    numbers = table_html(numbers) if card.figures else f"<p>{escape(numbers.caption)}</p>"
    if len(card.figures) > MAX_UNFOLDED_FIGURES:
        summary = f"{len(card.figures)} figures, each with its chance level"
        numbers = f"<details><summary>{summary}</summary>{numbers}</details>"

    def caption(table: pd.DataFrame) -> str:
        more = f"{len(table) - MAX_ROWS:,} more rows are not shown." if len(table) > MAX_ROWS else ""
        return " ".join(filter(None, [card.caution, more]))

    evidence = "".join(
        f'<details class="behind"><summary>Table: {escape(key)}</summary>'
        f"{table_html(tables.table(table.head(MAX_ROWS), length=60, caption=caption(table)))}</details>"
        for key, table in card.tables.items() if len(table)
    )  # fmt: skip
    return (f'<section id="{_anchor(name)}"><h2>{escape(_title(name))}</h2>{introduction}{plots}{numbers}'
            f"{evidence}</section>")  # fmt: skip


def _plots(name: str, card: Card) -> list:
    """The picture of a card, if its figures or tables have one."""
    if not figures.has_picture(card):
        return []
    label = next((name.removeprefix(prefix) for prefix in SECTION_TITLES if name.startswith(prefix)), name)
    return [figures.plot_card(card, label=label, metric=METRIC)]


def replace_nonfinite(value):
    """A JSON value with None in place of NaN and infinity."""
    if isinstance(value, dict):
        return {key: replace_nonfinite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [replace_nonfinite(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
