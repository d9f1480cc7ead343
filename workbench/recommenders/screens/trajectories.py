"""The trajectories of a bench: screens as text, the intents each is evidence of, and the worlds of the parts."""
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench.data.schema import RAW, hash_ranks
from workbench.data.screens.assembly import JOIN, SCREENS
from workbench.data.tables import required_table
from workbench.envs.screens import ScreenWorld
from workbench.errors import UserError

PARTS = ("train", "valid", "test")
SHARES = (0.6, 0.8)  # of the trajectories, in the order of a seeded hash: where validation and test begin
COLUMNS = ("trajectory", "step", "app", "widget", "text", "intents")


class Trajectories(NamedTuple):
    """R screens and N trajectories; row 0 of what is by screen is no screen. screens: (N, T) rows, 0 after the end.
    wanted: (N, A+1) bool. texts: (R+1,) what is on a screen, its app and widget among it. evidence: (R+1, A+1) bool,
    column 0 of screens that are evidence of nothing. names: (A+1,) of the intents. part: (N,) of PARTS. ids: (N,)."""

    screens: np.ndarray
    wanted: np.ndarray
    texts: np.ndarray
    evidence: np.ndarray
    names: np.ndarray
    part: np.ndarray
    ids: np.ndarray

    def rows(self, part: str) -> np.ndarray:
        """(n,) the screens of a part."""
        rows = self.screens[self.part == PARTS.index(part)]
        return rows[rows > 0]

    def world(self, part: str) -> ScreenWorld:
        """The trajectories of a part."""
        chosen = self.part == PARTS.index(part)
        return ScreenWorld(self.screens[chosen], self.wanted[chosen])

    def kinds(self, part: str) -> np.ndarray:
        """(n,) text: noise, one or several, by the number of intents of each trajectory of a part."""
        n = self.wanted[self.part == PARTS.index(part), 1:].sum(axis=1)
        return np.array(["noise", "one", "several"], object)[np.minimum(n, 2)]


def trajectories(bench: Any) -> Trajectories:
    """Those of a bench, 60 % of them for training and a fifth each for validation and test, by a seeded hash of their
    names. UserError for a dataset without screens, or with fewer than five trajectories."""
    dataset = bench.dataset
    table = required_table(dataset, SCREENS)
    if lacking := [name for name in COLUMNS if name not in table]:
        raise UserError(f"{dataset.name}: table screens has no column {', '.join(lacking)}", code=3)
    code, ids = pd.factorize(table["trajectory"].astype(str))
    if len(ids) < 5:
        raise UserError(f"{dataset.name}: {len(ids)} trajectories; five or more are split into three parts", code=3)
    number = hash_ranks(np.asarray(ids))[code]
    table = table.assign(number=number).sort_values(["number", "step"], kind="stable", ignore_index=True)
    place = table.groupby("number").cumcount().to_numpy()
    N, R = len(ids), len(table)
    screens = np.zeros((N, place.max() + 1), np.int64)
    screens[table["number"], place] = np.arange(1, R + 1)
    names = np.concatenate([[""], dataset.items[RAW].to_numpy(object)])
    intents = table["intents"].str.split(JOIN, regex=False).explode()
    known = pd.Series(np.arange(len(names)), names).reindex(intents.to_numpy())
    evidence = np.zeros((R + 1, len(names)), bool)
    evidence[intents.index.to_numpy() + 1, known.fillna(0).to_numpy(np.int64)] = True
    evidence[0] = False
    wanted = np.zeros((N, len(names)), bool)
    np.logical_or.at(wanted, table["number"].to_numpy(), evidence[1:])
    wanted[:, 0] = False
    said = table["app"].str.cat([table["widget"], table["text"]], sep=" ")
    part = np.digitize(np.arange(N) / N, SHARES)
    ordered = np.empty(N, object)
    ordered[hash_ranks(np.asarray(ids))] = ids
    return Trajectories(screens, wanted, np.concatenate([[""], said.to_numpy(object)]), evidence, names, part, ordered)
