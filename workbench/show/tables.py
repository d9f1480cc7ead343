"""Formatted tables of DataFrames, audit cards, lint reports and verdicts: text escaped, numbers rounded and
right-aligned, sortable by their headings in a notebook."""
import numbers
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from workbench.data.lint import LintReport
from workbench.diagnose.verdict.card import Card, Figure
from workbench.diagnose.verdict.sentences import Sentence, decimals, is_clear
from workbench.diagnose.verdict.words import in_words
from workbench.errors import UserError, unknown_name
from workbench.evaluate import intervals
from workbench.experiment.audit.audit_result import Audit
from workbench.show.theme import escape, shorten

MAX_ROWS = 200  # rows beyond these are counted, not shown
P_VALUES = ("p", "q", "p_value")  # no means: they keep their decimals
NO_WRAP = 24  # characters below which a cell does not wrap
NUMBER_PATTERN = re.compile(r"[-+−]?[\d,]*\.?\d+")
LONG = 400  # characters of a cell in a table of sentences
MARKS = {True: "✓", False: "–"}
VERDICTS = {"warning": "! warning", "note": "? note", "not measured": "– not measured", "ok": "✓ ok"}


@dataclass(frozen=True)
class Table:
    """A formatted table: `names` and `cells` are plain text, escaped when shown. right: whether a column is numeric.
    exact: of each cell the number that it rounds, for who saves the table; "" for others. css_class: of its HTML."""

    names: list[str]
    cells: list[list[str]]
    right: list[bool]
    caption: str = ""
    exact: tuple[tuple[str, ...], ...] = ()
    css_class: str = field(default="", compare=False)

    def _repr_html_(self) -> str:
        side = ["right" if right else "left" for right in self.right]

        def row(texts: list[str], tag: str, exact: Iterable[str] = ()) -> str:
            wrap = ["; white-space: nowrap" if len(text) < NO_WRAP else "" for text in texts]
            known = [f' data-value="{value}"' if value else "" for value in exact] or [""] * len(texts)
            return "".join(
                f'<{tag}{value} style="padding: 0.25em 0.8em; text-align: {s}{w}">{escape(text, 10_000)}</{tag}>'
                for text, s, w, value in zip(texts, side, wrap, known)
            )

        exact = self.exact or ((),) * len(self.cells)
        body = "".join(f"<tr>{row(cells, 'td', values)}</tr>" for cells, values in zip(self.cells, exact))
        head = row(self.names, "th")
        caption = f"<p>{escape(self.caption, 1_500)}</p>" if self.caption else ""
        kind = f"dataframe mathjax_ignore {self.css_class}".rstrip()  # a price between two dollar signs is no formula
        opening = f'<table class="{kind}" style="line-height: 1.4">'
        return f"{opening}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{caption}"

    def __repr__(self) -> str:
        lines = [self.names, *self.cells]
        width = [max(len(line[i]) for line in lines) for i in range(len(self.names))]
        sides = [str.rjust if right else str.ljust for right in self.right]
        text = ["  ".join(side(cell, w) for side, cell, w in zip(sides, line, width)).rstrip() for line in lines]
        return "\n".join(text + ([self.caption] if self.caption else []))


