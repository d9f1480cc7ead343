"""Preprocessing presets of fourteen published datasets, with the statistics that the right data must give.

Counts: "An Embarrassingly Simple Graph Heuristic Reveals Shortcut-Solvable Benchmarks for Sequential Recommendation"
(arXiv:2605.07125) and its files. Edges are distinct pairs of consecutive items in train, which is all but the last two
events of each user; users with fewer than three events are dropped.
"""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.data.filters import FILTERS, OrderedLog
from workbench.data.graph import transitions
from workbench.data.protocol import protocol_for
from workbench.data.schema import ITEM, MICROSECOND, RAW, ROW, TIME, USER, Dataset, assemble, factorize
from workbench.data.splits import split
from workbench.data.tables import follow_tables
from workbench.errors import UserError, unknown_name

MIN_EVENTS = 3  # users need a train, a validation and a test event


@dataclass(frozen=True)
class Preset:
    """How a published dataset was preprocessed, and its resulting statistics.

    source: the release. steps: filters in order, (name, value ...) of workbench.data.filters. users, items, edges:
    expected counts. mean_length: expected mean events per user, published to two decimals; of sequences truncated to
    `max_length` where that is not 0. keep_last: number of most recent events kept after ids were assigned, so some
    items never occur; 0 keeps all. dataset: our dataset of the same source, "" where there is none. note: what the
    source leaves open.
    """

    name: str
    source: str
    users: int
    items: int
    edges: int
    mean_length: float
    steps: tuple[tuple, ...] = ()
    keep_last: int = 0
    max_length: int = 0
    dataset: str = ""
    note: str = ""


CORE, ONE_PASS_CORE = ("iterative_k_core", 5), ("single_pass_k_core", 5)
RATED_4, NO_REPEATS, FIRST = ("min_rating", 4), ("drop_consecutive_repeats",), ("first_user_item_event",)
YEAR_2019 = 1_546_300_800
P5 = "Amazon reviews 2014, 5-core, as P5 prepared it"
ONE_PASS_NOTE = "the single pass counts users and items on the same log; the source does not state their order"
PRESETS = {preset.name: preset for preset in (
    Preset("beauty", P5, 22_363, 12_101, 114_582, 8.15, (CORE,), max_length=21, dataset="beauty"),
    Preset("sports", P5, 35_598, 18_357, 180_610, 7.96, (CORE,), max_length=21, dataset="sports"),
    Preset("toys", P5, 19_412, 11_924, 102_268, 7.97, (CORE,), max_length=21, dataset="toys"),
    Preset("cds", "Amazon reviews 2014, CDs and Vinyl, the 5-core file as it is", 75_258, 64_443, 810_347, 14.58,
           dataset="cds"),
    Preset("delicious", "HetRec 2011: a user's bookmarks at their first tagging", 718, 1_200, 4_016, 9.13,
           (FIRST, ONE_PASS_CORE), note=ONE_PASS_NOTE),
    Preset("lastfm", "HetRec 2011: a user's artists at their first tagging", 1_090, 3_646, 30_372, 34.02,
           (FIRST, CORE), keep_last=100, dataset="lastfm", note="our lastfm counts plays, which have no times"),
    Preset("movielens-1m", "MovieLens 1M, all ratings", 6_040, 3_416, 268_867, 74.06, (("min_item_events", 5),),
           keep_last=100, dataset="movielens-1m"),
    Preset("yelp", "Yelp reviews since 2019, as LETTER prepared them", 30_431, 20_033, 219_632, 10.40,
           (("min_timestamp", YEAR_2019), CORE)),
    Preset("mind", "MIND-small dev: the click history, then impressions with label 1", 48_577, 39_757, 824_397, 28.16,
           (FIRST,)),
    Preset("goodreads-comics", "Goodreads comics and graphic, by the date added", 89_186, 48_623, 1_282_693, 33.78,
           (RATED_4, NO_REPEATS, ONE_PASS_CORE), note=ONE_PASS_NOTE),
    Preset("goodreads-children", "Goodreads children, by the date added", 163_143, 55_221, 1_622_817, 24.26,
           (RATED_4, NO_REPEATS, ONE_PASS_CORE), note=ONE_PASS_NOTE),
    Preset("steam", "Steam reviews, repeats kept", 334_728, 13_047, 1_524_022, 12.59, (ONE_PASS_CORE,)),
    Preset("hm", "H&M purchases, by date and then by row", 1_077_045, 104_468, 19_487_762, 26.01, (NO_REPEATS,)),
    Preset("amazon-m2-uk", "Amazon-M2 UK sessions: prev_items, then next_item", 1_182_181, 494_409, 1_500_196, 5.12,
           (("min_user_events", MIN_EVENTS),)),
)}  # fmt: skip


def get_preset(name: str) -> Preset:
    """A preset by name. UserError for an unknown name."""
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]


