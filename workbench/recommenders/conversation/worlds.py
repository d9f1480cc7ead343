"""The conversations of a bench: its attributes, who wants what, and a recommender that knows the users' pasts."""
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.data import Cases, Histories
from workbench.data.links.attributes import Attributes, item_attributes
from workbench.envs.conversation import ConversationWorld
from workbench.errors import UserError
from workbench.interfaces import Scorer
from workbench.recommenders.rerank.first_stages import before


class ConversationWorlds:
    """The worlds of train, validation and test of a bench. scorer: a system that scores every item from a history.
    patience, k, silence: see `ConversationWorld`; all three parts have them alike.

    The target of a case of train is the last event of a user there, and the recommender of that world is fitted without
    these: one that was fitted on them would know the answer. Cases whose target has no attribute, or is in the history,
    are left out. UserError for a scorer that gives no scores, or data without attributes.
    """

    def __init__(self, bench: Any, scorer: str, *, patience: int = 15, k: int = 10, silence: float = 0.0):
        self.bench, self.scorer = bench, scorer
        self.options = {"patience": patience, "k": k, "silence": silence}
        self.attributes: Attributes = item_attributes(bench.dataset)
        self._model = _scorer(bench, scorer)  # so that it is part of the key
        self._made: dict[str, ConversationWorld] = {}

    def world(self, part: str) -> ConversationWorld:
        """As `verb_interfaces.Policy.world`."""
        if part not in self._made:
            cases, scores = self._cases(part)
            cases = cases.one_each()
            usable = np.diff(self.attributes.matrix.tocsr().indptr)[cases.targets] > 0
            cases = cases.take(np.flatnonzero(usable & ~cases.in_history()))
            self._made[part] = ConversationWorld(
                self.attributes.matrix, cases.histories, cases.targets, scores, **self.options
            )
        return self._made[part]

    def _cases(self, part: str) -> tuple[Cases, Callable[[Histories], np.ndarray]]:
        split = self.bench.split
        if part != "train":
            return split.valid if part == "valid" else split.test, self._model.score
        train = split.train
        last = train.offsets[1:][train.lengths > 1] - 1
        keep = np.ones(len(train.items), bool)
        keep[last] = False
        model = _scorer(self.bench.variant(train=keep, label="without the last events"), self.scorer)
        return Cases(before(train, last), train.items[last]), model.score


def _scorer(bench: Any, system: str) -> Scorer:
    model = bench.teacher(system).recommender()
    if not isinstance(model, Scorer):
        raise UserError(f"scorer={system} gives no scores of items; choose one that does, such as item_knn")
    return model
