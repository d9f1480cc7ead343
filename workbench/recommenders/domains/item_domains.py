"""The domain of each item of a catalogue, and what reads the events of one domain alone."""
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from workbench.data import Dataset, Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.recommenders.sequential import LastState
from workbench.recommenders.vector import Objective
from workbench.train.fit import TrainingSession

WHERE = "datasets whose items all have one: food-kitchen, beauty-electronics and merged"


def item_domains(dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """(I+1,) int64, the domain of each item, 0 also in row 0, and their names, sorted; a catalogue without the column
    `domain` is one domain. UserError for items with none."""
    if "domain" not in dataset.items:
        return np.zeros(dataset.n_items + 1, np.int64), [dataset.name]
    column = dataset.items["domain"]
    if missing := int((column.isna() | (column.astype(str).str.strip() == "")).sum()):
        raise UserError(f"{missing:,} of {dataset.n_items:,} items of {dataset.name} have no domain; {WHERE}", code=3)
    names, domains = np.unique(column.astype(str), return_inverse=True)
    return np.concatenate([[0], domains]), names.tolist()


class OneDomainState:
    """A `vector.Reader` that reads the events of some items alone, such as those of one domain, (I+1,) bool."""

    readout_mask = None

    def __init__(self, items: np.ndarray, max_length: int):
        self.items, self.last = items, LastState(max_length)
        self.max_length, self.batch = max_length, self.last.batch

    def states(self, module: nn.Module, histories: Histories) -> Tensor:
        """(B, D) hidden state after the last of these events; without one that of a padding token."""
        return self.last.states(module, histories.where(self.items[histories.items]))

    def trace(self, module: nn.Module, histories: Histories) -> ReadoutPositions:
        """Run the histories without the other events."""
        kept = self.items[histories.items]
        mask, event, level = self.last.trace(module, histories.where(kept))
        return ReadoutPositions(mask, np.flatnonzero(kept)[event], level)


def of_items(objective: Callable, items: np.ndarray) -> Callable[[nn.Module, Split, TrainingSession], Objective]:
    """An objective that learns from the train events of some items (I+1,) bool alone."""

    def of_part(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        return objective(module, replace(split, train=split.train.where(items[split.train.items])), session)

    return of_part
