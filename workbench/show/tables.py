"""Tables whose text is safe whatever a title says, with numbers to the right and rounded, sorted by their headings."""
import numbers
import re
from dataclasses import dataclass

import pandas as pd

from workbench.data.lint import LintReport
from workbench.errors import UserError
from workbench.evaluate.compare import same_protocol
from workbench.experiment import Bench
from workbench.show.theme import escape, shorten

ROWS = 200  # more are counted, not shown
SHORT = 24  # characters that stay on one line
NUMBER = re.compile(r"[-+−]?[\d,]*\.?\d+")
VERDICTS = {"warning": "! warning", "look": "? look", "not measured": "– not measured", "fine": "✓ fine"}


@dataclass(frozen=True)
class Table:
    """A frame ready to be looked at: `cells` and `names` are plain text, not yet escaped. right: numeric columns."""

    names: list[str]
    cells: list[list[str]]
    right: list[bool]
    caption: str = ""

    def _repr_html_(self) -> str:
        side = ["right" if right else "left" for right in self.right]

        def row(texts: list[str], tag: str) -> str:
            whole = ["; white-space: nowrap" if len(text) < SHORT else "" for text in texts]
            return "".join(
                f'<{tag} style="padding: 0.25em 0.8em; text-align: {s}{w}">{escape(text, 10_000)}</{tag}>'
                for text, s, w in zip(texts, side, whole)
            )

        head, body = row(self.names, "th"), "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in self.cells)
        caption = f"<p>{escape(self.caption, 500)}</p>" if self.caption else ""
        kind = "dataframe mathjax_ignore"  # a price between two dollar signs is no formula
        opening = f'<table class="{kind}" style="line-height: 1.4">'
        return f"{opening}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{caption}"

    def __repr__(self) -> str:
        lines = [self.names, *self.cells]
        width = [max(len(line[i]) for line in lines) for i in range(len(self.names))]
        sides = [str.rjust if right else str.ljust for right in self.right]
        text = ["  ".join(side(cell, w) for side, cell, w in zip(sides, line, width)).rstrip() for line in lines]
        return "\n".join(text + ([self.caption] if self.caption else []))


def table(frame: pd.DataFrame, *, digits: int = 4, caption: str = "", index: bool = True, length: int = 80) -> Table:
    """A frame as a safe table: numbers rounded to `digits`, texts cut at `length` characters, at most 200 rows."""
    cut = frame.head(ROWS)
    if index:
        cut = cut.reset_index(names=[str(name or "") for name in cut.index.names])
    columns = [_texts(cut[column], digits, length) for column in cut.columns]
    right = [_numeric(cut[column], texts) for column, texts in zip(cut.columns, columns)]
    more = len(frame) - len(cut)
    caption = " ".join(filter(None, [caption, f"{more:,} more rows are not shown." if more else ""]))
    return Table([shorten(name, 40) for name in cut.columns], [list(row) for row in zip(*columns)], right, caption)


def _numeric(column: pd.Series, texts: list[str]) -> bool:
    """Whether a column stands to the right: numbers, or words that are plain numbers one and all."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return not pd.api.types.is_bool_dtype(column.dtype)
    said = [text for text in texts if text and text not in "—–-"]
    return bool(said) and all(map(NUMBER.fullmatch, said))


def _texts(column: pd.Series, digits: int, length: int) -> list[str]:
    """A column in words; numbers of one size get the same decimals, so that their points stand in line."""
    values = column.tolist()
    sizes = [abs(value) for value in values if isinstance(value, float) and value == value]
    fixed = bool(sizes) and max(sizes) < 10

    def text(value: object) -> str:
        if value is None or value is pd.NaT or value is pd.NA or value != value:
            return "—"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, numbers.Integral):
            return f"{value:,}"
        if isinstance(value, float):
            if fixed:
                return f"{value:.{digits}f}"
            if value == round(value) or abs(value) >= 1000:
                return f"{value:,.0f}"
            return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:.{digits}g}"
        if isinstance(value, pd.Timestamp):
            return value.strftime("%Y-%m-%d" if value == value.normalize() else "%Y-%m-%d %H:%M")
        return shorten(value, length)

    return [text(value) for value in values]


def about(bench: Bench) -> Table:
    """What a bench holds, and what can and cannot be shown with it."""
    dataset, split, protocol = bench.dataset, bench.split, bench.protocol
    events = f"{len(dataset.interactions):,}"
    orders = {
        "sequence": "the file gives each user's events in order",
        "time": "timestamps give the order; equal ones are settled by a seeded hash",
        "none": "nothing tells what came first: an order is drawn at random, and no sequence can be learned from it",
    }
    titled = "title" in dataset.items
    rows = {
        "dataset": f"{dataset.name}: {dataset.n_users:,} users, {dataset.n_items:,} items, {events} events",
        "titles": "items have titles" if titled else "items have no titles; raw ids stand in for them",
        "times": "events carry times" if dataset.has_times else "no timestamps: figures over time cannot be drawn",
        "order": orders[dataset.order],
        "protocol": f"{protocol.split}, history {'masked' if protocol.mask_history else 'not masked'}, "
        f"ties by {protocol.ties}, ranked among all {split.n_items:,} items",
        "asked": f"{len(split.test.targets):,} test cases of {split.n_users:,} users (profile {bench.profile.name})",
    }
    return table(pd.DataFrame({"what": rows.keys(), "here": rows.values()}), index=False, length=200)


def findings(report: LintReport, *, only: tuple[str, ...] = ()) -> Table:
    """The findings of data.lint, the gravest first; `only` those whose names hold one of these words."""
    frame = report.findings
    if only:
        frame = frame[[any(word in name for word in only) for name in frame["check"]]]
    order = frame["verdict"].map({verdict: place for place, verdict in enumerate(VERDICTS)}).argsort(kind="stable")
    frame = frame.iloc[order].rename(columns={"null_or_reference": "expected"})
    frame = frame.assign(verdict=frame["verdict"].map(VERDICTS))
    return table(frame[["verdict", "check", "value", "expected", "note"]], index=False, length=400)


def refusal(runs: list) -> Table:
    """What `evaluate.compare` answers when it is given runs under different protocols; or that they may be."""
    try:
        same_protocol(runs)
        answer = "These runs answer the same question and may be compared."
    except UserError as error:
        answer = f"Refused: {error}."
    return table(pd.DataFrame({"compare(...)": [answer]}), index=False, length=400)
