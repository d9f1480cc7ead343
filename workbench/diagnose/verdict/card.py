"""The result of every diagnostic: figures with intervals and null values, tables, and reasons for missing values."""
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.errors import UserError
from workbench.evaluate.intervals import mean_interval


class Figure(NamedTuple):
    """One measured number.

    name: unique within a card. value: the estimate. low, high: its 95 % interval, NaN for exact counts. null: the
    expected value under the control that `note` names, NaN without one. direction: "above" or "below", the side of the
    null that counts as an effect; "" if neither does. n: number of cases, items or pairs measured. note: one sentence
    that defines the figure and its null.
    """

    name: str
    value: float
    low: float = np.nan
    high: float = np.nan
    null: float = np.nan
    direction: str = ""
    n: int = 0
    note: str = ""

    @property
    def significant(self) -> bool:
        """Whether the whole interval (the value, if there is none) lies beyond the null in `direction`."""
        low, high = (self.value if np.isnan(end) else end for end in (self.low, self.high))
        return bool(low > self.null if self.direction == "above" else self.direction == "below" and high < self.null)


@dataclass(frozen=True)
class Card:
    """figures: in reading order. tables: details by name. unmeasured: by name of a figure or diagnostic, the reason.

    undertrained: systems that the card quotes although their training was cut off, each with how; nothing follows from
    their scores. about: the training seeds of the systems measured; "" for none.
    """

    figures: tuple[Figure, ...] = ()
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)
    undertrained: dict[str, str] = field(default_factory=dict)
    about: str = ""

    @property
    def caution(self) -> str:
        """What to say wherever a number of the card is shown: of which systems no conclusion may be drawn; "" if none.

        >>> Card(undertrained={"sasrec": "validation still rose when training stopped"}).caution
        'No conclusion about sasrec: validation still rose when training stopped.'
        """
        return " ".join(f"No conclusion about {system}: {why}." for system, why in self.undertrained.items())

    def table(self) -> pd.DataFrame:
        """One row per figure, indexed by name; `significant` says whether the interval excludes the null."""
        rows = [{**figure._asdict(), "significant": figure.significant} for figure in self.figures]
        return pd.DataFrame(rows, columns=[*Figure._fields, "significant"]).set_index("name")

    def save(self, folder: Path) -> None:
        """Write the card into an existing folder, as JSON and one Parquet file per table."""
        content = {"figures": [figure._asdict() for figure in self.figures], "unmeasured": self.unmeasured,
                   "undertrained": self.undertrained, "tables": list(self.tables)}  # fmt: skip
        (folder / "card.json").write_text(json.dumps(content), encoding="utf-8")
        for number, table in enumerate(self.tables.values()):
            table.to_parquet(folder / f"table-{number}.parquet")

    @staticmethod
    def load(folder: Path) -> "Card":
        """Read the card that `save` wrote."""
        content = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        tables = {name: pd.read_parquet(folder / f"table-{n}.parquet") for n, name in enumerate(content["tables"])}
        figures = tuple(Figure(**figure) for figure in content["figures"])
        return Card(figures, tables, content["unmeasured"], content["undertrained"])

    def __getitem__(self, name: str) -> Figure:
        """A figure by name; KeyError if it was not measured."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)


def mean_figure(name: str, values: np.ndarray, **fields) -> Figure:
    """The mean of per-case values (C,) with its bootstrap interval. fields: null, direction and note of the Figure.

    UserError if there is no case.
    """
    if not len(values):
        raise UserError(f"{name}: no case to measure it on", code=3)
    low, high = mean_interval(np.asarray(values, np.float64))
    return Figure(name, float(np.mean(values)), low, high, n=len(values), **fields)


def gather_cards(parts: dict[str, Callable[[], Card]]) -> Card:
    """Merge the cards of several diagnostics. One that raises a UserError is listed as unmeasured with its message, and
    so is a figure whose value is not finite."""
    figures, tables, unmeasured, undertrained = [], {}, {}, {}
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
                unmeasured[figure.name] = f"undefined here. {figure.note}"
        tables |= card.tables
        unmeasured |= card.unmeasured
        undertrained |= card.undertrained
    return Card(tuple(figures), tables, unmeasured, undertrained)
