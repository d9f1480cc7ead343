"""A recommender that is trained, pruned and rewound to its start several times, and then trained for good."""
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from workbench.data import Histories, Split
from workbench.recommenders import score_methods
from workbench.recommenders.vector import VectorRecommender
from workbench.train.curves import continued
from workbench.train.fit import TrainingSession

SEARCH = 0.1  # epochs of a round, as a share of the recipe's


class PruneAndRewind:
    """An `interfaces.Recommender` and `Scorer` whose masks are found in rounds (lottery tickets, arXiv:1803.03635).

    recommender: is trained, its module with masks among the buffers. prune(round): makes the masks of round 1 .. rounds
    from what was learnt, in place. After each the parameters are what they were at the start. A round has a share
    SEARCH of the recipe's epochs and is not validated; the training after the last one is as the recipe says.
    """

    def __init__(self, recommender: VectorRecommender, prune: Callable[[int], None], rounds: int):
        self.recommender, self.prune, self.rounds = recommender, prune, rounds
        self.module, self.likelihood = recommender.module, False
        self.max_length = recommender.max_length

    @property
    def device(self) -> torch.device:
        return self.recommender.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train, prune and rewind, then train. Returns one learning curve."""
        start = {name: p.detach().clone() for name, p in self.module.named_parameters()}
        epochs, curve = max(1, round(SEARCH * session.recipe.epochs)), []
        for number in range(1, self.rounds + 1):
            phase = replace(session.phase(f"round-{number}", epochs=epochs), validate=None)
            curve = continued(curve, self.recommender.fit(split, phase))
            with torch.no_grad():
                self.prune(number)
                for name, p in self.module.named_parameters():
                    p.copy_(start[name])
        return continued(curve, self.recommender.fit(split, session))

    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        return self.recommender.scores(histories)

    score = score_methods.score
    recommend = score_methods.recommend
    state = score_methods.state
    load_state = score_methods.load_state
