"""Recommenders of rows that score items by other means than a product of a state and an embedding."""
from collections.abc import Callable

import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.recommenders import score_methods
from workbench.recommenders.rows.user_rows import RowLoss, distinct_items, each_row
from workbench.train.fit import TrainingSession, fit


class RowNetwork:
    """An `interfaces.Recommender`, `Scorer` and `Likelihood` around a network that scores every item for a row.

    module: a torch module. score(module, rows): (B, I+1) for `Histories` of distinct items, log-probabilities up to a
    term that the items of a row share. loss: see `user_rows`.
    """

    likelihood = True

    def __init__(self, module: nn.Module, *, score: Callable[[nn.Module, Histories], Tensor], loss: RowLoss):
        self.module, self.score_rows, self.loss = module, score, loss

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train on the rows of all users. UserError if train has no event."""
        objective = each_row(self.loss)(self.module.to(session.device), split, session)
        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(self.module, objective.batches, objective.loss, session, validate=validate)

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        self.module.eval()
        return self.score_rows(self.module, distinct_items(histories))

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state
