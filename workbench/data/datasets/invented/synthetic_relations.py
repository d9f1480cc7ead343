"""A synthetic world with planted relations: users choose items by what a knowledge graph links them to."""
import zlib

import numpy as np
import pandas as pd

import workbench.data.synthetic.dynamics as dynamics
from workbench.data.schema import ITEM, RAW, TIME, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError

MAKERS, STUDIOS, THEMES, COLOURS = 60, 10, 30, 12  # entities; a maker works for one studio
PER_ITEM, USUAL, FAVOURED = 2, 3, 30.0  # themes of an item; those of a maker, and how much more likely they are
STUDIOS_LIKED, THEMES_LIKED = 2, 4  # of a user; colours mean nothing to anybody
PULL = {"studio": 4.0, "theme": 3.0}  # what a liked entity adds to the logarithm of an item's share
UNLINKED = 0.05  # share of items of which the knowledge graph knows nothing
BLOCK = 1_024  # users whose choices are drawn at a time
SECONDS_PER_DAY, START = 86_400, 1_262_304_000  # 2010-01-01


def load(*, users: int = 2_000, items: int = 600, mean_length: float = 12.0, seed: int = 0) -> Dataset:
    """Synthetic relations. The table relations: items are `made by` a maker, `about` themes and `coloured`; a maker
    works `for` a studio, so what a studio's fans like is two links away from an item.

    A user takes each item at most once, with a share that is its popularity times exp(PULL of the liked studio and
    themes); times are random. UserError for an option below its minimum.
    """
    for name, value, least in (("users", users, 1), ("items", items, 50), ("mean_length", mean_length, 3)):
        if value < least:
            raise UserError(f"synthetic-relations: {name} must be at least {least}, not {value!r}")
    facts = _facts(items, _stream(seed, "facts"))
    popularity = -0.7 * np.log(_stream(seed, "popularity").permutation(items) + 10.0)
    days, lengths = dynamics.event_days(users, mean_length, 3, 0.25, _stream(seed, "days"))
    lengths = np.minimum(lengths, items // 2)
    user, item = _choices(facts, popularity, lengths, _stream(seed, "choices"))
    step = np.arange(len(user)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    times = START + SECONDS_PER_DAY * days[step, user].astype(np.int64)
    raw = _stream(seed, "ids").permutation(items) + 10_000
    order = np.lexsort((step, user, times))
    events = pd.DataFrame({USER: user + 10_000, ITEM: raw[item], TIME: times}).iloc[order].reset_index(drop=True)
    settings = {"users": users, "items": items, "mean_length": mean_length, "seed": seed}
    about = {"title": "synthetic-relations: invented choices by what items are linked to",
             "terms": "invented; free to use", "options": settings}  # fmt: skip
    dataset = assemble("synthetic-relations", events, items=pd.DataFrame({RAW: raw}), about=about)
    return attach_tables(dataset, {"relations": _table(facts, raw, _stream(seed, "unlinked"))})


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _facts(items: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """maker, colour: (I,); theme: (I, PER_ITEM), distinct in a row; studio: (MAKERS,), of each maker."""
    maker, usual = rng.integers(0, MAKERS, items), _liked(MAKERS, THEMES, USUAL, rng)
    chance = np.log(1 + (FAVOURED - 1) * usual[maker]) + rng.gumbel(size=(items, THEMES))
    return {"maker": maker, "theme": np.argsort(-chance, axis=1)[:, :PER_ITEM],
            "colour": rng.integers(0, COLOURS, items),
            "studio": rng.permutation(np.arange(MAKERS) % STUDIOS)}  # fmt: skip


def _choices(
    facts: dict[str, np.ndarray], popularity: np.ndarray, lengths: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) users and (N,) items, lengths[u] of each user: those with the largest logarithm of their share plus Gumbel
    noise, which is to draw without replacement, in a random order."""
    users, items = [], []
    studio, ranks = facts["studio"][facts["maker"]], np.arange(len(popularity))
    for start in range(0, len(lengths), BLOCK):
        own = lengths[start : start + BLOCK]
        likes_studio, likes_theme = (_liked(len(own), n, k, rng) for n, k in
                                     ((STUDIOS, STUDIOS_LIKED), (THEMES, THEMES_LIKED)))  # fmt: skip
        share = popularity + PULL["studio"] * likes_studio[:, studio]
        share = share + PULL["theme"] * likes_theme[:, facts["theme"]].sum(axis=2)
        best = np.argsort(-(share + rng.gumbel(size=share.shape)), axis=1)
        user, place = np.nonzero(ranks < own[:, None])
        users.append(user + start)
        items.append(best[user, place][np.lexsort((rng.random(len(user)), user))])
    return np.concatenate(users), np.concatenate(items)


def _liked(n: int, of: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """(n, of) float: 1 at k places of each row."""
    liked = np.zeros((n, of))
    np.put_along_axis(liked, np.argpartition(rng.random((n, of)), k, axis=1)[:, :k], 1.0, axis=1)
    return liked


def _table(facts: dict[str, np.ndarray], raw: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Head, relation and tail, raw ids of items and names of entities."""
    known = np.flatnonzero(rng.random(len(raw)) >= UNLINKED)
    links = [("made by", raw[known], "maker", facts["maker"][known])]
    links += [("about", raw[known], "theme", facts["theme"][known, j]) for j in range(PER_ITEM)]
    links += [("coloured", raw[known], "colour", facts["colour"][known])]
    rows = [pd.DataFrame({"head": heads, "relation": name, "tail": [f"{kind} {n}" for n in tails]})
            for name, heads, kind, tails in links]  # fmt: skip
    makers = pd.DataFrame({"head": [f"maker {n}" for n in range(MAKERS)], "relation": "for",
                           "tail": [f"studio {n}" for n in facts["studio"]]})  # fmt: skip
    return pd.concat([*rows, makers], ignore_index=True)
