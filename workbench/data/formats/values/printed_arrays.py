"""Lists of texts that were written to a CSV cell as numpy prints them: ['A' 'B'\\n 'C'], without commas."""
from typing import NamedTuple

import polars as pl

TOKEN = r"""'[^'\s]+'|"[^"\s]+\""""


class Lists(NamedTuple):
    """tokens: lists of texts, one a cell; empty for a broken one. broken: bool, a cell that is no such array: without
    brackets, with an unclosed quote or text outside quotes, empty, or missing. cut: bool, those among them that numpy
    shortened (...), so that tokens were lost when they were written."""

    tokens: pl.Series
    broken: pl.Series
    cut: pl.Series


def printed_arrays(cells: pl.Series) -> Lists:
    """The tokens between quotes of each cell (n,), wherever its lines break.

    >>> printed_arrays(pl.Series(["['A' 'B'\\n 'C']", "['A' ... 'Z']", "['A' 'B"])).tokens.to_list()
    [['A', 'B', 'C'], [], []]
    """
    text = cells.cast(pl.String).fill_null("")
    rest = text.str.replace_all(TOKEN, "").str.replace_all(r"\s", "")
    tokens = text.str.extract_all(TOKEN).list.eval(pl.element().str.slice(1, pl.element().str.len_chars() - 2))
    broken = (rest != "[]") | (tokens.list.len() == 0)
    kept = pl.select(
        pl.when(broken).then(pl.lit([], pl.List(pl.String))).otherwise(tokens).alias(cells.name)
    ).to_series()
    return Lists(kept, broken, (rest == "[...]"))
