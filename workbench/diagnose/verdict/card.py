"""What every diagnostic hands back: figures with their intervals and null values, tables, and what could not be
measured and why."""
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.errors import UserError
from workbench.evaluate.compare import interval


class Figure(NamedTuple):
    """One measured number.

    name: unique within a card. value: the estimate. low, high: its 95 % interval, NaN for what is counted, not
    estimated. null: what it would be if there were nothing to find, by the control that `note` names; NaN where there
    is none. toward: "above" or "below", the side of the null on which there is something; "" where neither is. n: how
    many cases, items or pairs stand behind it. note: one plain sentence that says what was measured.
    """

    name: str
    value: float
    low: float = np.nan
    high: float = np.nan
    null: float = np.nan
    toward: str = ""
    n: int = 0
    note: str = ""

    @property
    def found(self) -> bool:
        """Whether the whole interval (the value, where it has none) lies on the side of the null that says so."""
        low, high = (self.value if np.isnan(end) else end for end in (self.low, self.high))
        return bool(low > self.null if self.toward == "above" else self.toward == "below" and high < self.null)


@dataclass(frozen=True)
class Card:
    """figures: in reading order. tables: by name, what the figures were read from. unmeasured: why, by what."""

    figures: tuple[Figure, ...] = ()
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """(figures) a row each, indexed by name; found says whether the interval clears the null."""
        rows = [{**figure._asdict(), "found": figure.found} for figure in self.figures]
        return pd.DataFrame(rows, columns=[*Figure._fields, "found"]).set_index("name")

    def save(self, folder: Path) -> None:
        """Write the card into an existing folder."""
        told = {"figures": [figure._asdict() for figure in self.figures], "unmeasured": self.unmeasured}
        (folder / "card.json").write_text(json.dumps({**told, "tables": list(self.tables)}), encoding="utf-8")
        for number, table in enumerate(self.tables.values()):
            table.to_parquet(folder / f"table-{number}.parquet")

    @staticmethod
    def load(folder: Path) -> "Card":
        """What `save` wrote."""
        told = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        tables = {name: pd.read_parquet(folder / f"table-{n}.parquet") for n, name in enumerate(told["tables"])}
        return Card(tuple(Figure(**figure) for figure in told["figures"]), tables, told["unmeasured"])

    def __getitem__(self, name: str) -> Figure:
        """A figure by name; KeyError if it was not measured."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)


def mean_figure(name: str, values: np.ndarray, **known) -> Figure:
    """The mean of per-case values (C,) with its bootstrap interval. known: null, toward and note of the Figure.

    UserError if there is no case.
    """
    if not len(values):
        raise UserError(f"{name}: no case to measure it on", code=3)
    return Figure(name, float(np.mean(values)), *interval(np.asarray(values, np.float64)), n=len(values), **known)


def gathered(parts: dict[str, Callable[[], Card]]) -> Card:
    """The cards of all parts as one. A part that raises a UserError is noted with its reason, and the others come; a
    figure whose value is not a number is noted too."""
    figures, tables, unmeasured = [], {}, {}
    for name, measure in parts.items():
        try:
            card = measure()
        except UserError as error:
            unmeasured[name] = str(error)
            continue
        for figure in card.figures:
            if np.isfinite(figure.value):
                figures.append(figure)
            else:
                unmeasured[figure.name] = f"it has no value here. {figure.note}"
        tables |= card.tables
        unmeasured |= card.unmeasured
    return Card(tuple(figures), tables, unmeasured)
