"""The report on a recommender's lists: popularity, coverage, novelty, diversity, calibration, and tail accuracy."""
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data import Cases, Histories, Split
from workbench.diagnose.models import beyond_accuracy
from workbench.diagnose.models.codes import encode_labels
from workbench.diagnose.verdict.card import Card, Figure, gather_cards, mean_figure
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.evaluate.intervals import mean_interval
from workbench.tokens import ItemCodes
from workbench.train.rng import named_rng

RECOMMENDER, POPULARITY, RANDOM, OTHER_USER, HISTORY = "recommender", "popularity", "random", "other user", "history"
DESCRIPTIONS = {
    POPULARITY: "lists of the popularity baseline", RANDOM: "random lists",
    OTHER_USER: "the same lists assigned to other users", HISTORY: "the items of the same users' histories",
}  # fmt: skip
LISTS, SUBSETS = 1_000, 20  # lists in a random subset for exposure, and number of subsets
EXPOSURE = {  # metrics over all lists: direction, description
    "coverage": ("below", "Share of the catalogue in any list"),
    "gini": ("above", "Gini coefficient of item exposure over the catalogue"),
    "entropy": ("below", "Effective share of the catalogue that is exposed, 2^H / I"),
}


class ListMetric(NamedTuple):
    """values: function of rows, to (C,) values. null: which lists it is compared with. direction: as of a Figure.
    description: what it measures."""

    values: Callable[[Histories], np.ndarray]
    null: str
    direction: str
    description: str


def lists_card(
    items: np.ndarray, cases: Cases, split: Split, *, vectors: np.ndarray | None = None,
    categories: np.ndarray | None = None, codes: ItemCodes | None = None, ndcg: np.ndarray | None = None, seed: int = 0,
) -> Card:  # fmt: skip
    """Beyond-accuracy metrics of the lists (C, k) of a recommender for C cases.

    Tables: lists (one row per figure; the same metric for popularity, random lists, lists of other users and histories,
    where defined) and `ndcg by popularity`. vectors: (I+1, D), for intra-list diversity. categories: (I+1,) names, ""
    for none, for miscalibration. codes: for prefix diversity. ndcg: (C,) per-case NDCG where it cannot be computed from
    the lists, as with colliding codes. Metrics without their inputs are unmeasured.
    """
    rows = lists_and_references(items, cases, split, seed)
    metrics = [*popularity_metrics(split).items()]
    metrics += [("ild", partial(_ild, vectors)), ("prefix diversity", partial(_prefix_diversity, codes)),
                ("miscalibration", partial(_miscalibration, categories, rows[HISTORY])),
                ("popularity distance", partial(_popularity_distance, split, rows[HISTORY]))]  # fmt: skip
    measured = {name: partial(_measured, name, make, rows) for name, make in metrics}
    gains = _ndcg(items, cases.targets) if ndcg is None else ndcg
    baseline = _ndcg(beyond_accuracy.popular_lists(cases.histories, split, items.shape[1]), cases.targets)
    by_popularity = partial(_by_popularity, gains, baseline, cases.targets, split.train_counts())
    exposure = partial(_exposure, rows, split.n_items, items.shape[1], seed)
    card = gather_cards({"exposure": exposure, **measured, "targets": by_popularity})
    lists = [table for name, table in card.tables.items() if name.startswith("lists/")]
    tables = {name: table for name, table in card.tables.items() if not name.startswith("lists/")}
    return Card(card.figures, {"lists": pd.concat(lists), **tables}, card.unmeasured)


