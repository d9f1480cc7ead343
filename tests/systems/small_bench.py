"""A bench with twelve items, for baselines whose scores are also computed by hand."""
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbench import systems
from workbench.data import Histories, Protocol, Split
from workbench.data.splits import Cases

N_ITEMS = 12


def make_histories(*rows: list[int]) -> Histories:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Histories(offsets, np.array(sum(rows, []), np.int32), np.arange(len(rows), dtype=np.int32))


@dataclass(frozen=True)
class SmallBench:
    """The parts of a bench that baselines use: a split, a seed, item vectors, and item text."""

    train: Histories
    n_items: int = N_ITEMS
    seed: int = 0
    item_vectors: np.ndarray | None = None
    items: pd.DataFrame = field(default_factory=pd.DataFrame)
    name: str = "small bench"

    @property
    def split(self) -> Split:
        none = Cases(self.train, np.zeros(0, np.int32))
        return Split(self.train, none, none, len(self.train), self.n_items, Protocol(), "")

    @property
    def dataset(self) -> "SmallBench":
        return self

    def vectors(self, kind: str, *, dim: int) -> np.ndarray:
        assert kind == "text" and dim == 256
        return self.item_vectors


def fitted(name: str, bench: SmallBench, **changes):
    recommender = systems.build(name, bench, **changes)
    assert recommender.fit(bench.split, None) == []
    return recommender


def random_rows(seed: int = 0, n: int = 60) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, N_ITEMS + 1, rng.integers(1, 9)).tolist() for _ in range(n)]