def table(
    content: Any, *, digits: int = 4, caption: str = "", index: bool = True, length: int = 80,
    only: tuple[str, ...] = (), name: str = "",
) -> Table:  # fmt: skip
    """A formatted table, at most 200 rows, of one of:

    - a DataFrame, numbers rounded to `digits`, texts cut at `length` characters. caption: by default its
      `attrs["caption"]`. index: whether to show it. A dict of dicts, by row and then by column, is one too.
    - a card of an audit, such as `audit.graph`: value with 95 % interval, value under the null and whether the interval
      excludes it. only: figures whose names contain one of these words. name: show this table of the card instead.
    - the report of `bench.lint()`, warnings first. only: checks whose names contain one of these words.
    - an audit or its sentences: what the benchmark can and cannot show, each sentence with its card.

    Raises UserError for anything else.
    """
    if isinstance(content, dict) and content and all(isinstance(row, dict) for row in content.values()):
        content = pd.DataFrame.from_dict(content, orient="index")
    if isinstance(content, pd.DataFrame):
        return _frame_table(content, digits, caption or content.attrs.get("caption", ""), index, length)
    if isinstance(content, Card) and name:
        frame, cut = _detail(content, name), length if name in content.tables else LONG
        words = [caption or frame.attrs.get("caption", ""), content.caution]
        return _frame_table(frame, digits, " ".join(filter(None, words)), index, cut)
    if isinstance(content, Card):
        frame = _card_frame(content, only)
    elif isinstance(content, LintReport):
        frame = _lint_frame(content, only)
    elif isinstance(content, Audit):
        frame = _verdict_frame(content.sentences)
    elif isinstance(content, list | tuple) and all(isinstance(sentence, Sentence) for sentence in content):
        frame = _verdict_frame(content)
    else:
        raise UserError(f"a {type(content).__name__} cannot be shown as a table; pass a DataFrame, a card of an audit, "
                        "the report of bench.lint(), an audit, or its sentences")  # fmt: skip
    return _frame_table(frame, digits, caption or frame.attrs.get("caption", ""), False, LONG)


def _frame_table(frame: pd.DataFrame, digits: int, caption: str, index: bool, length: int) -> Table:
    cases = _fewest_cases(frame)
    cut = _with_bounds(frame.head(MAX_ROWS), digits)
    if index:
        cut = cut.reset_index(names=[str(name or "") for name in cut.index.names])
    places = min(digits, intervals.decimals(cases)) if cases else digits
    columns = [_texts(cut[name], digits if name in P_VALUES else places, length) for name in cut.columns]
    right = [_numeric(cut[column], texts) for column, texts in zip(cut.columns, columns)]
    more = len(frame) - len(cut)
    caption = " ".join(filter(None, [caption, f"{more:,} more rows are not shown." if more else ""]))
    exact = tuple(zip(*(_exact(cut[column], texts) for column, texts in zip(cut.columns, columns))))
    names = [shorten(name, 40) for name in cut.columns]
    return Table(names, [list(row) for row in zip(*columns)], right, caption, exact)


def _fewest_cases(frame: pd.DataFrame) -> int:
    """The least number of cases that the means of a frame are of, by its attrs or its column of them; 0 if unknown."""
    given = frame.attrs.get("cases")
    if isinstance(given, int) and given:
        return given
    column = next((frame[name] for name in ("cases", "users") if name in frame), None)
    known = column is not None and len(frame) and pd.api.types.is_numeric_dtype(column.dtype)
    return int(column.min()) if known and column.notna().all() else 0


def _with_bounds(frame: pd.DataFrame, digits: int) -> pd.DataFrame:
    """The frame with each column that has 95 % bounds beside it, "name low" and "name high", as one text. The frame's
    attrs or its column "cases" say how many cases it was measured on, and so how many decimals it can bear."""
    counts, out = frame.attrs.get("cases"), frame
    for name in frame.columns:
        sides = [f"{name} low", f"{name} high"]
        if set(sides) <= set(frame.columns):
            n = counts.get(name) if isinstance(counts, dict) else frame["cases"].min() if "cases" in frame else None
            places = min(digits, intervals.decimals(int(n))) if n else digits
            texts = [f"{x:.{places}f} [{low:.{places}f}, {high:.{places}f}]" if x == x else "—"
                     for x, low, high in frame[[name, *sides]].itertuples(index=False)]  # fmt: skip
            out = out.assign(**{name: texts}).drop(columns=sides).rename(columns={name: f"{name} [95 %]"})
    return out


def _exact(column: pd.Series, texts: list[str]) -> list[str]:
    """The finite numbers of a column in full where the text rounds or groups them, else ""."""
    values = column.tolist()
    values = [str(value) if isinstance(value, int | float) and abs(value) < np.inf else "" for value in values]
    return ["" if value in (text, "True", "False") else value for value, text in zip(values, texts)]