def lists_and_references(items: np.ndarray, cases: Cases, split: Split, seed: int) -> dict[str, Histories]:
    """The lists and those they are compared with, C rows each. UserError without cases, or for lists of one item."""
    C, k = items.shape
    if not C or k < 2 or C != len(cases.targets):
        raise UserError(f"lists of shape {items.shape} for {len(cases.targets)} cases: need a list of 2 or more items "
                        "per case", code=3)  # fmt: skip
    random = beyond_accuracy.random_lists(C, k, split.n_items, named_rng(seed, "random lists"))
    lists = {RECOMMENDER: items, POPULARITY: beyond_accuracy.popular_lists(cases.histories, split, k), RANDOM: random}
    lists[OTHER_USER] = np.roll(items, 1, axis=0)
    return {name: beyond_accuracy.as_histories(array) for name, array in lists.items()} | {HISTORY: cases.histories}


def popularity_metrics(split: Split) -> dict[str, Callable[[], ListMetric]]:
    """ARP and APLT (average recommendation popularity, average percentage of long-tail items; Abdollahpouri et al.,
    2019) and novelty (Zhou et al., 2010), each compared with the histories."""
    counts = split.train_counts()
    tail = beyond_accuracy.tail_items(counts)

    def mean_of(values: np.ndarray) -> Callable[[Histories], np.ndarray]:
        return lambda rows: beyond_accuracy.list_means(rows, values)

    return {
        "arp": lambda: ListMetric(mean_of(counts), HISTORY, "above", "Average recommendation popularity (train count)"),
        "aplt": lambda: ListMetric(mean_of(tail), HISTORY, "below",
                                   "Average share of long-tail items, the least popular 80 %"),
        "novelty": lambda: ListMetric(lambda rows: beyond_accuracy.novelty(rows, counts), HISTORY, "below",
                                      "Novelty: mean -log2 of the items' share of train events, in bits"),
    }  # fmt: skip


def _ild(vectors: np.ndarray | None) -> ListMetric:
    if vectors is None:
        raise UserError("no item vectors were given, so items have no distance", code=3)
    return ListMetric(lambda rows: beyond_accuracy.intra_list_diversity(rows, vectors), RANDOM, "below",
                      "Intra-list diversity: mean 1 - cosine over the pairs of a list")  # fmt: skip


def _prefix_diversity(codes: ItemCodes | None) -> ListMetric:
    if codes is None:
        raise UserError("the recommender has no codes, so its items have no prefixes", code=3)
    return ListMetric(lambda rows: beyond_accuracy.distinct_labels(rows, codes.trie.node[:, 1]), RANDOM, "below",
                      "Distinct first codes in a list")  # fmt: skip


def _miscalibration(categories: np.ndarray | None, histories: Histories) -> ListMetric:
    if categories is None:
        raise UserError("the items have no categories, or only one", code=3)
    labels = encode_labels(categories)
    profile = beyond_accuracy.label_shares(histories, labels)

    def values(rows: Histories) -> np.ndarray:
        return beyond_accuracy.miscalibration(profile, beyond_accuracy.label_shares(rows, labels))

    return ListMetric(values, OTHER_USER, "below",
                      "KL divergence in nats of the category shares of a list from those of the history")  # fmt: skip


def _popularity_distance(split: Split, histories: Histories) -> ListMetric:
    percentile = beyond_accuracy.popularity_percentile(split.train_counts())
    return ListMetric(lambda rows: beyond_accuracy.quantile_distance(histories, rows, percentile), OTHER_USER, "below",
                      "Mean distance between the popularity quantiles of a user's history and list")  # fmt: skip


def _measured(name: str, make: Callable[[], ListMetric], rows: dict[str, Histories]) -> Card:
    """The figure of one metric and its row of the table, over the users for whom it is defined."""
    metric = make()
    values = {source: metric.values(lists) for source, lists in rows.items()}
    if metric.null == OTHER_USER:
        del values[HISTORY]  # a history matches itself
        if len(rows[RECOMMENDER]) < 2:
            raise UserError("there is only one user, so there are no lists of another user", code=3)
    valid = ~np.isnan(values[RECOMMENDER]) & ~np.isnan(values[metric.null])
    if not valid.any():
        raise UserError(f"{name}: undefined for every list", code=3)
    null, note = float(values[metric.null][valid].mean()), f"{metric.description}; null: {DESCRIPTIONS[metric.null]}."
    defined = {source: array[~np.isnan(array)] for source, array in values.items()}
    means = {source: float(array.mean()) for source, array in defined.items() if len(array)}
    figure = mean_figure(name, values[RECOMMENDER][valid], null=null, direction=metric.direction, note=note)
    return Card((figure,), {f"lists/{name}": pd.DataFrame(means, index=[name])})


