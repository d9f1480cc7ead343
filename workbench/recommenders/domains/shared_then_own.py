"""A next-item recommender in two phases: one encoder for all domains, then, with it frozen, an adapter for each."""
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.losses.ranking import full_softmax
from workbench.nets.sequences.adapters import DomainAdapters, by_domain_of_item
from workbench.recommenders import score_methods
from workbench.recommenders.domains.by_domain import ADAPTING
from workbench.recommenders.sequential import LastState, next_items
from workbench.recommenders.vector import VectorRecommender
from workbench.train.curves import continued
from workbench.train.fit import TrainingSession
from workbench.train.recipe import change_recipe


class SharedThenOwn:
    """An `interfaces.Recommender`, `Scorer` and `Likelihood`: s(i) = (h + A_d(h^d)) . e_i, d the domain of item i.

    shared: the recommender of the first phase, whose module is that of `module.encoder`. names: of the domains. fill:
    the train histories of the second phase from those of the first. phase: its name. Both phases together have the
    epochs of the recipe, the second one the last ADAPTING of them.
    """

    def __init__(
        self, shared: VectorRecommender, module: DomainAdapters, names: Sequence[str], *,
        fill: Callable[[Histories], Histories] | None = None, phase: str = "domains",
    ):  # fmt: skip
        self.shared, self.module, self.names, self.fill, self.phase = shared, module, list(names), fill, phase
        self.max_length, self.likelihood = shared.max_length, True
        objective = next_items(self._loss, max_length=self.max_length)
        self.own = VectorRecommender(module, LastState(self.max_length), objective,
                                     trainable=("positions.*", "adapters.*"))  # fmt: skip

    @property
    def device(self) -> torch.device:
        return self.module.item.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train the encoder on all domains, then positions and adapters of each, the encoder as it is. Returns one
        learning curve. UserError for a domain without an event in train that could be a target."""
        self._check(split)
        last = max(1, round(ADAPTING * session.recipe.epochs))
        joint = change_recipe(session.recipe, {"epochs": max(1, session.recipe.epochs - last)})
        curve = self.shared.fit(split, replace(session, recipe=joint))
        validate = session.validate
        phase = session.phase(self.phase, epochs=last)
        phase = replace(phase, validate=validate and (lambda _: validate(self)))
        filled = split if self.fill is None else replace(split, train=self.fill(split.train))
        return continued(curve, self.own.fit(filled, phase))

    def _check(self, split: Split) -> None:
        later = np.ones(len(split.train.items), bool)
        later[split.train.offsets[:-1][split.train.lengths > 0]] = False  # a user's first event is no target
        domains = self.module.domains.cpu().numpy()[split.train.items[later]]
        counts = np.bincount(domains, minlength=len(self.names))
        if empty := [name for name, count in zip(self.names, counts, strict=True) if not count]:
            raise UserError(f"domain {', '.join(empty)}: no event in train has another before it, so there is nothing "
                            "to adapt to; leave it out or let more users in", code=3)  # fmt: skip

    def _loss(self, h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        """Cross-entropy over the catalogue. h (N, n, D) of each domain at targets (N,)."""
        table = by_domain_of_item(weight, self.module.domains, h.shape[1])
        return full_softmax(h.flatten(1), table, targets, chunk=128)

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device. Every domain's are a whole product, so that adapters that add 0 leave the
        scores of the first phase as they are, to the last bit."""
        states, weight = self.own.states(histories), self.module.item.weight
        found = states[:, 0].contiguous() @ weight.T
        for domain in range(1, states.shape[1]):
            own = states[:, domain].contiguous() @ weight.T
            found = torch.where(self.module.domains == domain, own, found)
        return found

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state
