"""Seeded synthetic worlds with planted structure, so that a method can be tested on data whose ground truth is known.

Every choice follows one model: the user sees a set of candidate items and takes one with probability proportional to
exp(preference for its category, brand and tags). The worlds differ in where the candidates come from: the popular
items of the month, the items planted to follow an earlier one, or the neighbours of the last item on the shelf or in
feature space. Only `truth` returns the planted parameters: no column or table of the Dataset holds them.

What is planted in "synthetic", and who can see it:
- popularity and its drift: every system;
- transitions, few for each item, so that they recur: systems that count pairs of items, and sequential networks;
- preferences: systems that read what one user takes together (item-kNN, EASE, matrix factorization), and networks;
- steps to an item on the same shelf (category and brand), so many for each item that most occur once: text neighbours
  well, semantic IDs and matrix factorization a little; to counts of pairs, and to networks over item ids that are as
  small as in smoke, they are noise.
"""
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

import workbench.data.synthetic.dynamics as dynamics
from workbench.data.schema import ITEM, RAW, ROW, TIME, USER, Dataset, assemble
from workbench.data.synthetic.catalogue import BRANDS, CATEGORIES, TAGS, Catalogue, decoy_tag, make_catalogue
from workbench.errors import UserError, check_names, unknown_name

SECONDS_PER_DAY, START, MONTHS = 86_400, 1_262_304_000, 36  # START: 2010-01-01; popularity is constant within a month
CANDIDATES_PER_CHOICE = 24  # popular items among which a user chooses
SIMILAR_ITEMS = 40  # neighbours on the shelf among which a user chooses in a step to a similar item


@dataclass(frozen=True)
class World:
    """The parameters of a world.

    transition_rate: share of choices among the successors of the item `lag` steps back. branching: successors of each
    item. successors_from: where they come from ("popularity", "categories" that go together, or feature "neighbours").
    similar_rate: share of choices among the SIMILAR_ITEMS items next to the last one on the shelf. preference: strength
    of user preferences. repeat_rate: share of choices from one's own history. tie_rate: share of events on the same day
    as the previous one. drift: whether popularity moves and new items appear. min_length: events of the shortest user.
    leak: adds an item column numbered by first appearance.
    """

    users: int = 2_000
    items: int = 600
    mean_length: float = 9.0
    branching: int = 6
    seed: int = 0
    leak: bool = False
    transition_rate: float = 1.0
    lag: int = 1
    successors_from: str = "popularity"
    similar_rate: float = 0.0
    preference: float = 0.0
    repeat_rate: float = 0.0
    tie_rate: float = 0.0
    drift: bool = False
    min_length: int = 2


OPTIONS = ("users", "items", "mean_length", "branching", "seed", "leak")
NAMES = {  # a literal: it is listed without being imported
    "synthetic": "a small shop: user preferences, planted transitions, steps to similar items, same-day ties, drift, "
                 "new and cold items, repeats",
    "synthetic-chain": "a first-order Markov chain: the last item alone determines the next one",
    "synthetic-lag5": "the item five steps back determines the next one; the last item is uninformative",
    "synthetic-walk": "a random walk in feature space: the next item resembles the last one, and few transitions occur "
                      "twice",
    "synthetic-null": "a null model: choices by popularity alone, so nothing beyond popularity can be learned",
}  # fmt: skip
WORLDS = {
    "synthetic": World(
        successors_from="categories", transition_rate=0.6, similar_rate=0.2, preference=1.0, repeat_rate=0.04,
        tie_rate=0.25, drift=True,
    ),
    "synthetic-chain": World(branching=3),
    "synthetic-lag5": World(branching=3, lag=5, mean_length=18.0, min_length=8),
    "synthetic-walk": World(items=3_000, branching=100, successors_from="neighbours"),
    "synthetic-null": World(transition_rate=0, tie_rate=0.25),
}  # fmt: skip


class GeneratedWorld(NamedTuple):
    """A generated log with its item table and ground truth, under random raw ids."""

    events: pd.DataFrame
    items: pd.DataFrame
    truth: dict[str, pd.DataFrame]


