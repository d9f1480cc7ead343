"""Seeded worlds with planted structure, so that a tool can be tested on data whose truth is known.

Every choice is made the same way: a slate of items is put before a user, and one is taken with probability in
proportion to exp(taste for its category, brand and tags). What differs between the worlds is where slates come from:
what is popular that month, what is planted to follow an earlier item, or what lies near the last item in feature
space. The truth is given by `truth` alone: no column or table of the Dataset holds it.
"""
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.schema import ITEM, RAW, ROW, TIME, USER, Dataset, assemble
from workbench.data.synthetic.catalogue import BRANDS, LEAVES, TAGS, Catalogue, catalogue
from workbench.data.synthetic.dynamics import draw, neighbours, popularity, successors
from workbench.errors import UserError, check_names, unknown

DAY, START, MONTHS = 86_400, 1_262_304_000, 36  # seconds; 2010-01-01; windows of constant popularity
SLATE = 24  # popular items a user looks at before choosing


@dataclass(frozen=True)
class World:
    """What a world plants. follow: share of choices from what follows the item `lag` steps back; branching: how many
    items follow each; kernel: where these come from (anywhere, shelves that go together, feature neighbours); taste:
    strength; repeat: share of choices from one's own history; ties: share of events on the day of the one before;
    drift: whether popularity moves and new items appear; shortest: events of the shortest user; leak: adds an item
    column numbered by first appearance."""

    about: str
    users: int = 2_000
    items: int = 600
    mean_length: float = 9.0
    branching: int = 6
    seed: int = 0
    leak: bool = False
    follow: float = 1.0
    lag: int = 1
    kernel: str = "anywhere"
    taste: float = 0.0
    repeat: float = 0.0
    ties: float = 0.0
    drift: bool = False
    shortest: int = 2


OPTIONS = ("users", "items", "mean_length", "branching", "seed", "leak")
WORLDS = {
    "synthetic": World(
        "a small shop: tastes, planted transitions, same-day ties, drift, new and cold items, repeats",
        kernel="shelves", follow=0.6, taste=1.0, repeat=0.04, ties=0.25, drift=True,
    ),
    "synthetic-chain": World("a first-order chain: the last item alone decides what comes next", branching=3),
    "synthetic-lag5": World(
        "the item five steps back decides what comes next; the last item says nothing",
        branching=3, lag=5, mean_length=18.0, shortest=8,
    ),
    "synthetic-walk": World(
        "a walk through feature space: the next item resembles the last one, and few transitions are seen twice",
        items=3_000, branching=100, kernel="neighbours",
    ),
    "synthetic-null": World("choices by popularity alone: nothing here can be learned beyond it", follow=0, ties=0.25),
}  # fmt: skip
NAMES = {name: world.about for name, world in WORLDS.items()}


class Made(NamedTuple):
    """A generated world before it is given to anyone: codes are 0-based places, raw ids are drawn at random."""

    events: pd.DataFrame
    items: pd.DataFrame
    truth: dict[str, pd.DataFrame]


def load(name: str, **options) -> Dataset:
    """A world as a Dataset. Options: users, items, mean_length, branching, seed, leak. UserError names a bad one."""
    world = _world(name, options)
    made = _make(world)
    chosen = {option: getattr(world, option) for option in OPTIONS}
    about = {"title": f"{name}: {world.about}", "terms": "invented; free to use", "options": chosen}
    return assemble(name, made.events, items=made.items, about=about)


def truth(name: str, **options) -> dict[str, pd.DataFrame]:
    """What was planted in the world of the same name and options, by raw id.

    tastes: a row a user. tags: a row an item, 0/1. transitions: item, next, probability before taste. choices: row of
    the log and what made it (popular, follow, repeat). parameters: name and value.
    """
    return _make(_world(name, options)).truth