def _exposure(rows: dict[str, Histories], n_items: int, k: int, seed: int) -> Card:
    """Exposure of the catalogue in random subsets of the lists of fixed size, as it grows with the number of lists."""
    rng, size = named_rng(seed, "lists that are counted"), min(LISTS, len(rows[RECOMMENDER]))
    subsets = [rng.permutation(len(rows[RECOMMENDER]))[:size] for _ in range(SUBSETS)]
    exposure = {
        name: pd.DataFrame([beyond_accuracy.exposure(rows[name].take(subset), n_items) for subset in subsets])
        for name in (RECOMMENDER, POPULARITY, RANDOM)
    }
    interval = exposure[RECOMMENDER].quantile([0.025, 0.975])
    figures = [
        Figure(f"{name}@{k} of {size:,} lists", float(exposure[RECOMMENDER][name].mean()), *map(float, interval[name]),
               null=float(exposure[RANDOM][name].mean()), direction=direction, n=size,
               note=f"{description}; null: the same number of {DESCRIPTIONS[RANDOM]}. The interval is over {SUBSETS} "
                    "random subsets of users.")
        for name, (direction, description) in EXPOSURE.items()
    ]  # fmt: skip
    table = pd.DataFrame({source: metrics.mean() for source, metrics in exposure.items()})
    table.index = [figure.name for figure in figures]
    return Card(tuple(figures), {"lists/exposure": table})


def _ndcg(items: np.ndarray, targets: np.ndarray) -> np.ndarray:
    hit = items == targets[:, None]
    return per_case(f"ndcg@{items.shape[1]}", np.where(hit.any(1), hit.argmax(1) + 1, 0))


def _by_popularity(gains: np.ndarray, baseline: np.ndarray, targets: np.ndarray, counts: np.ndarray) -> Card:
    """NDCG by popularity decile of the target: 10 is the most popular, and cold items never occur in train."""
    decile = np.zeros(len(counts), np.int64)
    order = beyond_accuracy.items_by_popularity(counts)
    decile[order] = 1 + np.arange(len(order)) * 10 // len(order)
    decile[counts == 0] = 0
    target_decile, rows = decile[targets], {}
    for group in range(11):
        mask = target_decile == group
        low, high = mean_interval(gains[mask]) if mask.any() else (np.nan, np.nan)
        mean, null = (float(x[mask].mean()) if mask.any() else np.nan for x in (gains, baseline))
        rows[str(group or "cold")] = {
            "cases": int(mask.sum()), "ndcg": mean, "low": low, "high": high, POPULARITY: null
        }  # fmt: skip
    groups = {
        "tail": (beyond_accuracy.tail_items(counts)[targets] & (target_decile > 0), "a long-tail item (lowest 80 %)"),
        "cold": (target_decile == 0, "a cold item that never occurs in train"),
    }  # fmt: skip
    card = gather_cards({
        f"ndcg of {group} targets": lambda mask=mask, group=group, description=description: Card((mean_figure(
            f"ndcg of {group} targets", gains[mask], null=float(baseline[mask].mean()) if mask.any() else np.nan,
            direction="above", note=f"Mean NDCG where the target is {description}; null: {DESCRIPTIONS[POPULARITY]}.",
        ),)) for group, (mask, description) in groups.items()
    })  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("popularity decile")
    return Card(card.figures, {"ndcg by popularity": table}, card.unmeasured)
