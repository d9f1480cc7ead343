"""The filters of fourteen published datasets under names, with the counts that the right data must give.

Counts: "An Embarrassingly Simple Graph Heuristic Reveals Shortcut-Solvable Benchmarks for Sequential Recommendation"
(arXiv:2605.07125) and its files. Edges are distinct pairs of items that follow each other in train, which is all but
the last two events of each user; users with fewer than three events are dropped.
"""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.data.filters import FILTERS, Ordered
from workbench.data.graph import transitions
from workbench.data.protocol import protocol_for
from workbench.data.schema import ITEM, RAW, ROW, TIME, USER, Dataset, assemble, factorize
from workbench.data.splits import split
from workbench.errors import UserError, unknown

SHORTEST = 3  # users with fewer events have no train, validation and test event


@dataclass(frozen=True)
class Preset:
    """How a published dataset was made, and what it then counts.

    source: which release. steps: filters in order, (name, value ...) of workbench.data.filters. users, items, edges:
    expected. mean_length: expected mean events a user, published to two decimals; with `capped`, of sequences cut to
    that many. held: the last so many events are kept after ids were given, so some items never occur; 0 for all.
    dataset: ours of the same source, "" where there is none. note: what the source leaves open.
    """

    name: str
    source: str
    users: int
    items: int
    edges: int
    mean_length: float
    steps: tuple[tuple, ...] = ()
    held: int = 0
    capped: int = 0
    dataset: str = ""
    note: str = ""


CORE, ONCE, RATED, STEADY, FIRST = ("core", 5), ("core_once", 5), ("least_rating", 4), ("collapse",), ("first_each",)
YEAR_2019 = 1_546_300_800
P5 = "Amazon reviews 2014, 5-core, as P5 prepared it"
BOTH = "the one pass counts users and items on the same log; the source does not say in which order they were counted"
PRESETS = {preset.name: preset for preset in (
    Preset("beauty", P5, 22_363, 12_101, 114_582, 8.15, (CORE,), capped=21, dataset="beauty"),
    Preset("sports", P5, 35_598, 18_357, 180_610, 7.96, (CORE,), capped=21, dataset="sports"),
    Preset("toys", P5, 19_412, 11_924, 102_268, 7.97, (CORE,), capped=21, dataset="toys"),
    Preset("cds", "Amazon reviews 2014, CDs and Vinyl, the 5-core file as it is", 75_258, 64_443, 810_347, 14.58,
           dataset="cds"),
    Preset("delicious", "HetRec 2011: a user's bookmarks at their first tagging", 718, 1_200, 4_016, 9.13,
           (FIRST, ONCE), note=BOTH),
    Preset("lastfm", "HetRec 2011: a user's artists at their first tagging", 1_090, 3_646, 30_372, 34.02,
           (FIRST, CORE), held=100, dataset="lastfm", note="our lastfm counts plays, which have no times"),
    Preset("movielens-1m", "MovieLens 1M, all ratings", 6_040, 3_416, 268_867, 74.06, (("item_core", 5),), held=100,
           dataset="movielens-1m"),
    Preset("yelp", "Yelp reviews since 2019, as LETTER prepared them", 30_431, 20_033, 219_632, 10.40,
           (("since", YEAR_2019), CORE)),
    Preset("mind", "MIND-small dev: the click history, then impressions with label 1", 48_577, 39_757, 824_397, 28.16,
           (FIRST,)),
    Preset("goodreads-comics", "Goodreads comics and graphic, by the date added", 89_186, 48_623, 1_282_693, 33.78,
           (RATED, STEADY, ONCE), note=BOTH),
    Preset("goodreads-children", "Goodreads children, by the date added", 163_143, 55_221, 1_622_817, 24.26,
           (RATED, STEADY, ONCE), note=BOTH),
    Preset("steam", "Steam reviews, repeats kept", 334_728, 13_047, 1_524_022, 12.59, (ONCE,)),
    Preset("hm", "H&M purchases, by date and then by row", 1_077_045, 104_468, 19_487_762, 26.01, (STEADY,)),
    Preset("amazon-m2-uk", "Amazon-M2 UK sessions: prev_items, then next_item", 1_182_181, 494_409, 1_500_196, 5.12,
           (("least_events", SHORTEST),)),
)}  # fmt: skip


def named(name: str) -> Preset:
    """A preset by name; UserError names the nearest."""
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]


