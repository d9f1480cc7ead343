"""DT4IER: asked for so many clicks and for users who come back, it shows what sessions with such returns showed.

Paper     DT4IER, Sequential Recommendation for Optimizing Both Immediate Feedback and Long-term Retention, SIGIR 2024,
          arXiv:2404.03637.
Idea      A transformer reads, before each state, what is still to come of two rewards, clicks and coming back, weighed
          for each user so that neither outweighs the other; and an item must be told by its returns: it is nearer to
          what was predicted at the true ones than at altered ones.
Equation  tokens (R_t, s_t, a_t), R_t the sums of the rewards from t on;  R_1 asked, R_t+1 = R_t - r_t
          (w_s, w_l) = softmax(MLP(user));  L_w = -(w_s R_s + w_l R_l) + balance |w_s R_s - w_l R_l|
          L_c = -log exp(cos(h(R), e_a) / tau) / sum over R' of the same, R' the true and altered returns
          loss = cross-entropy + contrast L_c + L_w
Claim     It obtains more than what imitates the same log without returns (off), and not where sessions are told the
          returns of others (the placebo). More clicks asked for are more clicks obtained.
Differs   The release is not followed where it is wrong: its mask lets states and actions see the future, the action to
          predict is an input of its decoder, and altered returns are never used. An action is one item, not a list, so
          there is no list decoder; states are features, not a GRU over items. The buckets of returns are soft by
          distance; 3 altered returns in place of 8, those of other sessions, for every 4th session of a batch.
          The weights see the loss of their own only. At balance 0.5, the paper's, one reward takes all the weight where
          it is more than three times the other; that is so whatever the data.
Reported  KuaiRand-Pure, 3,000 users: HR@20 .3531, NDCG@20 .3665 in the released notebook, with the answer among the
          inputs; not comparable.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.returns.buckets import SoftBuckets
from workbench.recommenders.sessions.cloning import (
    CLONING_RECIPE,
    behaviour_cloning,
    check_session_sizes,
    step_transformer,
)
from workbench.recommenders.sessions.features import n_features
from workbench.recommenders.sessions.following_returns import (
    Batch,
    FollowingReturns,
    Returns,
    imitation,
    returns_to_go,
)
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train import named_rng

PARENT = "behaviour_cloning"
OFF = {"conditioned": False}
PLACEBO = {"shuffled": True}
RECIPE = CLONING_RECIPE
BUCKETS, ALTERED, TAU = 24, 3, 0.07


def build(
    bench, *, conditioned=True, ask=0.95, contrast=0.1, balance=0.5, shuffled=False, width=32, layers=2, temper=6,
    horizon=20, value=5.0,
):  # fmt: skip
    """conditioned: without it it is behaviour_cloning. ask: the quantile of the log's clicks that is asked for, with
    the most of coming back. contrast, balance: see Equation; contrast=0 draws and compares nothing. shuffled: the
    placebo. UserError for a setting out of range."""
    check_session_sizes("dt4ier", width, layers)
    if not 0 <= ask <= 1 or not 0 <= contrast < np.inf or not 0 <= balance < np.inf:
        raise UserError(f"dt4ier: {ask=} is a quantile from 0 to 1, {contrast=} and {balance=} are 0 or more")
    worlds = SessionWorlds(bench, temper=temper, horizon=horizon, value=value)
    if not conditioned:
        return behaviour_cloning(bench, worlds, width=width, layers=layers)
    with bench.init():
        module = TwoReturns(worlds, width=width, layers=layers)

    def loss(batch: Batch, step: int) -> Tensor:
        hidden = module(batch.states, batch.items, batch.told)
        weighing = balance_loss(module.weights(batch.states), batch.told[:, 0], balance)
        value = imitation(module, hidden, batch) + weighing
        if contrast:
            value = value + contrast * altered_returns(module, batch, hidden, named_rng(bench.seed, "altered", step))
        return value

    return FollowingReturns(worlds, module, two_returns(ask), loss=loss, shuffled=shuffled)


def two_returns(ask: float) -> Returns:
    """Clicks and visits to come, the most of each asked for that the log has (of clicks a quantile)."""
    return Returns(
        names=("clicks", "returns"), of=returns_to_go, after=lambda told, rewards: told - rewards,
        ask=lambda told: np.array([np.quantile(told[:, 0], ask), told[:, 1].max()], np.float32),
    )  # fmt: skip


class TwoReturns(nn.Module):
    """Tokens of weighed returns, states and actions; weights (B, 2) of the rewards by the user's profile."""

    def __init__(self, worlds: SessionWorlds, *, width: int, layers: int):
        super().__init__()
        self.transformer = step_transformer(worlds, width=width, layers=layers)
        self.state = nn.Linear(n_features(worlds.n_categories), width)
        self.returns = nn.ModuleList(SoftBuckets(BUCKETS, width) for _ in range(2))
        self.n_categories = worlds.n_categories
        sizes = [(self.n_categories, 64), (64, 32)]
        layers_of = [layer for size in sizes for layer in (nn.Linear(*size), nn.ReLU())]
        self.weigh = nn.Sequential(*layers_of, nn.Linear(32, 2))
        self.register_buffer("asked", torch.zeros(2))
        self.register_buffer("scale", torch.ones(2))

    def weights(self, states: Tensor) -> Tensor:
        """(B, 2) positive, of sum 1; a user's profile is part of every state."""
        return self.weigh(states[:, 0, : self.n_categories]).softmax(-1)

    def forward(self, states: Tensor, items: Tensor, told: Tensor) -> Tensor:
        """(B, T, D) hidden states before the actions. A weight is read as twice itself, so that equal ones change
        nothing."""
        weighed = told * 2 * self.weights(states).detach()[:, None]
        asked = sum(table(weighed[..., place]) for place, table in enumerate(self.returns))
        return self.transformer([asked, self.state(states)], items)[:, :, 1]

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., I+1)."""
        return self.transformer.logits(hidden)


def balance_loss(weights: Tensor, rewards: Tensor, balance: float) -> Tensor:
    """Mean of -(w_s R_s + w_l R_l) + balance |w_s R_s - w_l R_l| of weights and rewards (B, 2).

    >>> round(balance_loss(torch.tensor([[0.25, 0.75]]), torch.tensor([[0.8, 0.4]]), 0.5).item(), 6)
    -0.45
    """
    weighed = weights * rewards
    return (balance * (weighed[:, 0] - weighed[:, 1]).abs() - weighed.sum(-1)).mean()


def altered_returns(module: TwoReturns, batch: Batch, hidden: Tensor, rng: np.random.Generator) -> Tensor:
    """InfoNCE of the logged items between the predictions at the true returns and at those of other sessions; ones that
    are equal do not count."""
    rows = torch.arange(0, len(batch.items), 4)  # a forward pass for each altered return is dear
    few = Batch(*(tensor[rows] for tensor in batch))
    drawn = torch.from_numpy(rng.integers(0, len(batch.items), ALTERED * len(rows))).to(batch.told.device)
    told = batch.told[drawn]
    states, items = (tensor.repeat(ALTERED, *[1] * (tensor.ndim - 1)) for tensor in (few.states, few.items))
    altered = module(states, items, told).unflatten(0, (ALTERED, len(rows)))
    same = (told.unflatten(0, (ALTERED, len(rows))) - few.told).abs().amax(-1) < 1e-6
    e = F.normalize(module.transformer.items()[few.items], dim=-1)
    true, others = ((F.normalize(h, dim=-1) * e).sum(-1) / TAU for h in (hidden[rows], altered))
    logits = torch.cat([true[None], others.masked_fill(same, -torch.inf)])
    return -logits.log_softmax(0)[0][few.real].mean()
