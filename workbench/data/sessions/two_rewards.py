"""Days of a log as sessions with two rewards: how much was wanted in them, and whether the user came back soon.

After the protocol of DT4IER (arXiv 2404.03637, section 5.1): a session is what a user did on one day. Its inputs are of
earlier days only, which `leak_test` tries.
"""
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from workbench.data.schema import ITEM, TIME, USER, Dataset
from workbench.errors import UserError

DAY = 86_400  # seconds


@dataclass(frozen=True)
class Sessions:
    """S sessions, by user and then by day. users, days: (S,), days since 1970. offsets: (S+1,) of items (N,), in order
    of time. wanted: (S,) how many of these were wanted. returned: (S,) bool, whether the user's next session is at most
    `within` days later. known: (S,) bool, whether the log goes on long enough to tell.
    """

    users: np.ndarray
    days: np.ndarray
    offsets: np.ndarray
    items: np.ndarray
    wanted: np.ndarray
    returned: np.ndarray
    known: np.ndarray

    def __len__(self) -> int:
        return len(self.users)


def daily_sessions(dataset: Dataset, wanted: np.ndarray, *, within: int = 1, hours: float = 0.0) -> Sessions:
    """The sessions of a dataset. wanted: (N,) bool, which of its interactions are rewards, such as clicks or purchases.
    within: days. hours: to add to UTC, for days to begin at midnight where the users are. UserError without times, for
    rewards that are no numbers, or of another length."""
    log = dataset.interactions
    if not dataset.has_times:
        raise UserError(f"{dataset.name}: sessions are days, and the log has no times", code=3)
    wanted = np.asarray(wanted)
    if wanted.shape != (len(log),) or wanted.dtype.kind not in "biuf" or not np.isfinite(wanted).all():
        raise UserError(f"wanted is a number for each of the {len(log):,} interactions, and none is missing; given "
                        f"{wanted.shape} {wanted.dtype}")  # fmt: skip
    if within < 1:
        raise UserError(f"{within=}: a return is within 1 day or more")
    order = np.lexsort((np.arange(len(log)), log[TIME].to_numpy(), log[USER].to_numpy()))
    users, times = log[USER].to_numpy()[order].astype(np.int64), log[TIME].to_numpy()[order]
    days = (times + int(hours * 3600)) // DAY
    first = np.flatnonzero(np.diff(users, prepend=-1) | np.diff(days, prepend=-1))
    found = Sessions(
        users=users[first], days=days[first], offsets=np.append(first, len(users)), items=log[ITEM].to_numpy()[order],
        wanted=np.add.reduceat(wanted[order].astype(float), first), returned=np.zeros(len(first), bool),
        known=days[first] + within <= days.max(),
    )  # fmt: skip
    follows = (found.users[1:] == found.users[:-1]) & (np.diff(found.days) <= within)
    return replace(found, returned=np.append(follows, False))


def session_inputs(sessions: Sessions) -> np.ndarray:
    """(S, 6) float64, of a user's earlier sessions alone: how many, wanted in the last one and on average, whether the
    user had returned after it and the share of such, log days since it; 0 for a first session."""
    start = np.flatnonzero(np.diff(sessions.users, prepend=-1))
    number = np.arange(len(sessions)) - np.repeat(start, np.diff(np.append(start, len(sessions))))
    earlier = number > 0
    out = np.zeros((len(sessions), 6))
    out[:, 0] = np.log1p(number)
    gap = np.diff(sessions.days, prepend=sessions.days[:1])
    for column, values in ((1, sessions.wanted), (3, sessions.returned.astype(float))):
        before = np.concatenate([[0.0], np.cumsum(values)[:-1]])
        before = before - before[start].repeat(np.diff(np.append(start, len(sessions))))
        out[:, column] = np.where(earlier, np.concatenate([[0.0], values[:-1]]), 0)
        out[:, column + 1] = before / np.maximum(number, 1)
    out[:, 5] = np.where(earlier, np.log1p(np.maximum(gap, 0)), 0)
    return out


def leak_test(
    sessions: Sessions, inputs: Callable[[Sessions], np.ndarray] = session_inputs, *, seed: int = 0
) -> dict[str, float]:
    """The AUC of a linear forecast of both rewards, of sessions of other users than it was fitted on, from `inputs`;
    and of the same where the rewards of the log were shuffled before the inputs were made, which must be near 1/2: what
    is above it was in the inputs. Keys: wanted, returned, wanted shuffled, returned shuffled. wanted: more than the
    median. UserError where a reward is the same in all sessions."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sessions))
    mixed = replace(sessions, wanted=sessions.wanted[order], returned=sessions.returned[order])
    held_out = rng.random(int(sessions.users.max()) + 1)[sessions.users] < 0.3
    found = {}
    for suffix, each in (("", sessions), (" shuffled", mixed)):
        x = inputs(each)
        for name, label in (("wanted", each.wanted > np.median(each.wanted)), ("returned", each.returned)):
            found[name + suffix] = _auc(x, label, held_out, sessions.known)
    return found


def _auc(x: np.ndarray, label: np.ndarray, held_out: np.ndarray, known: np.ndarray) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted, tested = known & ~held_out, known & held_out
    if min(len(set(label[part].tolist())) for part in (fitted, tested)) < 2:
        raise UserError("a reward is the same in all sessions, so there is nothing to forecast", code=3)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(x[fitted], label[fitted])
    return float(roc_auc_score(label[tested], model.decision_function(x[tested])))