def preset_for_dataset(name: str) -> Preset | None:
    """The preset with the same source as one of our datasets, or None."""
    return next((preset for preset in PRESETS.values() if name and preset.dataset == name), None)


def apply_preset(preset: Preset, events: pd.DataFrame) -> pd.DataFrame:
    """The events that the preset keeps, in input order, with their position in `events` as `row`.

    events: user, item, and where a filter needs them timestamp (seconds) and rating. Order within a user is by
    timestamp where there is one, then by row (the column, else the position). UserError where a filter lacks its column
    or no events remain.
    """
    return _apply_steps(preset, events)[0]


def filter_dataset(preset: Preset, dataset: Dataset) -> Dataset:
    """A dataset under the filters of a preset; `about` records the preset and the catalogue size before truncation.

    UserError as `apply_preset`, and where the order of events is unknown.
    """
    if dataset.order == "none":
        raise UserError(f"{dataset.name}: a preset needs ordered events; this dataset has no order", code=3)
    events = dataset.interactions
    if dataset.order == "sequence":
        events = events.drop(columns=TIME, errors="ignore")
    kept, items = _apply_steps(preset, events)
    events = dataset.interactions.loc[kept.index].assign(
        **{side: pd.Categorical.from_codes(kept[side] - base, table[RAW])
           for side, table, base in ((USER, dataset.users, 0), (ITEM, dataset.items, 1))}
    )  # fmt: skip
    about = dataset.about | {"preset": preset.name, "catalogue_size": items}
    kept = assemble(dataset.name, events, items=dataset.items, users=dataset.users, order=dataset.order, about=about)
    return follow_tables(dataset, kept)


def _apply_steps(preset: Preset, events: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The events to keep, and the number of items when ids were assigned."""
    users, items = (factorize(events[side])[0] for side in (USER, ITEM))
    times = events[TIME].to_numpy(np.int64) if TIME in events else None
    row = events[ROW].to_numpy() if ROW in events else np.arange(len(events))
    within_second = [events[MICROSECOND]] if MICROSECOND in events else []
    position = np.lexsort((row, users) if times is None else (row, *within_second, times, users))
    log = OrderedLog(users, items, times, events["rating"].to_numpy(np.float64) if "rating" in events else None)
    log = OrderedLog(*(None if column is None else column[position] for column in log))
    catalogue = 0
    steps = [*preset.steps, ("min_user_events", MIN_EVENTS)]
    steps += [("last_events", preset.keep_last)] if preset.keep_last else []
    for name, *value in steps:
        catalogue = len(np.unique(log.items)) if name == "last_events" else catalogue
        keep = FILTERS[name](log, *value)
        log, position = log.take(keep), position[keep]
        if not len(position):
            raise UserError(f"preset {preset.name}: the filter {name} leaves none of {len(events):,} events", code=3)
    kept = events.iloc[np.sort(position)]
    return kept.assign(**{ROW: row[np.sort(position)]}), catalogue or len(np.unique(log.items))


def dataset_statistics(preset: Preset, dataset: Dataset) -> dict[str, float]:
    """users, items, edges and mean_length of a dataset, counted as for the preset; edges is NaN for unordered data."""
    lengths = np.bincount(dataset.interactions[USER], minlength=dataset.n_users)
    lengths = lengths[lengths >= MIN_EVENTS]
    edges = np.nan
    if dataset.order != "none":
        parts = split(dataset, protocol_for(dataset, split="leave-one-out", min_events=MIN_EVENTS))
        train = parts.train.take(np.flatnonzero(np.bincount(parts.test.histories.users, minlength=len(parts.train))))
        edges = transitions(train, dataset.n_items).nnz
    length = np.minimum(lengths, preset.max_length or lengths.max(initial=0)).mean() if len(lengths) else 0.0
    items = dataset.about.get("catalogue_size", dataset.n_items)
    return {"users": len(lengths), "items": items, "edges": edges, "mean_length": round(float(length), 2)}


def check_statistics(preset: Preset, dataset: Dataset) -> dict[str, float]:
    """The statistics of a dataset. UserError (code 3) lists those that differ from the preset, as (given, expected)."""
    statistics = dataset_statistics(preset, dataset)
    wrong = {name: value for name, value in statistics.items() if not value == getattr(preset, name)}
    if wrong:
        lines = ", ".join(f"{name} ({_format(value)}, {getattr(preset, name):,})" for name, value in wrong.items())
        raise UserError(
            f"{dataset.name} is not the published {preset.name} ({preset.source}): it differs in (given, expected) "
            f"{lines}; numbers published for {preset.name} do not apply here", code=3,
        )
    return statistics


def _format(value: float) -> str:
    return "not countable: the order of events is unknown" if np.isnan(value) else f"{value:,}"