def for_dataset(name: str) -> Preset | None:
    """The preset that is made from the same source as one of our datasets, or None."""
    return next((preset for preset in PRESETS.values() if name and preset.dataset == name), None)


def apply(preset: Preset, events: pd.DataFrame) -> pd.DataFrame:
    """The events that the preset keeps, in the order given, with their place in `events` as `row`.

    events: user, item, and where a filter needs them timestamp (seconds) and rating. Order within a user is by
    timestamp where there is one, then by row (the column, else the place). UserError where a filter lacks its column or
    nothing is left.
    """
    return _kept(preset, events)[0]


def filtered(preset: Preset, dataset: Dataset) -> Dataset:
    """A dataset as the preset would have it; `about` tells the preset and how many items had been given an id.
    UserError as `apply`, and where nothing tells what came first."""
    if dataset.order == "none":
        raise UserError(f"{dataset.name}: a preset needs an order, and nothing tells what came first", code=3)
    events = dataset.interactions
    if dataset.order == "sequence":
        events = events.drop(columns=TIME, errors="ignore")
    kept, items = _kept(preset, events)
    events = dataset.interactions.loc[kept.index].assign(
        **{side: pd.Categorical.from_codes(kept[side] - base, table[RAW])
           for side, table, base in ((USER, dataset.users, 0), (ITEM, dataset.items, 1))}
    )  # fmt: skip
    about = dataset.about | {"preset": preset.name, "catalogue": items}
    return assemble(
        dataset.name, events, items=dataset.items, users=dataset.users, tables=dataset.tables, order=dataset.order,
        about=about,
    )


def _kept(preset: Preset, events: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The events that stay, and the number of items when ids were given."""
    users, items = (factorize(events[side])[0] for side in (USER, ITEM))
    times = events[TIME].to_numpy(np.int64) if TIME in events else None
    row = events[ROW].to_numpy() if ROW in events else np.arange(len(events))
    place = np.lexsort((row, users) if times is None else (row, times, users))
    log = Ordered(users, items, times, events["rating"].to_numpy(np.float64) if "rating" in events else None)
    log = Ordered(*(None if column is None else column[place] for column in log))
    catalogue = 0
    steps = [*preset.steps, ("least_events", SHORTEST), *([("last", preset.held)] if preset.held else [])]
    for name, *value in steps:
        catalogue = len(np.unique(log.items)) if name == "last" else catalogue
        stays = FILTERS[name](log, *value)
        log, place = log.take(stays), place[stays]
        if not len(place):
            raise UserError(f"preset {preset.name}: the filter {name} leaves none of {len(events):,} events", code=3)
    kept = events.iloc[np.sort(place)]
    return kept.assign(**{ROW: row[np.sort(place)]}), catalogue or len(np.unique(log.items))


def figures(preset: Preset, dataset: Dataset) -> dict[str, float]:
    """users, items, edges and mean_length of a dataset, counted as the preset counts them. edges is NaN where nothing
    tells what came first."""
    lengths = np.bincount(dataset.interactions[USER], minlength=dataset.n_users)
    lengths = lengths[lengths >= SHORTEST]
    edges = np.nan
    if dataset.order != "none":
        cut = split(dataset, protocol_for(dataset, split="leave-one-out", min_events=SHORTEST))
        long = cut.train.take(np.flatnonzero(np.bincount(cut.test.histories.users, minlength=len(cut.train))))
        edges = transitions(long, dataset.n_items).nnz
    length = np.minimum(lengths, preset.capped or lengths.max(initial=0)).mean() if len(lengths) else 0.0
    items = dataset.about.get("catalogue", dataset.n_items)
    return {"users": len(lengths), "items": items, "edges": edges, "mean_length": round(float(length), 2)}


def check(preset: Preset, dataset: Dataset) -> dict[str, float]:
    """The figures of a dataset, if they are those of the preset. UserError (code 3) names every one that is not, as
    (given, expected)."""
    found = figures(preset, dataset)
    wrong = {name: value for name, value in found.items() if not value == getattr(preset, name)}
    if wrong:
        lines = ", ".join(f"{name} ({_said(value)}, {getattr(preset, name):,})" for name, value in wrong.items())
        raise UserError(
            f"{dataset.name} is not the published {preset.name} ({preset.source}): it differs in (given, expected) "
            f"{lines}; numbers published for {preset.name} do not hold here", code=3,
        )
    return found


def _said(value: float) -> str:
    return "not countable: nothing tells what came first" if np.isnan(value) else f"{value:,}"