def _world(name: str, options: dict) -> World:
    if name not in WORLDS:
        raise unknown("synthetic world", name, WORLDS)
    check_names(f"option of {name}", options, OPTIONS)
    least = {"users": 1, "items": 10, "mean_length": 3.0, "branching": 1, "seed": 0, "leak": False}
    for option, value in options.items():
        kind = type(least[option])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise UserError(f"{name}: {option} must be {kind.__name__}, not {value!r}")
        if value < least[option]:
            raise UserError(f"{name}: {option} must be at least {least[option]}, not {value!r}")
    world = replace(WORLDS[name], **options)
    if world.mean_length <= world.shortest:
        raise UserError(f"{name}: mean_length {world.mean_length} must be above its shortest user, {world.shortest}")
    if world.branching >= world.items:
        raise UserError(f"{name}: branching {world.branching} must be below items {world.items}")
    return world


def _stream(world: World, name: str) -> np.random.Generator:
    return np.random.default_rng([world.seed, zlib.crc32(name.encode())])


def _make(world: World) -> Made:
    rng = partial(_stream, world)
    shop = catalogue(world.items, rng("catalogue"))
    sale = popularity(world.items, MONTHS, world.drift, rng("popularity"))
    if world.kernel != "neighbours":
        kernel = successors(sale[0], world.branching, rng("kernel"), shop.leaf if world.kernel == "shelves" else None)
    else:
        kernel = neighbours(shop.features(), world.branching, rng("kernel"))
    tastes = _tastes(world, rng("tastes"))
    days, lengths = _visits(world, rng("visits"))
    chosen, origin = _choose(world, sale, kernel, _picker(shop, tastes, sale[1], rng("taking")), days, lengths)

    step, user = np.nonzero(np.arange(len(days))[:, None] < lengths)
    order = np.lexsort((step, user, days[step, user]))
    step, user = step[order], user[order]
    item = chosen[step, user]
    user_raw = rng("user ids").permutation(world.users) + 10_000
    item_raw = rng("item ids").permutation(world.items) + 10_000
    stamps = START + DAY * days[step, user].astype(np.int64)
    events = pd.DataFrame({USER: user_raw[user], ITEM: item_raw[item], TIME: stamps})
    items = shop.table.assign(**{RAW: item_raw, "decoy": _decoy(shop, item, rng("decoy"))})
    if world.leak:
        scan = item[np.lexsort((step, user_raw[user]))]  # numbered user after user, as several public files are
        seen = pd.unique(scan)
        numbered = np.concatenate([seen, np.setdiff1d(np.arange(world.items), seen)])
        items["source_id"] = np.argsort(numbered) + 1
    planted = _truth(world, shop, tastes, kernel, user_raw, item_raw)
    planted["choices"] = pd.DataFrame({ROW: np.arange(len(item)), "origin": origin[step, user]})
    return Made(events, items, planted)


def _tastes(world: World, rng: np.random.Generator) -> list[np.ndarray]:
    """Per user a liking for each category, brand and tag; most are zero."""
    shapes = ((len(LEAVES), 0.12, 2.5), (len(BRANDS), 0.1, 1.5), (len(TAGS), 0.2, 1.5))
    tastes = []
    for n, share, mean in shapes:
        liked = rng.random((world.users, n)) < share
        tastes.append((world.taste * liked * rng.gamma(4, mean / 4, liked.shape)).astype(np.float32))
    return tastes


