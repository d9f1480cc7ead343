"""Where the steering widget starts: a latent, user and strength at which the share of the latent's concept rises."""
from typing import NamedTuple

import numpy as np

from workbench.experiment import Bench
from workbench.experiment.browse.users import row_of_user
from workbench.probing.interventions.dose_response import unsteered_items
from workbench.probing.interventions.steering import Steering

STRENGTHS = (2.0, 4.0)  # tried; both are among the lists that are shown side by side


class Start(NamedTuple):
    """A latent, user and strength; strength 0 where no share rises."""

    latent: int
    user: int
    strength: float


def largest_rise(
    bench: Bench, steering: Steering, latents: list[int], users: list[int], members: np.ndarray, *, k: int = 10
) -> Start:
    """Where the share of the latent's concept in the top k rises most above that of the unsteered list; of equal rises
    the first latent, the lower strength, the first user.

    members: (n, I+1) bool, the items of each latent's concept. UserError where a user has no test case, or where there
    is no such latent.
    """
    rows = np.array([row_of_user(bench, user) for user in users])
    steered = steering.for_histories(bench.split.test.histories.take(rows))
    before = unsteered_items(steered, bench.split.n_items)[:, :k]
    rise = np.zeros((len(latents), len(STRENGTHS), len(users)))
    for row, (latent, member) in enumerate(zip(latents, members)):
        for column, strength in enumerate(STRENGTHS if member.any() else ()):
            items = steered.recommend(steering.step(latent, strength), before.shape[1]).items
            rise[row, column] = member[items].mean(axis=1) - member[before].mean(axis=1)
    best = np.unravel_index(rise.argmax(), rise.shape)
    return Start(int(latents[best[0]]), int(users[best[2]]), STRENGTHS[best[1]] if rise[best] > 0 else 0.0)
