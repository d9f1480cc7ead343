"""Two stages of which the second is a network that is trained here; the first is a run of its own."""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.interfaces import Recommendations, Recommender
from workbench.recommenders import score_methods
from workbench.recommenders.reranked import Reranked
from workbench.recommenders.vector import Objective
from workbench.train.fit import TrainingSession, fit


class TrainedSecond:
    """An `interfaces.Recommender`, `Retrieves` and `verb_interfaces.Reranker`: `reranked.Reranked` whose second stage
    is trained by `fit`.

    first: trained already. module: the second stage; score(module, histories, candidates (B, n)) gives (B, n) on its
    device. objective(module, split, session): what it learns from. n: candidates, at least 1.
    """

    def __init__(
        self, first: Recommender, module: nn.Module, score: Callable[[nn.Module, Histories, np.ndarray], Tensor],
        objective: Callable[[nn.Module, Split, TrainingSession], Objective], *, n: int,
    ):  # fmt: skip
        self.module, self.scoring, self.objective, self.retrieved = module, score, objective, n
        self.stages = Reranked(first, self, n=n)

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train the second stage. UserError where train has nothing to learn from."""
        objective = self.objective(self.module.to(session.device), split, session)
        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(self.module, objective.batches, objective.loss, session, validate=validate, weight=objective.weight)

    @torch.no_grad()
    def rescore(self, histories: Histories, candidates: np.ndarray) -> np.ndarray:
        """(B, n) scores of the candidates (B, n)."""
        self.module.eval()
        return self.scoring(self.module, histories, np.asarray(candidates, np.int64)).cpu().numpy()

    def candidates(self, histories: Histories, exclude: Histories | None = None) -> np.ndarray:
        """(B, n) the items that are ordered anew."""
        return self.stages.candidates(histories, exclude)

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The k best items; scores are the negative ranks."""
        return self.stages.recommend(histories, k, exclude)

    state = score_methods.state
    load_state = score_methods.load_state
