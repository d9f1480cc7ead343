"""The lists that any recommender gives: how popular, concentrated, new, diverse and fitting they are, and to whose
targets they do justice."""
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data import Cases, Histories, Split
from workbench.diagnose.models import beyond_accuracy
from workbench.diagnose.models.codes import numbered
from workbench.diagnose.verdict.card import Card, Figure, gathered, mean_figure
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.evaluate.compare import interval
from workbench.tokens import ItemCodes
from workbench.train.rng import stream

OWN, FLOOR, RANDOM, SWAPPED, PROFILE = "recommender", "popularity", "random", "other user", "history"
SAID = {
    FLOOR: "the popularity floor's lists", RANDOM: "lists drawn at random",
    SWAPPED: "the same lists given to other users", PROFILE: "the items of the same users' histories",
}  # fmt: skip
LISTS, SUBSETS = 1_000, 20  # lists that are counted at once, and how often they are drawn
SPREAD = {  # what is counted over all lists at once: toward, what it is
    "coverage": ("below", "Share of the catalogue that stands in any list"),
    "gini": ("above", "Gini of how often each item of the catalogue is shown"),
    "entropy": ("below", "Effective share of the catalogue that is shown, 2^H / I"),
}


class Measure(NamedTuple):
    """of: rows to (C,) values. null: which lists it is held against. toward: as of a Figure. said: what it is."""

    of: Callable[[Histories], np.ndarray]
    null: str
    toward: str
    said: str


def lists_card(
    items: np.ndarray, cases: Cases, split: Split, *, vectors: np.ndarray | None = None,
    categories: np.ndarray | None = None, codes: ItemCodes | None = None, ndcg: np.ndarray | None = None, seed: int = 0,
) -> Card:  # fmt: skip
    """What the lists (C, k) of a recommender for C cases are like.

    Tables: lists (a row a figure; the same for the popularity floor, random lists, the lists of other users and the
    histories, where it means something there) and `ndcg by popularity`. vectors: (I+1, D), for diversity. categories:
    (I+1,) names, "" for none. codes: for prefix diversity. ndcg: (C,) gain of each case where it is known better than
    from the lists, as with codes that collide. What is missing stands among the unmeasured with its reason.
    """
    rows = sources(items, cases, split, seed)
    parts = [*popularity_measures(split).items()]
    parts += [("ild", partial(_diverse, vectors)), ("prefix diversity", partial(_prefixes, codes)),
              ("miscalibration", partial(_category_fit, categories, rows[PROFILE])),
              ("popularity distance", partial(_popularity_fit, split, rows[PROFILE]))]  # fmt: skip
    measured = {name: partial(_measured, name, make, rows) for name, make in parts}
    gains = _gains(items, cases.targets) if ndcg is None else ndcg
    floor = _gains(beyond_accuracy.popular_lists(cases.histories, split, items.shape[1]), cases.targets)
    by = partial(_targets, gains, floor, cases.targets, split.train_counts())
    spread = partial(_spread, rows, split.n_items, items.shape[1], seed)
    said = gathered({"exposure": spread, **measured, "targets": by})
    found = [table for name, table in said.tables.items() if name.startswith("lists/")]
    tables = {name: table for name, table in said.tables.items() if not name.startswith("lists/")}
    return Card(said.figures, {"lists": pd.concat(found), **tables}, said.unmeasured)


def sources(items: np.ndarray, cases: Cases, split: Split, seed: int) -> dict[str, Histories]:
    """The lists and what they are held against, C rows each. UserError without a case, or for lists of one item."""
    C, k = items.shape
    if not C or k < 2 or C != len(cases.targets):
        raise UserError(f"lists of shape {items.shape} for {len(cases.targets)} cases: a list of 2 or more for each",
                        code=3)  # fmt: skip
    drawn = beyond_accuracy.random_lists(C, k, split.n_items, stream(seed, "random lists"))
    lists = {OWN: items, FLOOR: beyond_accuracy.popular_lists(cases.histories, split, k), RANDOM: drawn}
    lists[SWAPPED] = np.roll(items, 1, axis=0)
    return {name: beyond_accuracy.as_rows(made) for name, made in lists.items()} | {PROFILE: cases.histories}


def popularity_measures(split: Split) -> dict[str, Callable[[], Measure]]:
    """ARP, APLT (Abdollahpouri et al. 2019) and novelty (Zhou et al. 2010), each held against the histories."""
    counts = split.train_counts()
    tail = beyond_accuracy.tail(counts)

    def mean_of(values: np.ndarray) -> Callable[[Histories], np.ndarray]:
        return lambda rows: beyond_accuracy.row_means(rows, values)

    return {
        "arp": lambda: Measure(mean_of(counts), PROFILE, "above", "Mean train count of what is recommended"),
        "aplt": lambda: Measure(mean_of(tail), PROFILE, "below", "Share of the list from the rarest 80 % of the items"),
        "novelty": lambda: Measure(lambda rows: beyond_accuracy.novelty(rows, counts), PROFILE, "below",
                                   "Mean -log2 of the items' share of train events, in bits"),
    }  # fmt: skip


def _diverse(vectors: np.ndarray | None) -> Measure:
    if vectors is None:
        raise UserError("no item vectors were given, so items have no distance", code=3)
    return Measure(lambda rows: beyond_accuracy.diversity(rows, vectors), RANDOM, "below",
                   "Mean 1 - cosine of the pairs of a list")  # fmt: skip


