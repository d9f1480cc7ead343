"""What a dictionary keeps of a network that spells, code by code, as a part of the page of its latents: plain tables,
because that page holds no figure that a script draws."""
import html

import numpy as np
import pandas as pd

from workbench.experiment import Run
from workbench.experiment.probing import by_code_level
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.per_level import ALL, average, names
from workbench.show.figures.code_levels import WHOLE
from workbench.show.theme import shorten

KEPT = ("Of each code: what of the variance at its slots is left unexplained, about that code's own mean (lower is "
        "better); and how much of its cross-entropy the network keeps with reconstructions at these slots alone, from "
        "their mean (0 %) to the network itself (100 %), in brackets 95 % over users.")  # fmt: skip
FETCHED = ("Nats that a code costs more where one slot of its item holds the mean of its level. A slot is named by the "
           "code that it foretells; what stands right of the diagonal, later slots fetch there, and below it nothing "
           "can stand.")  # fmt: skip


def by_level(run: Run, read: Activations, kinds: dict[str, Dictionary]) -> str:
    """HTML: two tables of a run that spells, measured on users that no dictionary of `read` was learned on; one
    sentence for a run that does not. kinds: dictionaries of `read` by name."""
    if not by_code_level.spells(run):
        return f"<p>There is no part by codes here: {html.escape(shorten(run.label))} {WHOLE}.</p>"
    kept, fetched = by_code_level.by_level(run, read, kinds), average(by_code_level.attributed(run, read))
    return (f'<details class="levels" open><summary>Code by code</summary><p class="quiet">{KEPT}</p>{_kept(*kept)}'
            f'<p class="quiet">{FETCHED}</p>{_fetched(fetched)}</details>')  # fmt: skip


def _kept(unexplained: pd.DataFrame, kept: dict[str, pd.DataFrame]) -> str:
    head = [""] + [f"{kind} {what}" for kind in unexplained for what in ("unexplained ↓", "kept ↑")]
    lines = []
    for code in unexplained.index.drop(ALL):
        cells = []
        for kind, table in kept.items():
            own = table[(table["edited"] == code) & (table["code"] == code)]
            cells += [f"{unexplained[kind][code]:.1%}", own["said_mean"].iloc[0]]
        lines.append([code, *cells])
    return _table(head, lines)


def _fetched(table: pd.DataFrame) -> str:
    L = int(round(len(table) ** 0.5))
    mean, low, high = (table[name].to_numpy().reshape(L, L) for name in ("rise", "low", "high"))
    mean, low, high = (np.round(values, 2) + 0.0 for values in (mean, low, high))  # no -0.00
    codes = names(L)
    lines = [[f"slot of {codes[row]}", *(f"{mean[row, at]:.2f} [{low[row, at]:.2f}, {high[row, at]:.2f}]"
                                         if at >= row else "" for at in range(L))] for row in range(L)]  # fmt: skip
    return _table(["", *codes], lines)


def _table(head: list[str], lines: list[list[str]]) -> str:
    top = "".join(f"<th>{html.escape(text)}</th>" for text in head)
    body = "".join(
        f"<tr><th>{html.escape(first)}</th>{''.join(f'<td>{html.escape(text)}</td>' for text in rest)}</tr>"
        for first, *rest in lines
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def by_namer(told: pd.DataFrame, namer: str) -> str:
    """HTML: names made of titles alone and how well they foretell. told: of `latents.named`."""
    there = told[told["name"].notna()]
    cells = [(str(latent), shorten(row["name"], 80), f"{row['balanced']:.2f}", f"{row['shuffled']:.2f}")
             for latent, row in there.iterrows()]  # fmt: skip
    lines = ["<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells]
    said = (f"Named by {html.escape(shorten(namer))} from titles alone, on users and items that the judging does not "
            "use. Balanced accuracy of the name, .5 by chance, and of another latent's name.")  # fmt: skip
    head = "<tr><th>latent</th><th>name</th><th>its own</th><th>another's</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<details class="levels"><summary>Names from titles</summary><p class="quiet">{said}</p>{table}</details>'
