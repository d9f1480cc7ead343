"""Items that a user does not have and may like, and such that they may not: the ends of what scores all items, or what
a local language model would choose of the first of them."""
from collections.abc import Callable

import numpy as np

from workbench.data import Histories, Split
from workbench.embed.neighbours import mean_vectors
from workbench.errors import UserError
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.graphs.over_lightgcn import train_pairs
from workbench.recommenders.prompts.lettered_model import LetteredModel
from workbench.recommenders.prompts.templates import LETTERS
from workbench.train import named_rng

USERS = 512  # whose scores of all items are held at a time
LISTED = 4  # candidates that a model reads, for each item that it is to name as liked
EVENTS = 10  # of a history that a model reads, the last ones
ORDERS = 2  # of the letters, over which a model's answers are averaged
Scores = Callable[[np.ndarray], np.ndarray]


def scores_by(bench, by: str, vectors: str = "text") -> Scores:
    """A function of users (B,) to scores (B, I+1) of what they may like: by "random", "popularity", or "text", cosines
    of the mean vector of what they have in train. vectors: a kind of item vectors."""
    split = bench.split
    if by == "random":
        size = split.n_items + 1
        return lambda users: named_rng(bench.seed, "random pairs", int(users[0])).random((len(users), size))
    if by == "popularity":
        counts = split.train_counts().astype(np.float64)
        return lambda users: np.tile(counts, (len(users), 1))
    items = bench.vectors(vectors)
    means = mean_vectors(split.train, items)
    items, means = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (items, means))
    return lambda users: means[users] @ items.T


def extra_pairs(split: Split, scores: Scores, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(U, n) liked items, of the highest scores, and (U, n) disliked, of the lowest, among those a user does not have
    in train. scores: as in `scores_by`, asked for USERS at a time. UserError where a user lacks fewer than n items."""
    users, items = train_pairs(split)
    start = np.searchsorted(users, np.arange(split.n_users + 1))
    most = np.diff(start).max()
    if most + n > split.n_items:
        raise UserError(f"llmrec: a user has {most:,} of {split.n_items:,} items in train, too many to choose {n} "
                        "others; take a lower n")  # fmt: skip
    found = []
    for first in range(0, split.n_users, USERS):
        block = np.arange(first, min(first + USERS, split.n_users))
        owned = slice(start[block[0]], start[block[-1] + 1])
        table = np.array(scores(block))
        sides = []
        for sign in (-1, 1):
            signed = sign * table
            signed[users[owned] - first, items[owned]] = signed[:, 0] = np.inf
            sides.append(np.argpartition(signed, n - 1, axis=1)[:, :n])
        found.append(sides)
    return tuple(np.concatenate(side) for side in zip(*found))


def candidates(split: Split, scores: Scores, n: int) -> np.ndarray:
    """(U, LISTED n) items for a model to choose n liked and n disliked among: those of the highest scores that a user
    does not have. UserError as `extra_pairs`, and where there are too few letters for them."""
    if LISTED * n > len(LETTERS):
        raise UserError(f"llmrec: with a model {n=} is at most {len(LETTERS) // LISTED}, as it reads {LISTED} n "
                        f"candidates behind {len(LETTERS)} letters")  # fmt: skip
    return extra_pairs(split, scores, LISTED * n)[0]


def chosen_pairs(
    lm: CausalLM, titles: np.ndarray, train: Histories, offered: np.ndarray, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(U, n) liked and (U, n) disliked items: those of the candidates offered (U, N) whose letters the model holds most
    likely, and least, after the titles of what a user has in train.

    titles: (I+1,). Answers are kept in the store.
    """
    judge = LetteredModel(lm, titles, None, shuffles=ORDERS, events=EVENTS, seed=seed)
    order = np.argsort(-judge.rescore(train, offered), axis=1, kind="stable")
    found = np.take_along_axis(offered, order, 1)
    return found[:, :n], found[:, -n:]