def _visits(world: World, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(T, U) days and (U,) lengths, longest user first: two of equal day are a tie."""
    extra = rng.poisson(rng.gamma(2, max(world.mean_length - world.shortest, 0.1) / 2, world.users))
    lengths = np.sort(world.shortest + extra)[::-1]
    shape = (lengths[0], world.users)
    gaps = np.where(rng.random(shape) < world.ties, 0, rng.geometric(1 / 25, shape))
    gaps[0] = rng.integers(0, 900, world.users)
    return np.cumsum(gaps, axis=0), lengths


def _choose(
    world: World, sale: tuple, kernel: tuple, pick: Callable, days: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(T, U) items and what made them, one time step of all users at once."""
    (popular, _), (follow, weight) = sale, kernel
    rng = _stream(world, "choices")
    horizon = int(np.quantile(days[lengths - 1, np.arange(len(lengths))], 0.98)) + 1
    months = np.minimum(days * MONTHS // horizon, MONTHS - 1)
    chosen = np.zeros(days.shape, np.int64)
    origin = np.full(days.shape, "popular", object)
    for t in range(len(days)):
        n = int(np.searchsorted(-lengths, -t))  # users still here: those longer than t, who come first
        users, month = np.arange(n), months[t, :n]
        chosen[t, :n], _ = pick(users, month, draw(popular, month, rng.random((n, SLATE if world.taste else 1))), 0.0)
        kind = rng.random(n)
        if t >= world.lag:
            led = np.flatnonzero(kind < world.follow)
            item, possible = pick(led, month[led], follow[chosen[t - world.lag, led]], np.log(weight))
            chosen[t, led[possible]], origin[t, led[possible]] = item[possible], "follow"
        if t and world.repeat:
            again = np.flatnonzero(kind > 1 - world.repeat)
            chosen[t, again] = chosen[rng.integers(0, t, len(again)), again]
            origin[t, again] = "repeat"
    return chosen, origin


def _picker(shop: Catalogue, tastes: list[np.ndarray], release: np.ndarray, rng: np.random.Generator) -> Callable:
    """A function (users, month, slate (n, m), log_weight) -> the item each user takes and whether any was on sale."""
    leaves, brands, tags = tastes

    def pick(users, month, slate, log_weight):
        who = users[:, None]
        liking = leaves[who, shop.leaf[slate]] + brands[who, shop.brand[slate]] + log_weight
        for column in shop.tags.T:
            liking = liking + tags[who, column[slate]]
        on_sale = release[slate] <= month[:, None]
        liking = np.where(on_sale, liking + rng.gumbel(size=slate.shape), -np.inf)
        return slate[np.arange(len(users)), liking.argmax(axis=1)], on_sale.any(axis=1)

    return pick


def _decoy(shop: Catalogue, item: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(I,) bool: the first tag's carriers exchanged among items of like popularity: as frequent, and without effect."""
    carries = (shop.tags == 0).any(axis=1)
    counts = np.bincount(item, minlength=len(carries))
    by_count = np.lexsort((rng.random(len(carries)), counts))
    bins = np.arange(len(carries)) // 20
    mixed = by_count[np.lexsort((rng.random(len(carries)), bins))]
    decoy = np.empty_like(carries)
    decoy[by_count] = carries[mixed]
    return decoy


def _truth(world: World, shop: Catalogue, tastes: list, kernel: tuple, user_raw, item_raw) -> dict[str, pd.DataFrame]:
    """The planted parameters as tables keyed by raw id."""
    sides = (("category", LEAVES), ("brand", BRANDS), ("tag", TAGS))
    columns = [f"{kind}: {word}" for kind, words in sides for word in words]
    liked = pd.DataFrame(np.concatenate(tastes, axis=1), columns=columns)
    liked.insert(0, RAW, user_raw.astype(str))
    carried = np.zeros((world.items, len(TAGS)), np.int8)
    np.put_along_axis(carried, shop.tags, 1, axis=1)
    tags = pd.DataFrame(carried, columns=list(TAGS))
    tags.insert(0, RAW, item_raw.astype(str))
    follow, weight = kernel
    pairs = pd.DataFrame({
        "item": np.repeat(item_raw.astype(str), world.branching), "next": item_raw.astype(str)[follow].ravel(),
        "probability": np.tile(world.follow * weight, world.items),
    })  # fmt: skip
    pairs = pairs.groupby(["item", "next"], as_index=False)["probability"].sum()
    parameters = pd.DataFrame(asdict(world).items(), columns=["name", "value"])
    return {"tastes": liked, "tags": tags, "transitions": pairs, "parameters": parameters}
