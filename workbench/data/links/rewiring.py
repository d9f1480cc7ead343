"""Links rewired at random with every degree kept: the placebo of a system that learns from links.

Rewired links say how many links an end has, and nothing about with whom. Two links swap their tails, (a, b) and (c, d)
become (a, d) and (c, b), unless one of these is there already (Maslov and Sneppen, Science 296, 2002). A round pairs
the links at random and swaps all pairs at once, so no step is a loop over links.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.schema import USER
from workbench.errors import UserError

ROUNDS = 12  # of swaps; on the bundled tables the share of changed links stays the same from the eighth on
TRIED = 0.75  # share of the pairs that a round swaps: were it all, an even number of rounds could not reach odd ones
Ends = tuple[np.ndarray, np.ndarray]  # (n,) heads and (n,) tails


class _Rules(NamedTuple):
    """nodes: their number; the ends of links are below it. taken: (m,) keys of links that may not be created.
    undirected: a link and the opposite one have one key. turned: either end of a link may be its head. self_links:
    whether links of a node to itself may be created."""

    nodes: int
    taken: np.ndarray = np.zeros(0, np.int64)
    undirected: bool = False
    turned: bool = False
    self_links: bool = False

    def key(self, group: np.ndarray, head: np.ndarray, tail: np.ndarray) -> np.ndarray:
        """(n,) int64: one number a link."""
        if self.undirected:
            head, tail = np.minimum(head, tail), np.maximum(head, tail)
        return (group * self.nodes + head) * self.nodes + tail


def rewired_edges(
    heads: np.ndarray, tails: np.ndarray, rng: np.random.Generator, *, groups: np.ndarray | None = None,
    self_links: bool = True,
) -> np.ndarray:  # fmt: skip
    """(n,) new tails of the links (heads, tails), both (n,): a permutation of the tails within each group.

    No link is created that is there already; where hardly another arrangement exists, as when each head has every tail,
    links stay. groups: (n,), such as the relation of each link; None for one. self_links: whether head and tail may
    become equal, as when they are of different kinds, such as users and items.
    """
    codes, nodes = pd.factorize(np.concatenate([heads, tails]))
    group = np.zeros(len(heads), np.int64) if groups is None else pd.factorize(groups)[0].astype(np.int64)
    _, tail = _swapped((codes[: len(heads)], codes[len(heads) :]), group, rng,
                       _Rules(len(nodes), self_links=self_links))  # fmt: skip
    return nodes[tail]


def rewired_relations(relations: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The table relations with other tails: in each relation an entity is as often head, and as often tail, as before.

    No self link and no repeated triple is created. Further columns stay with the head.
    """
    heads, tails = relations["head"].to_numpy(), relations["tail"].to_numpy()
    groups = relations["relation"].to_numpy()
    return relations.assign(tail=rewired_edges(heads, tails, rng, groups=groups, self_links=False))


def rewired_social(social: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The table social with other friends: each user keeps the number of mutual links, of one-sided links to others,
    and of those from others.

    No self link and no repeated link is created, and no two one-sided links become a mutual one. Further columns stay
    with their row. UserError (code 3) for a repeated link.
    """
    if social.duplicated([USER, "friend"]).any():
        raise UserError("rewired_social: a link is given twice; attach_tables leaves repeated links out", code=3)
    codes, nodes = pd.factorize(np.concatenate([social[USER], social["friend"]]))
    user, friend = codes[: len(social)].copy(), codes[len(social) :].copy()
    one_way, both_ways = _Rules(len(nodes)), _Rules(len(nodes), undirected=True)
    group = np.zeros(len(social), np.int64)
    key, link = one_way.key(group, user, friend), both_ways.key(group, user, friend)
    mutual = np.isin(key, one_way.key(group, friend, user)) & (user != friend)
    for rows, turned in ((np.flatnonzero(mutual), True), (np.flatnonzero(~mutual), False)):
        if turned:  # sorted by link, the two rows of a mutual link stand side by side
            rows, opposite = rows[np.argsort(link[rows], kind="stable")].reshape(-1, 2).T
        others = np.delete(link, np.concatenate([rows, opposite]) if turned else rows)
        rules = _Rules(len(nodes), others, undirected=True, turned=turned)
        user[rows], friend[rows] = _swapped((user[rows], friend[rows]), group[rows], rng, rules)
        if turned:
            user[opposite], friend[opposite] = friend[rows], user[rows]
        link = both_ways.key(group, user, friend)
    return social.assign(**{USER: nodes[user], "friend": nodes[friend]})


def changed(before: pd.DataFrame, after: pd.DataFrame) -> float:
    """The share of the links after rewiring that were not there before. The tables have the same columns."""
    columns = [USER, "friend"] if "friend" in before else ["head", "relation", "tail"]
    old, new = (pd.MultiIndex.from_frame(table[columns]) for table in (before, after))
    return float((~new.isin(old)).mean()) if len(new) else 0.0


def _swapped(ends: Ends, group: np.ndarray, rng: np.random.Generator, rules: _Rules) -> Ends:
    """Heads and tails (n,) after ROUNDS rounds of swaps between links of one group (n,)."""
    head, tail = (end.astype(np.int64) for end in ends)
    for _ in range(ROUNDS):
        if rules.turned:
            turn = rng.random(len(head)) < 0.5
            head, tail = np.where(turn, tail, head), np.where(turn, head, tail)
        first, second = _pairs(group, rng)
        tried = rng.random(len(first)) < TRIED
        first, second = first[tried], second[tried]
        pair_head, pair_tail = np.stack([head[first], head[second]]), np.stack([tail[second], tail[first]])
        keys = rules.key(group[first], pair_head, pair_tail)
        there = np.concatenate([rules.key(group, head, tail), rules.taken])
        distinct, at, count = np.unique(keys, return_inverse=True, return_counts=True)
        wrong = ((count > 1) | np.isin(distinct, there))[at].reshape(keys.shape)
        if not rules.self_links:
            wrong |= pair_head == pair_tail
        kept = ~wrong.any(axis=0)
        tail[first[kept]], tail[second[kept]] = pair_tail[0, kept], pair_tail[1, kept]
    return head, tail


def _pairs(group: np.ndarray, rng: np.random.Generator) -> Ends:
    """Random pairs (p,) and (p,) of links of one group; each link is in one at most."""
    order = np.lexsort((rng.random(len(group)), group))
    sizes = np.unique(group, return_counts=True)[1]
    place = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # within the group
    size = np.repeat(sizes, sizes)
    first = np.flatnonzero((place % 2 == 0) & (place + 1 < size))
    return order[first], order[first + 1]