def load(name: str, **options) -> Dataset:
    """A synthetic world as a Dataset.

    Options: users, items, mean_length, branching, seed, leak. UserError for an unknown or invalid option.
    """
    world = _world(name, options)
    generated = _generate(world)
    settings = {option: getattr(world, option) for option in OPTIONS}
    about = {"title": f"{name}: {NAMES[name]}", "terms": "invented; free to use", "options": settings}
    return assemble(name, generated.events, items=generated.items, about=about)


def truth(name: str, **options) -> dict[str, pd.DataFrame]:
    """The planted parameters of the world with this name and these options, by raw id.

    preferences: one row per user. tags: one row per item, 0/1. transitions: item, next, probability before preferences
    apply. choices: row of the log and its origin (popularity, transition, similar, repeat). parameters: name and value.
    """
    return _generate(_world(name, options)).truth


def _world(name: str, options: dict) -> World:
    if name not in WORLDS:
        raise unknown_name("synthetic world", name, WORLDS)
    check_names(f"option of {name}", options, OPTIONS)
    minimum = {"users": 1, "items": 10, "mean_length": 3.0, "branching": 1, "seed": 0, "leak": False}
    for option, value in options.items():
        kind = type(minimum[option])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise UserError(f"{name}: {option} must be {kind.__name__}, not {value!r}")
        if value < minimum[option]:
            raise UserError(f"{name}: {option} must be at least {minimum[option]}, not {value!r}")
    world = replace(WORLDS[name], **options)
    if world.mean_length <= world.min_length:
        raise UserError(f"{name}: mean_length {world.mean_length} must exceed the minimum length, {world.min_length}")
    if world.branching >= world.items:
        raise UserError(f"{name}: branching {world.branching} must be below items {world.items}")
    return world


def _stream(world: World, name: str) -> np.random.Generator:
    """The random stream of one step. Its name is part of the seed: another name gives another world."""
    return np.random.default_rng([world.seed, zlib.crc32(name.encode())])


def _generate(world: World) -> GeneratedWorld:
    rng = partial(_stream, world)
    catalogue = make_catalogue(world.items, rng("catalogue"))
    monthly = dynamics.popularity(world.items, MONTHS, world.drift, rng("popularity"))
    if world.successors_from == "neighbours":
        transitions = dynamics.nearest_neighbours(catalogue.features(), world.branching, rng("kernel"))
    else:
        group = catalogue.category if world.successors_from == "categories" else None
        transitions = dynamics.successors(monthly[0], world.branching, rng("kernel"), group)
    sizes = (len(CATEGORIES), len(BRANDS), len(TAGS))
    preferences = dynamics.user_preferences(world.users, sizes, world.preference, rng("tastes"))
    days, lengths = dynamics.event_days(world.users, world.mean_length, world.min_length, world.tie_rate, rng("visits"))
    choose = _choice_model(catalogue, preferences, monthly[1], rng("taking"))
    similar = dynamics.shelf_neighbours((catalogue.brand, catalogue.category), SIMILAR_ITEMS, rng("similar"))
    chosen, origin = _simulate(world, monthly, transitions, similar, choose, days, lengths)
    step, user = np.nonzero(np.arange(len(days))[:, None] < lengths)
    order = np.lexsort((step, user, days[step, user]))
    step, user = step[order], user[order]
    item = chosen[step, user]
    user_raw = rng("user ids").permutation(world.users) + 10_000
    item_raw = rng("item ids").permutation(world.items) + 10_000
    times = START + SECONDS_PER_DAY * days[step, user].astype(np.int64)
    events = pd.DataFrame({USER: user_raw[user], ITEM: item_raw[item], TIME: times})
    items = catalogue.table.assign(**{RAW: item_raw, "decoy": decoy_tag(catalogue, item, rng("decoy"))})
    if world.leak:
        by_user = item[np.lexsort((step, user_raw[user]))]  # numbered user after user, as several public files are
        seen = pd.unique(by_user)
        numbered = np.concatenate([seen, np.setdiff1d(np.arange(world.items), seen)])
        items["source_id"] = np.argsort(numbered) + 1
    planted = _truth(world, catalogue, preferences, transitions, user_raw, item_raw)
    planted["choices"] = pd.DataFrame({ROW: np.arange(len(item)), "origin": origin[step, user]})
    return GeneratedWorld(events, items, planted)


