"""How well a click model tells what is clicked in logged slates of users that it has not seen."""
import numpy as np

from workbench.envs.slates import Observation
from workbench.recommenders.slates.logged import LoggedSlates
from workbench.recommenders.slates.policy import SlatePolicy


def log_loss(policy: SlatePolicy, log: LoggedSlates) -> dict[str, float]:
    """Log losses in nats of logged slates (n, T, k), each predicted from the user's slates before it.

    outcome: of what was clicked or that nothing was, a mean over all slates; a likelihood over all items gives
    probability to items that were not shown. which: of the slot that was clicked, among those shown and given that one
    was, a mean over clicks: how long slates are, how often nothing is clicked and what was not shown cancel out.
    """
    n, T, _ = log.shown.shape
    outcome, which = np.zeros((n, T)), np.full((n, T), np.nan)
    zero = np.zeros(n, np.int64)
    policy.start(Observation(zero, log.shown[:, 0], zero, zero, zero, zero))
    for t in range(T):
        shown, clicked = log.shown[:, t], log.clicked[:, t]
        p = policy.chances(shown)
        none = 1 - p.sum(axis=1)
        if policy.all_items:
            p = np.where(shown > 0, np.take_along_axis(p, np.maximum(shown - 1, 0), 1), 0)
        hit = np.take_along_axis(p, np.maximum(clicked - 1, 0)[:, None], 1)[:, 0]
        outcome[:, t] = -np.log(np.where(clicked > 0, hit, none))
        which[:, t] = np.where(clicked > 0, np.log(p.sum(axis=1)) - np.log(np.maximum(hit, 1e-300)), np.nan)
        policy.posterior = policy.after(shown, clicked)
    return {"outcome": float(outcome.mean()), "which": float(np.nanmean(which))}
