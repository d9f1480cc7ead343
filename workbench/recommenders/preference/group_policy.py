"""Group policy optimisation of a generative recommender: the beams of a history are its group of rollouts."""
from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench import decode
from workbench.data import Cases, Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions, Recommendations
from workbench.losses.group_policy import k3, policy_loss
from workbench.recommenders.generative import Generative
from workbench.recommenders.preference.after_training import Log, phase_after
from workbench.recommenders.sequential import token_batches
from workbench.tokens import ItemCodes
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit

OBJECTIVES = ("policy", "ce")
Signal = Callable[[Tensor, int], tuple[Tensor, Tensor]]


class Groups(NamedTuple):
    """G rollouts for each of B histories, likeliest first, all of them items, no two with the same codes.

    codes: (B, G, L) int64. nodes: (B, G, L+1) int64 nodes of the trie on the way to them. shared: (B, G) int64, how
    many codes each has in common with the target before the first that differs; L is a hit.
    """

    codes: Tensor
    nodes: Tensor
    shared: Tensor


class GroupPolicy:
    """An `interfaces.Recommender`, `Scorer`, `Likelihood` and `HasBeam`: a trained `Generative` that goes on to learn
    from rewards of what it decodes, with a KL penalty to what it was.

    base: untrained, of the shapes of `start`, the state that training begins with. signal(shared (B, G), L): rewards
    and advantages (B, G) of rollouts, see `Groups`. group: G. kl: weight of the penalty. objective: "policy", or "ce"
    for the control: at most as many epochs of what `base` learns from, with the same learning rate, and dropout.
    shuffled: advantages are dealt out anew within each group. UserError for a group of fewer than two rollouts or more
    than there are codes.
    """

    def __init__(
        self, base: Generative, start: dict[str, np.ndarray], signal: Signal, *, group: int, kl: float,
        objective: str = "policy", shuffled: bool = False,
    ):  # fmt: skip
        groups = len(base.codes.trie.group_size)
        if not 2 <= group <= groups:
            raise UserError(f"a group of {group} rollouts; there must be at least 2, and at most {groups:,}, one for "
                            "each semantic ID")  # fmt: skip
        self.base, self.start, self.signal, self.group, self.kl = base, start, signal, group, kl
        self.objective, self.shuffled, self.likelihood = objective, shuffled, objective == "ce"
        self.module, self.beam, self.max_length = base.module, base.beam, base.max_length
        self._log = Log("policy")

    @property
    def codes(self) -> ItemCodes:
        """The semantic IDs of the items."""
        return self.base.codes

    @property
    def device(self) -> torch.device:
        return self.base.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Go on from the start weights: an epoch is one event of each train history, drawn at random, as the target of
        the events before it. Its learning curve has, beside validation, `policy/` live (share of groups with an
        advantage), reward (mean of the rollouts), hit (share of groups with the target), kl (k3 a code) and entropy (of
        the codes of rollouts, nats), means over the steps since the last validation.

        UserError if no train history has two events.
        """
        self.base.load_state(self.start)
        phase = phase_after(session, self.objective, self, self._log)
        if self.objective == "ce":
            return self.base.fit(split, phase)
        self.module.to(session.device)
        reference = deepcopy(self.module).eval().requires_grad_(False)
        rows = split.train.prefixes(self.max_length + 1)
        if not len(rows):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)
        tokens = session.recipe.batch_size * float(np.mean(rows.lengths))

        def batches(epoch: int) -> list[np.ndarray]:
            rng = named_rng(phase.seed, "contexts", epoch)
            order = rng.permutation(len(rows))
            chosen = order[np.unique(rows.users[order], return_index=True)[1]]
            return [chosen[batch] for batch in token_batches(rows.lengths[chosen], tokens, rng)]

        def loss(index: np.ndarray, step: int) -> Tensor:
            cases = rows.take(index)
            histories, targets = cases.without_last(1), cases.items[cases.offsets[1:] - 1]
            return self._loss(histories, targets, reference, named_rng(phase.seed, "shuffled", step))

        validate = phase.validate and (lambda: phase.validate(self))
        return fit(self.module, batches, loss, phase, validate=validate, trainable=self.base.trainable, weight=len)

    def rollouts(self, histories: Histories, targets: np.ndarray) -> Groups:
        """The `group` likeliest items of each history, by beam search, beside its target (B,)."""
        trie = self.codes.trie
        leaves = self.base.beams(histories, beam=self.group).nodes[-1]
        items = trie.order[trie.first[-1][leaves]]
        nodes, goal = trie.node[items], trie.node[targets]
        shared = (nodes[..., 1:] == goal[:, None, 1:]).sum(2)
        return Groups(*(torch.from_numpy(x).to(self.device).long() for x in (self.codes.codes[items], nodes, shared)))

    def _loss(
        self, histories: Histories, targets: np.ndarray, reference: nn.Module, rng: np.random.Generator
    ) -> Tensor:
        """Of one batch; dropout is off, so that rollouts and log-probabilities are of one policy."""
        groups = self.rollouts(histories, targets)
        rewards, advantages = self.signal(groups.shared, self.codes.levels)
        if self.shuffled:
            places = torch.from_numpy(rng.random(tuple(advantages.shape)).argsort(1)).to(self.device)
            advantages = advantages.gather(1, places)
        rows = self.base.tokenize(histories.last(self.max_length))
        log_probs, entropy = code_log_probs(self.module.eval(), *rows, groups)
        with torch.no_grad():
            before, _ = code_log_probs(reference, *rows, groups)
            self._log.add(
                live=(advantages != 0).any(1).float().mean(), reward=rewards.mean(), entropy=entropy,
                hit=(groups.shared == self.codes.levels).any(1).float().mean(), kl=k3(log_probs, before).mean(),
            )  # fmt: skip
        return policy_loss(log_probs, before, advantages, kl=self.kl)

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The top-k items of the beam search; see `Generative.recommend`."""
        return self.base.recommend(histories, k, exclude)

    def beams(
        self, histories: Histories, *, beam: int = 0, exclude: Histories | None = None, constrained: bool = True
    ) -> decode.Beams:
        """The beams of each history after every level. beam: 0 for the recommender's own beam width."""
        return self.base.beams(histories, beam=beam, exclude=exclude, constrained=constrained)

    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float32 exact log-probability of every item's codes, column 0 -inf."""
        return self.base.score(histories)

    def log_prob(self, histories: Histories, items: np.ndarray) -> np.ndarray:
        """(B, n) log-probability of items (B, n); see `Generative.log_prob`."""
        return self.base.log_prob(histories, items)

    def code_log_probs(self, cases: Cases) -> np.ndarray:
        """(C, L) log-probability of each code of the targets, given the history and the true codes before."""
        return self.base.code_log_probs(cases)

    def trace(self, histories: Histories) -> ReadoutPositions:
        """See `Generative.trace`."""
        return self.base.trace(histories)

    def state(self) -> dict[str, np.ndarray]:
        """The weights of the network and, as item_codes, the codes of the items."""
        return self.base.state()

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Load weights and codes. UserError, with nothing changed, if their shapes do not fit."""
        self.base.load_state(state)


def code_log_probs(module: nn.Module, rows: Tensor, lengths: Tensor, groups: Groups) -> tuple[Tensor, Tensor]:
    """(B, G, L) log-probability of each code of rollouts given the codes before it, of which beam scores are sums, with
    a gradient; and the mean entropy of the codes there, a scalar in nats, without one. A history is encoded once for
    its group. rows, lengths: as `Generative.tokenize` returns them."""
    state, cache, own = module.prefill(rows, lengths)
    same = torch.zeros_like(groups.shared)
    chosen, entropies = [], []
    for level in range(groups.codes.shape[2]):
        if level:
            own = decode.reorder_cache(own, same) if level == 1 else own
            code_rows = module.code.code_rows(groups.codes[..., level - 1], groups.nodes[..., level], level - 1)
            state, own = module.step(cache, own, code_rows, level)
        every = module.code.logits(state, level).log_softmax(2)
        chosen.append(every.expand(-1, same.shape[1], -1).gather(2, groups.codes[..., level, None])[..., 0])
        entropies.append(-(every.detach().exp() * every.detach()).sum(2).mean())
    return torch.stack(chosen, 2), torch.stack(entropies).mean()