def _simulate(
    world: World, monthly: tuple, transitions: tuple, similar: np.ndarray, choose: Callable, days: np.ndarray,
    lengths: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(T, U) chosen items and the origin of each choice, one time step of all users at once."""
    (popular, _), (successor, weight) = monthly, transitions
    rng = _stream(world, "choices")
    horizon = int(np.quantile(days[lengths - 1, np.arange(len(lengths))], 0.98)) + 1
    months = np.minimum(days * MONTHS // horizon, MONTHS - 1)
    chosen = np.zeros(days.shape, np.int64)
    origin = np.full(days.shape, "popularity", object)
    for t in range(len(days)):
        n = int(np.searchsorted(-lengths, -t))  # users with more than t events; they come first
        users, month = np.arange(n), months[t, :n]
        uniform = rng.random((n, CANDIDATES_PER_CHOICE if world.preference else 1))
        chosen[t, :n], _ = choose(users, month, dynamics.sample_items(popular, month, uniform), 0.0)
        kind = rng.random(n)
        if t >= world.lag:
            some = np.flatnonzero(kind < world.transition_rate)
            item, available = choose(some, month[some], successor[chosen[t - world.lag, some]], np.log(weight))
            chosen[t, some[available]], origin[t, some[available]] = item[available], "transition"
        if t and world.similar_rate:
            some = np.flatnonzero((kind >= world.transition_rate) & (kind - world.transition_rate < world.similar_rate))
            item, available = choose(some, month[some], similar[chosen[t - 1, some]], 0.0)
            chosen[t, some[available]], origin[t, some[available]] = item[available], "similar"
        if t and world.repeat_rate:
            again = np.flatnonzero(kind > 1 - world.repeat_rate)
            chosen[t, again] = chosen[rng.integers(0, t, len(again)), again]
            origin[t, again] = "repeat"
    return chosen, origin


def _choice_model(
    catalogue: Catalogue, preferences: list[np.ndarray], release: np.ndarray, rng: np.random.Generator
) -> Callable:
    """A function (users, month, candidates (n, m), log_weight) -> (chosen items, whether any was available).

    It samples a multinomial logit by the Gumbel-max trick; items not yet released have utility -inf.
    """
    by_category, by_brand, by_tag = preferences

    def choose(users, month, candidates, log_weight):
        row = users[:, None]
        utility = by_category[row, catalogue.category[candidates]] + by_brand[row, catalogue.brand[candidates]]
        utility = utility + log_weight
        for tag in catalogue.tags.T:
            utility = utility + by_tag[row, tag[candidates]]
        released = release[candidates] <= month[:, None]
        utility = np.where(released, utility + rng.gumbel(size=candidates.shape), -np.inf)
        return candidates[np.arange(len(users)), utility.argmax(axis=1)], released.any(axis=1)

    return choose


def _truth(
    world: World, catalogue: Catalogue, preferences: list, transitions: tuple, user_raw, item_raw
) -> dict[str, pd.DataFrame]:
    """The planted parameters as tables keyed by raw id."""
    attributes = (("category", CATEGORIES), ("brand", BRANDS), ("tag", TAGS))
    columns = [f"{kind}: {value}" for kind, values in attributes for value in values]
    liked = pd.DataFrame(np.concatenate(preferences, axis=1), columns=columns)
    liked.insert(0, RAW, user_raw.astype(str))
    indicator = np.zeros((world.items, len(TAGS)), np.int8)
    np.put_along_axis(indicator, catalogue.tags, 1, axis=1)
    tags = pd.DataFrame(indicator, columns=list(TAGS))
    tags.insert(0, RAW, item_raw.astype(str))
    successor, weight = transitions
    pairs = pd.DataFrame({
        "item": np.repeat(item_raw.astype(str), world.branching), "next": item_raw.astype(str)[successor].ravel(),
        "probability": np.tile(world.transition_rate * weight, world.items),
    })  # fmt: skip
    pairs = pairs.groupby(["item", "next"], as_index=False)["probability"].sum()
    parameters = pd.DataFrame(asdict(world).items(), columns=["name", "value"])
    return {"preferences": liked, "tags": tags, "transitions": pairs, "parameters": parameters}