def _prefixes(codes: ItemCodes | None) -> Measure:
    if codes is None:
        raise UserError("the recommender has no codes, so its items have no prefixes", code=3)
    return Measure(lambda rows: beyond_accuracy.distinct(rows, codes.trie.node[:, 1]), RANDOM, "below",
                   "Different first codes in a list")  # fmt: skip


def _category_fit(categories: np.ndarray | None, profile: Histories) -> Measure:
    if categories is None:
        raise UserError("the items have no categories, or only one", code=3)
    labels = numbered(categories)
    own = beyond_accuracy.label_shares(profile, labels)
    return Measure(lambda rows: beyond_accuracy.miscalibration(own, beyond_accuracy.label_shares(rows, labels)),
                   SWAPPED, "below",
                   "KL, in nats, of the categories of a user's history from those of the list")  # fmt: skip


def _popularity_fit(split: Split, profile: Histories) -> Measure:
    rank = beyond_accuracy.percentile(split.train_counts())
    return Measure(lambda rows: beyond_accuracy.quantile_distance(profile, rows, rank), SWAPPED, "below",
                   "Mean distance of the popularity quantiles of a user's history and list")  # fmt: skip


def _measured(name: str, make: Callable[[], Measure], rows: dict[str, Histories]) -> Card:
    """The figure of one measure, and its row of the table. Users of whom nothing is known are left out."""
    measure = make()
    values = {source: measure.of(part) for source, part in rows.items()}
    if measure.null == SWAPPED:
        del values[PROFILE]  # a history fits itself
        if len(rows[OWN]) < 2:
            raise UserError("there is one user alone, so no list of another user", code=3)
    known = ~np.isnan(values[OWN]) & ~np.isnan(values[measure.null])
    if not known.any():
        raise UserError(f"{name}: no list of two items of which anything is known", code=3)
    null, note = float(values[measure.null][known].mean()), f"{measure.said}; null: {SAID[measure.null]}."
    there = {source: some[~np.isnan(some)] for source, some in values.items()}
    means = {source: float(some.mean()) for source, some in there.items() if len(some)}
    figure = mean_figure(name, values[OWN][known], null=null, toward=measure.toward, note=note)
    return Card((figure,), {f"lists/{name}": pd.DataFrame(means, index=[name])})


def _spread(rows: dict[str, Histories], n_items: int, k: int, seed: int) -> Card:
    """How lists fall on the catalogue, of as many lists whatever was asked for: more lists reach more items."""
    rng, few = stream(seed, "lists that are counted"), min(LISTS, len(rows[OWN]))
    drawn = [rng.permutation(len(rows[OWN]))[:few] for _ in range(SUBSETS)]
    found = {name: pd.DataFrame([beyond_accuracy.exposures(rows[name].take(some), n_items) for some in drawn])
             for name in (OWN, FLOOR, RANDOM)}  # fmt: skip
    ends = found[OWN].quantile([0.025, 0.975])
    figures = [
        Figure(f"{name}@{k} of {few:,} lists", float(found[OWN][name].mean()), *map(float, ends[name]),
               null=float(found[RANDOM][name].mean()), toward=toward, n=few, note=f"{said}; null: as many "
               f"{SAID[RANDOM]}. The interval is over {SUBSETS} draws of users.")
        for name, (toward, said) in SPREAD.items()
    ]  # fmt: skip
    table = pd.DataFrame({source: table.mean() for source, table in found.items()})
    table.index = [figure.name for figure in figures]
    return Card(tuple(figures), {"lists/exposure": table})


def _gains(items: np.ndarray, targets: np.ndarray) -> np.ndarray:
    hit = items == targets[:, None]
    return per_case(f"ndcg@{items.shape[1]}", np.where(hit.any(1), hit.argmax(1) + 1, 0))


def _targets(gains: np.ndarray, floor: np.ndarray, targets: np.ndarray, counts: np.ndarray) -> Card:
    """Gains by the target's popularity: a row a tenth of the catalogue, 10 the most frequent in train, and cold items,
    which never occur there."""
    tenth = np.zeros(len(counts), np.int64)
    order = beyond_accuracy.by_popularity(counts)
    tenth[order] = 1 + np.arange(len(order)) * 10 // len(order)
    tenth[counts == 0] = 0
    of, rows = tenth[targets], {}
    for group in range(11):
        some = of == group
        low, high = interval(gains[some]) if some.any() else (np.nan, np.nan)
        mean, other = (float(x[some].mean()) if some.any() else np.nan for x in (gains, floor))
        rows[str(group or "cold")] = {"cases": int(some.sum()), "ndcg": mean, "low": low, "high": high, FLOOR: other}
    kinds = {"tail": (beyond_accuracy.tail(counts)[targets] & (of > 0), "the rarest 80 % of the items"),
             "cold": (of == 0, "items that never occur in train")}  # fmt: skip
    parts = {
        f"ndcg of {kind} targets": lambda some=some, kind=kind, said=said: Card((mean_figure(
            f"ndcg of {kind} targets", gains[some], null=float(floor[some].mean()) if some.any() else np.nan,
            toward="above", note=f"Mean NDCG where the target is of {said}; null: {SAID[FLOOR]}.",
        ),)) for kind, (some, said) in kinds.items()
    }  # fmt: skip
    card = gathered(parts)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("popularity tenth")
    return Card(card.figures, {"ndcg by popularity": table}, card.unmeasured)
