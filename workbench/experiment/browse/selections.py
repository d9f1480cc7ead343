"""What systems that choose training data keep of train, at any budget."""
from typing import Any

import numpy as np
import pandas as pd

from workbench import systems
from workbench.errors import UserError
from workbench.train.session import TrainingSession


class Selections:
    """What selectors choose of the train events of a bench, each choice made once.

    settings: of each system by its name, {"goracs": {"exchanges": 10}}; {} for the usual ones. UserError for a system
    that does not select.
    """

    def __init__(self, bench: Any, settings: dict[str, dict]):
        if not settings:
            raise UserError("name a system that selects at least, such as {'random_selection': {}}")
        for name in settings:
            if systems.verb(name) != "select":
                raise UserError(f"{name} does not select what is learned from: its verb is {systems.verb(name)!r}")
        self.bench, self.settings = bench, settings
        self._rows: dict[tuple[str, float], np.ndarray] = {}

    def rows(self, system: str, share: float) -> np.ndarray:
        """(n,) the rows of train that a system selects at a share of the events. UserError if nothing fits into it."""
        if (system, share) not in self._rows:
            selector = systems.build(system, self.bench, **self.settings[system] | {"share": share})
            session = TrainingSession(self.bench.plan(system)[1], self.bench.seed, "cpu", None)
            budget = round(share * len(self.bench.split.train.items))
            self._rows[system, share] = selector.select(self.bench.split, budget, session)
        return self._rows[system, share]

    def at(self, share: float) -> pd.DataFrame:
        """A row for each system: histories and events chosen, their length beside that of all of train, the share of
        the catalogue and of the train events' items that they hold, and how many histories the first system chose
        too."""
        train, out = self.bench.split.train, []
        counts = self.bench.split.train_counts()
        users = {name: np.unique(train.rows()[self.rows(name, share)]) for name in self.settings}
        first = next(iter(users.values()))
        for name, chosen in users.items():
            rows = self.rows(name, share)
            items = np.unique(train.items[rows])
            out.append({
                "system": name, "share": share, "histories": len(chosen), "events": len(rows),
                "events a history": len(rows) / len(chosen), "of all": float(train.lengths.mean()),
                "items held": len(items) / int((counts > 0).sum()),
                "events of an item": float(counts[train.items[rows]].mean()),
                "chosen by the first too": np.isin(chosen, first).mean(),
            })  # fmt: skip
        return pd.DataFrame(out)