def _numeric(column: pd.Series, texts: list[str]) -> bool:
    """Whether a column is right-aligned: numbers, or texts that are all numbers."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return not pd.api.types.is_bool_dtype(column.dtype)
    filled = [text for text in texts if text and text not in "—–-"]
    return bool(filled) and all(map(NUMBER_PATTERN.fullmatch, filled))


def _texts(column: pd.Series, digits: int, length: int) -> list[str]:
    """A column as text; numbers below 10 get the same decimals, so that their points align."""
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


def _card_frame(card: Card, only: tuple[str, ...]) -> pd.DataFrame:
    """One row per figure of a card, without empty columns; the caption gives the reasons for missing figures."""
    figures = [f for f in card.figures if not only or any(word in f.name for word in only)]
    frame = pd.DataFrame({
        "figure": [in_words(f.name) for f in figures], "value [95 %]": [_with_interval(f) for f in figures],
        "by chance": [_number(f.null, decimals(f)) if np.isfinite(f.null) else "" for f in figures],
        "clear": [MARKS[is_clear(f)] if f.direction and np.isfinite(f.null) and not card.caution else ""
                  for f in figures],
        "n": [f"{f.n:,}" if f.n else "" for f in figures], "what it is": [f.note for f in figures],
    })  # fmt: skip
    frame = frame.loc[:, [name == "figure" or frame[name].astype(bool).any() for name in frame]]
    missing = "; ".join(f"{name} ({reason.rstrip('.')})" for name, reason in card.unmeasured.items())
    about = f"Measured on {card.about}." if card.about and card.figures else ""
    missing = f"Not measured: {missing}." if missing else ""
    frame.attrs["caption"] = " ".join(filter(None, [card.caution, about, missing]))
    return frame


def _with_interval(figure: Figure) -> str:
    digits = decimals(figure)
    interval = f" [{_number(figure.low, digits)}, {_number(figure.high, digits)}]" if np.isfinite(figure.low) else ""
    return _number(figure.value, digits if interval else 4) + interval


def _number(value: float, digits: int = 4) -> str:
    """A number with four decimals below 1, or as many as `digits`, two below 1,000 and none above.

    >>> _number(0.04712), _number(0.04712, 2), _number(12345.0), _number(float("nan"))
    ('0.0471', '0.05', '12,345', '—')
    """
    if not np.isfinite(value):
        return "—"
    if abs(value) >= 1000 or value == int(value) and abs(value) >= 2:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}" if abs(value) < 1 else f"{value:.2f}"


def _detail(card: Card, name: str) -> pd.DataFrame:
    """A table of a card by name, or the reasons for missing values if the card has none. UserError for another name."""
    if name in card.tables:
        return card.tables[name]
    if not card.unmeasured:
        raise unknown_name("table of this card", name, card.tables)
    return pd.DataFrame({"why": card.unmeasured.values()}, index=pd.Index(card.unmeasured, name="not measured"))


def _lint_frame(report: LintReport, only: tuple[str, ...]) -> pd.DataFrame:
    """The findings of a lint report, warnings first."""
    frame = report.findings
    if only:
        frame = frame[[any(word in name for word in only) for name in frame["check"]]]
    order = frame["verdict"].map({verdict: n for n, verdict in enumerate(VERDICTS)}).argsort(kind="stable")
    frame = frame.iloc[order].rename(columns={"reference": "expected"})
    return frame.assign(verdict=frame["verdict"].map(VERDICTS))[["verdict", "check", "value", "expected", "note"]]


def _verdict_frame(sentences: list[Sentence]) -> pd.DataFrame:
    """One row per sentence, restrictions first."""
    rows = [(sentence.kind, sentence.text, sentence.card) for sentence in sentences]
    frame = pd.DataFrame(rows, columns=["", "finding", "card"])
    frame.attrs["caption"] = "" if sentences else "Nothing was measured that supports a sentence."
    return frame
