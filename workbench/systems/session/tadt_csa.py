"""TADT-CSA: it reads how the return has been changing, and sees states as codes that are chosen by that as well.

Paper     TADT-CSA, Temporal Advantage Decision Transformer with Contrastive State Abstraction, arXiv:2507.20327.
Idea      The return to go says where a session stands, not where it is heading: its change over the last steps does.
          States are abstracted into few codes by what they look like and by that change, and among sessions that were
          alike so far the items of the best ones are to be likelier than those of the rest.
Equation  G_t = sum over i >= t of gamma^(i-t) r_i;  TA_t = sum over i = 2..t of gamma^(t-i) (G_i - G_i-1)
          tokens (MLP[bucket(G_t); bucket(TA_t)], c_t, a_t);  c_t = the code of greatest alpha cos(s_t, c) + (1 - alpha)
          cos(TA_t, c), Gumbel noise added;  L_rank = -log sigmoid(l_i - l_j - delta), l the log-probability of the item
          of a session i in the top 1 - beta by return and j in the rest, of equal codes and items up to t
          loss = cross-entropy + ranking L_rank + 0.1 (L_return + L_reward + L_next code) - spread H(mean use of codes)
Claim     It obtains more than what imitates the same log without returns (off), and not where sessions are told the
          returns of others (the placebo). More asked for is more obtained.
Differs   The release computes TA and does not use it; here it is used as in the paper. The weights of the three further
          losses are 0.1, not 1: imitation is to lead. Buckets are soft, 24, not 100. Equal codes and items up to t are
          searched for in a batch; beyond the first steps there are hardly any. While it acts, what is asked for stays
          between nothing and the most of the log: dividing by gamma would let any gap grow from step to step.
Reported  KuaiRand R@1 .2704, N@10 .4995, MRR .4278; RetailRocket R@1 .4430: of a small set of candidates, which the
          paper does not name; not comparable.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.returns.buckets import SoftBuckets
from workbench.nets.returns.state_codes import StateCodes, usage
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

PARENT = "behaviour_cloning"
OFF = {"conditioned": False}
PLACEBO = {"shuffled": True}
RECIPE = CLONING_RECIPE
GAMMA, BETA, DELTA, FURTHER = 0.9, 0.8, 0.3, 0.1
BUCKETS, NEGATIVES = 24, 5


def build(
    bench, *, conditioned=True, ask=0.95, codes=64, ranking=0.1, spread=0.1, shuffled=False, width=32, layers=2,
    horizon=20, value=5.0,
):  # fmt: skip
    """conditioned: without it it is behaviour_cloning. ask: the quantile of the log's returns that is asked for. codes:
    of the states. ranking: weight of L_rank. spread: weight of the entropy of the use of codes. shuffled: the placebo.
    UserError for a setting out of range."""
    check_session_sizes("tadt_csa", width, layers)
    if not 0 <= ask <= 1 or codes < NEGATIVES + 1 or not 0 <= ranking < np.inf or not 0 <= spread < np.inf:
        raise UserError(f"tadt_csa: {ask=} is a quantile from 0 to 1, {codes=} more than {NEGATIVES}, {ranking=} and "
                        f"{spread=} are 0 or more")  # fmt: skip
    worlds = SessionWorlds(bench, horizon=horizon, value=value)
    if not conditioned:
        return behaviour_cloning(bench, worlds, width=width, layers=layers)
    with bench.init():
        module = AbstractStates(worlds, codes=codes, width=width, layers=layers, value=value)

    def loss(batch: Batch, step: int) -> Tensor:
        seen = module.read(batch.states, batch.items, batch.told)
        further = FURTHER * module.further_losses(batch, *seen[:3]) - spread * usage(seen[3][batch.real])
        found = imitation(module, seen[0][:, :, 1], batch) + further
        return found + ranking * ranking_loss(module, batch, seen[0][:, :, 1], seen[2]) if ranking else found

    return FollowingReturns(worlds, module, advantage_returns(ask, value), loss=loss, shuffled=shuffled)


def temporal_advantage(returns: np.ndarray, gamma: float = GAMMA) -> np.ndarray:
    """(n, T) TA of returns to go (n, T): TA_1 = 0, TA_t = gamma TA_t-1 + G_t - G_t-1.

    >>> temporal_advantage(np.array([[3.0, 3, 3], [0, 2, 1]]), 0.5).tolist()
    [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """
    out = np.zeros_like(returns)
    for t in range(1, returns.shape[1]):
        out[:, t] = gamma * out[:, t - 1] + returns[:, t] - returns[:, t - 1]
    return out


def advantage_returns(ask: float, value: float) -> Returns:
    """The discounted return to go and its temporal advantage; a quantile of the first is asked for."""
    worth = np.array([1.0, value])

    def of(rewards: np.ndarray) -> np.ndarray:
        to_go = returns_to_go(rewards @ worth, GAMMA)
        return np.stack([to_go, temporal_advantage(to_go)], -1)

    def after(told: np.ndarray, rewards: np.ndarray) -> np.ndarray:
        to_go = np.maximum((told[:, 0] - rewards @ worth) / GAMMA, 0)  # less than nothing is never to come
        return np.column_stack([to_go, GAMMA * told[:, 1] + to_go - told[:, 0]])

    return Returns(("return", "advantage"), of, after,
                   lambda told: np.array([np.quantile(told[:, 0], ask), 0.0], np.float32))  # fmt: skip


class AbstractStates(nn.Module):
    """Tokens of returns with their advantage, codes of states, and actions; and what is predicted beside the action."""

    def __init__(self, worlds: SessionWorlds, *, codes: int, width: int, layers: int, value: float):
        super().__init__()
        self.value = value
        self.transformer = step_transformer(worlds, width=width, layers=layers)
        self.buckets = nn.ModuleList(SoftBuckets(BUCKETS, width) for _ in range(2))
        self.told = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, width))
        self.codes = StateCodes(n_features(worlds.n_categories), width, codes=codes, width=width)
        self.reward = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, 1))
        self.next_return, self.next_code = nn.Linear(width, 1), nn.Linear(width, width)
        self.register_buffer("asked", torch.zeros(2))
        self.register_buffer("scale", torch.ones(2))

    def read(self, states: Tensor, items: Tensor, told: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, T, 3, D) hidden states of all tokens, (B, T, D) codes, (B, T) their numbers, (B, T, K) their chances."""
        returns, advantage = self.buckets[0](told[..., 0]), self.buckets[1]((told[..., 1] + 1) / 2)
        vectors, numbers, chances = self.codes(states, advantage)
        hidden = self.transformer([self.told(torch.cat([returns, advantage], -1)), vectors], items)
        return hidden, vectors, numbers, chances

    def forward(self, states: Tensor, items: Tensor, told: Tensor) -> Tensor:
        """(B, T, D) hidden states before the actions."""
        return self.read(states, items, told)[0][:, :, 1]

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., I+1)."""
        return self.transformer.logits(hidden)

    def further_losses(self, batch: Batch, hidden: Tensor, codes: Tensor, numbers: Tensor) -> Tensor:
        """Squared errors of the next return, from the action's token, and of the reward, from code and item, and
        InfoNCE of the next code against NEGATIVES others."""
        real, both = batch.real, batch.real[:, 1:]
        acted = hidden[:, :-1, 2][both]
        next_return = F.mse_loss(self.next_return(acted)[:, 0], batch.told[:, 1:, 0][both])
        of_pair = torch.cat([codes, self.transformer.items()[batch.items]], -1)[real]
        worth = batch.rewards[..., 0] + self.value * batch.rewards[..., 1]
        reward = F.mse_loss(self.reward(of_pair)[:, 0], worth[real] / self.scale[0])
        right, K = numbers[:, 1:][both], len(self.codes.codebook)
        others = (right[:, None] + torch.randint(1, K, (len(right), NEGATIVES), device=right.device)) % K
        candidates = F.normalize(self.codes.codebook, dim=-1)[torch.cat([right[:, None], others], 1)]
        logits = (F.normalize(self.next_code(acted), dim=-1)[:, None] * candidates).sum(-1) / self.codes.tau
        return next_return + reward - logits.log_softmax(-1)[:, 0].mean()


def ranking_loss(module: AbstractStates, batch: Batch, hidden: Tensor, numbers: Tensor) -> Tensor:
    """Mean of softplus(delta - (l_i - l_j)) over pairs of sessions at steps where their codes and items are equal so
    far, i among the best by return to go of such, j not and of a lower one; 0 where there are none."""
    log_p = module.logits(hidden).log_softmax(-1).gather(-1, batch.items.clamp_min(1)[..., None])[..., 0]
    better = better_pairs(numbers, batch.items, batch.told[..., 0])
    gap = log_p.T[:, :, None] - log_p.T[:, None, :]
    losses = F.softplus(DELTA - gap)[better]
    return losses.mean() if len(losses) else log_p[:0].sum()


def better_pairs(numbers: Tensor, items: Tensor, returns: Tensor) -> Tensor:
    """(T, B, B) bool: that session i is to be preferred to j at a step, from codes, items and returns (B, T)."""
    prefix, masks = torch.zeros_like(items[:, 0]), []
    itself = torch.eye(len(prefix), dtype=torch.bool, device=items.device)
    for t in range(items.shape[1]):
        before = items[:, t - 1] if t else prefix
        rows = torch.stack([prefix, before, numbers[:, t]], 1)
        prefix = torch.unique(rows, dim=0, return_inverse=True)[1]
        real = items[:, t] > 0
        same = (prefix[:, None] == prefix) & real[:, None] & real & ~itself
        lower = same & (returns[:, t, None] > returns[:, t])
        best = lower.sum(1) >= BETA * same.sum(1).clamp_min(1)
        masks.append(lower & best[:, None] & ~best)
    return torch.stack(masks)
