"""Intents that are interleaved among more and more noise: the screens of given trajectories, put together anew.

The screens that are evidence of an intent are the same at every share of noise, so nothing else changes what is found.
"""
import numpy as np
import pandas as pd

from workbench.errors import UserError
from workbench.recommenders.screens.assistant import ScreenAssistant
from workbench.recommenders.screens.trajectories import PARTS, Trajectories
from workbench.train.rng import named_rng

SHARES = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8)
FEWEST, MOST = 20, 30  # screens of a trajectory of noise alone


def noise_table(policy: ScreenAssistant, shares: tuple[float, ...] = SHARES, *, seed: int = 0) -> pd.DataFrame:
    """What an assistant finds of the same intents by the share of noise among the screens.

    A row for each share and kind of trajectory: one intent, several (two, interleaved by chance), noise alone. Mean
    measures as `by_kind`, and how many trajectories; share and kind are columns. The share of noise alone is of no
    account. UserError as `mixed`.
    """
    rows = []
    for share in shares:
        data = mixed(policy.data, share, seed=seed)
        found = ScreenAssistant(data, policy.responder, policy.memory).by_kind()
        rows.append(found.rename_axis("kind").reset_index().assign(noise=share))
    return pd.concat(rows, ignore_index=True)


def mixed(data: Trajectories, noise: float, *, seed: int = 0, part: str = "test") -> Trajectories:
    """Trajectories, all of them test, of the screens of a part: each of its trajectories with one intent, each of these
    with the next that has another one, and as many of noise alone.

    noise: the share of screens that are evidence of nothing, drawn from those of the part, from 0 to below 1. The order
    of the evidence within an intent is kept. UserError for another share, and for a part without two intents that stand
    alone, or without noise.
    """
    if not 0 <= noise < 1:
        raise UserError(f"{noise=} is the share of noise among the screens: at least 0 and below 1")
    chosen = np.flatnonzero(data.part == PARTS.index(part))
    quiet = data.rows(part)[data.evidence[data.rows(part), 0]]
    alone = [row for row in chosen if data.wanted[row, 1:].sum() == 1]
    intents = [int(data.wanted[row].argmax()) for row in alone]
    if len({*intents}) < 2 or not len(quiet):
        raise UserError(f"{len({*intents})} intents have a trajectory of their own, and {len(quiet)} screens are noise:"
                        " two intents and some noise are put together", code=3)  # fmt: skip
    rng, rows = named_rng(seed, "mixed screens"), []
    evidence = [screens[(screens > 0) & ~data.evidence[screens, 0]] for screens in data.screens[alone]]
    for at, intent in enumerate(intents):
        other = next(each for each in range(at + 1, at + len(alone)) if intents[each % len(alone)] != intent)
        pair = [evidence[at], evidence[other % len(alone)]]
        rows += [(_among(pair[:1], noise, quiet, rng), {intent}),
                 (_among(pair, noise, quiet, rng), {intent, intents[other % len(alone)]}),
                 (rng.choice(quiet, rng.integers(FEWEST, MOST + 1)), set())]  # fmt: skip
    screens = np.zeros((len(rows), max(len(each) for each, _ in rows)), np.int64)
    wanted = np.zeros((len(rows), data.wanted.shape[1]), bool)
    for row, (each, known) in enumerate(rows):
        screens[row, : len(each)], wanted[row, list(known)] = each, True
    part_of = np.full(len(rows), PARTS.index("test"))
    return data._replace(screens=screens, wanted=wanted, part=part_of, ids=np.arange(len(rows)))


def _among(threads: list[np.ndarray], noise: float, quiet: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The screens of threads, each in its order, interleaved by chance among a share of noise."""
    n = sum(map(len, threads))
    drawn = rng.choice(quiet, round(n * noise / (1 - noise)))
    owner = rng.permutation(np.repeat(np.arange(len(threads) + 1), [*map(len, threads), len(drawn)]))
    found = np.empty(len(owner), np.int64)
    for number, screens in enumerate([*threads, drawn]):
        found[owner == number] = screens
    return found
