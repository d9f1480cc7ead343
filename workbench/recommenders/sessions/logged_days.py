"""Sessions that really were: a log with clicks as trajectories of users over some of its days, to learn from and to be
predicted, action by action, from what was logged before it.

A log says what its own policy showed. How well that is foretold is imitation; what a policy would obtain that is asked
for more, no log says, and a world is needed for it.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data.schema import ITEM, TIME, USER, Dataset
from workbench.data.sessions.two_rewards import daily_sessions
from workbench.envs.sessions import Observation
from workbench.errors import UserError
from workbench.recommenders.sessions.features import features
from workbench.recommenders.sessions.following_returns import FollowingReturns, batch_of, imitation
from workbench.recommenders.sessions.logs import Trajectories
from workbench.recommenders.sessions.worlds import SMOOTHING, SessionWorlds
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit

K = 20  # of a list, as in DT4IER
SIZE = 256  # trajectories that are predicted at a time


def logged_trajectories(
    worlds: SessionWorlds, dataset: Dataset, *, start: int, end: int, within: int = 1, hours: float = 0.0
) -> Trajectories:
    """Of every user of the bench with an event there, the first T events of days start to before end, counted from the
    first of the log. Rewards: the click; and, at the last event of a day, whether the next one with an event is at most
    `within` later. Days for which that is not known before `end` are left out, so nothing of `end` or later is read.

    T: the horizon of worlds, whose categories are taken. The profile in a state is that of the events before `start`.
    UserError for a log without clicks or times, or where nothing lies in these days.
    """
    log = dataset.interactions
    if "click" not in log:
        raise UserError(f"{dataset.name} has no column click; kuairand-clicks has one", code=3)
    sessions = daily_sessions(dataset, log["click"].to_numpy(), within=within, hours=hours)
    order = np.lexsort((np.arange(len(log)), log[TIME].to_numpy(), log[USER].to_numpy()))
    users, items, clicks = (log[name].to_numpy()[order] for name in (USER, ITEM, "click"))
    day = np.repeat(sessions.days - sessions.days.min(), np.diff(sessions.offsets))
    returned = np.zeros(len(users))
    returned[sessions.offsets[1:] - 1] = sessions.returned
    here = (day >= start) & (day < end - within) & (users < worlds.bench.split.n_users)
    if not here.any():
        raise UserError(f"{dataset.name} has no events of these users on days {start} to {end - within - 1}, of 0 to "
                        f"{day.max()}", code=3)  # fmt: skip
    chosen, row = np.unique(users[here], return_inverse=True)
    first = np.searchsorted(row, np.arange(len(chosen)))
    place = np.arange(len(row)) - first[row]
    kept = place < worlds.rules.horizon
    at = row[kept], place[kept]
    shape = len(chosen), worlds.rules.horizon
    shown, clicked, rewards = np.zeros(shape, np.int64), np.zeros(shape, np.int8), np.zeros((*shape, 2), np.float32)
    shown[at], clicked[at] = items[here][kept], clicks[here][kept]
    rewards[at] = np.column_stack([clicks[here][kept], returned[here][kept]])
    earlier = day < start
    profiles = _profiles(worlds, users[earlier], items[earlier])[chosen]
    return Trajectories(_states(worlds, profiles, shown, clicked), shown, rewards, (shown > 0).sum(axis=1))


def _profiles(worlds: SessionWorlds, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """(U, C) as `SessionWorlds.profiles`, of these events alone."""
    C, n = worlds.n_categories, worlds.bench.split.n_users
    own = users < n
    counts = np.bincount(users[own] * C + worlds.categories[items[own]], minlength=n * C).reshape(n, C)
    shares = (counts.sum(axis=0) + 1.0) / (counts.sum() + C)
    smoothed = counts + SMOOTHING * shares
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def _states(worlds: SessionWorlds, profiles: np.ndarray, shown: np.ndarray, clicked: np.ndarray) -> np.ndarray:
    """(n, T, F) before each step: nothing of the step or later is in them."""
    n, T = shown.shape
    nothing, out = np.zeros((n, 2), np.float32), []
    for t in range(T):
        so_far = np.arange(T) < t
        seen = Observation(np.full(n, t), profiles.astype(np.float32), shown * so_far, clicked * so_far, nothing,
                           np.arange(n))  # fmt: skip
        out.append(features(seen, worlds.categories))
    return np.stack(out, axis=1)


def fit_logged(policy: FollowingReturns, log: Trajectories, session: TrainingSession) -> list[dict]:
    """As `FollowingReturns.fit`, on logged trajectories and not on simulated ones; nothing is validated. Returns the
    learning curve."""
    module = policy.module.to(session.device)
    told = policy.returns_told(log, session.seed)

    def batches(epoch: int) -> list[np.ndarray]:
        order = named_rng(session.seed, "order", epoch).permutation(len(log.lengths))
        return np.array_split(order, -(-len(order) // session.recipe.batch_size))

    def loss(index: np.ndarray, step: int) -> Tensor:
        batch = batch_of(log, told, index, session.device)
        own = policy.loss(batch, step) if policy.loss is not None else None
        return imitation(module, module(batch.states, batch.items, batch.told), batch) if own is None else own

    return fit(module, batches, loss, session)


@torch.no_grad()
def teacher_forced(policy: FollowingReturns, log: Trajectories) -> dict[str, np.ndarray]:
    """(n,) of each trajectory, means over its steps: recall@20 and ndcg@20 of the logged item among all items, and its
    log probability, told the trajectory's own returns."""
    module, returns = policy.module.eval(), policy.returns
    device = next(module.parameters()).device
    told = np.zeros((*log.items.shape, 0), np.float32)
    if returns is not None:
        told = (returns.of(log.rewards) / module.scale.cpu().numpy()).astype(np.float32)
    parts = []
    for at in range(0, len(log.lengths), SIZE):
        batch = batch_of(log, told, np.arange(at, min(at + SIZE, len(log.lengths))), str(device))
        log_p = F.log_softmax(module.logits(module(batch.states, batch.items, batch.told)[batch.real]), dim=-1)
        own = log_p.gather(1, batch.items[batch.real][:, None])
        rank = 1 + (log_p > own).sum(1)
        parts.append(_by_trajectory(rank.cpu().numpy(), own[:, 0].cpu().numpy(), batch.real.cpu().numpy()))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def by_popularity(train: Trajectories, log: Trajectories, n_items: int) -> dict[str, np.ndarray]:
    """As `teacher_forced`, of the same list for everybody: how often an item was shown in train, each once more."""
    counts = 1.0 + np.bincount(train.items[train.items > 0], minlength=n_items + 1)
    counts[0] = 0
    real = log.items > 0
    own = counts[log.items[real]]
    ordered = np.sort(-counts)
    rank = 1 + np.searchsorted(ordered, -own, side="left")
    return _by_trajectory(rank, np.log(own / counts.sum()), real)


def _by_trajectory(rank: np.ndarray, log_p: np.ndarray, real: np.ndarray) -> dict[str, np.ndarray]:
    values = {f"recall@{K}": rank <= K, f"ndcg@{K}": np.where(rank <= K, 1 / np.log2(1 + rank), 0), "log_p": log_p}
    rows = np.nonzero(real)[0]
    n = np.maximum(np.bincount(rows, minlength=len(real)), 1)
    return {name: np.bincount(rows, value, minlength=len(real)) / n for name, value in values.items()}
