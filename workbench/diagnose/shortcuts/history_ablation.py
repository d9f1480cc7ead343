"""History ablation: how much of a history a trained recommender uses, and whether it uses the order of events.

Histories are truncated and shuffled at test time as in "Does It Look Sequential?" (arXiv:2408.12008). This describes
the model, on inputs unlike its training data; what the data require is measured by retraining on ablated histories.
"""
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data import Cases, Histories, Split, perturbations
from workbench.data.splits import splitmix64
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.evaluate.bootstrap import bootstrap_column_means, ratio_interval
from workbench.evaluate.metrics import parse_metric
from workbench.interfaces import Recommendations, Recommender, codes_of
from workbench.progress import track
from workbench.train.rng import named_rng

TOP = 10  # items of the lists that are compared by Jaccard similarity
SUFFICIENT = 0.95  # share of the full metric that defines the effective history length
ABLATIONS = {
    "full shuffle": "all events are shuffled",
    "keep last 1": "all events but the last are shuffled",
    "keep last 2": "all events but the last two are shuffled",
    "reverse": "the order of events is reversed",
    "within a day": "events of the same day are shuffled",
    "prefix swap": "all items but the last are replaced by another user's, of a history of the same length",
}


def order_sensitivity(before: float, after: float) -> float:
    """OS, order sensitivity: the share of a metric that is lost without the order of events.

    >>> round(order_sensitivity(0.05, 0.03), 6)
    0.4
    """
    return 1 - after / before


def recency_share(full: float, keep_last: float) -> float:
    """RS, recency share: of the loss under a full shuffle, the share that is avoided by keeping the last item.

    >>> round(recency_share(0.40, 0.02), 6)
    0.95
    """
    return (full - keep_last) / full


def history_ablation(
    recommender: Recommender, split: Split, *, cases: int = 5000, lengths: tuple[int, ...] = (1, 2, 3, 5, 10),
    shuffles: int = 3, metric: str = "ndcg@10", seed: int = 0,
) -> Card:  # fmt: skip
    """Metric on ablated histories over test cases, paired by case with the full history.

    Figures: history dependence HD_n (share retained with the last n events only), effective history length, order
    sensitivity OS (share lost when events are shuffled or replaced), recency share, own-history gain, Jaccard@10 of the
    top-10 lists, and the share of single-event histories.

    cases: at most this many, sampled by a hash; 0 for all. shuffles: random orders, averaged per case. Table
    `ablations`, one row per ablation: the metric, its share of that with the full history, jaccard of the top-10 lists
    with those of the full history, and the share of cases whose history is unchanged. UserError if the metric is 0 in
    all cases, or for invalid shuffles or lengths.
    """
    if shuffles < 1 or not lengths or min(lengths) < 1:
        raise UserError(f"shuffles={shuffles}, lengths={lengths}: need one shuffle or more, and lengths of 1 or more")
    sample = sample_cases(split.test, cases, seed=seed)
    full = recommend_with_histories(recommender, sample, split, metric=metric)
    if not full.values.any():
        raise UserError(f"{metric} is 0 in all {len(full.values)} cases, so nothing can be lost", code=3)
    ablated, unmeasured = _ablated_histories(sample.histories, tuple(sorted(set(lengths))), shuffles, seed)
    values, rows, similarity = {}, {}, {}
    for name, variants in track(list(ablated.items()), "history ablation", unit="ablations"):
        results = [
            recommend_with_histories(recommender, sample, split, histories=histories, reference=full, metric=metric)
            for histories in variants
        ]
        values[name] = np.mean([result.values for result in results], axis=0)
        similarity[name] = np.mean([jaccard(full.lists, result.lists) for result in results], axis=0)
        changed = [perturbations.is_changed(sample.histories, histories).mean() for histories in variants]
        rows[name] = {metric: values[name].mean(), "share": values[name].mean() / full.values.mean(),
                      "jaccard": similarity[name].mean(), "unchanged": 1 - np.mean(changed)}  # fmt: skip
    rows["full history"] = {metric: full.values.mean(), "share": 1.0, "jaccard": 1.0, "unchanged": 1.0}
    figures = _figures(full.values, values, int(sample.histories.lengths.max()), metric, seed, unmeasured)
    figures += [
        mean_figure(f"Jaccard@10 {name}", similarity[name], null=1, direction="below",
                    note=f"Jaccard similarity of the top-10 lists if {ABLATIONS[name]}; 1 if that has no effect.")
        for name in ABLATIONS if name in similarity
    ]  # fmt: skip
    single = float((sample.histories.lengths <= 1).mean())
    figures.append(Figure("single-event histories", single, n=len(full.values),
                          note="Share of cases whose history has at most one event, so that order has no effect."))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("ablation")
    return Card(tuple(figures), {"ablations": table}, unmeasured)


def _ablated_histories(
    histories: Histories, lengths: tuple[int, ...], shuffles: int, seed: int
) -> tuple[dict[str, list[Histories]], dict[str, str]]:
    """The ablated histories by name of the ablation, and the reasons why some of them cannot be made."""
    perturb = {
        "full shuffle": perturbations.shuffled,
        "keep last 1": lambda histories, rng: perturbations.shuffled(histories, rng, keep_last=1),
        "keep last 2": lambda histories, rng: perturbations.shuffled(histories, rng, keep_last=2),
        "reverse": lambda histories, rng: perturbations.reversed_order(histories),
        "within a day": perturbations.shuffled_within_days,
        "prefix swap": perturbations.swapped_prefixes,
    }
    ablated, unmeasured = {f"last {n}": [histories.last(n)] for n in lengths}, {}
    for name, function in perturb.items():
        draws = 1 if name == "reverse" else shuffles
        try:
            ablated[name] = [function(histories, named_rng(seed, name, draw)) for draw in range(draws)]
        except UserError as error:
            unmeasured[f"OS {name}"] = str(error)
    return ablated, unmeasured


def _figures(
    full: np.ndarray, values: dict[str, np.ndarray], longest: int, metric: str, seed: int, unmeasured: dict[str, str]
) -> list[Figure]:
    """HD_n, effective history length, OS, recency share and own-history gain, with intervals from the same bootstrap
    draws of cases. full: (C,) metric with the full history. values: the same by ablation."""
    columns = {"full": full} | values
    draws = dict(zip(columns, bootstrap_column_means(np.column_stack(list(columns.values())), seed=seed).T))
    base, n, figures = full.mean(), len(full), []
    truncations = {int(name.split()[1]): name for name in values if name.startswith("last ")}
    for length, name in truncations.items():
        note = f"History dependence: share of {metric} retained with the last {length} event(s) of a history only"
        figures.append(Figure(f"HD_{length}", values[name].mean() / base, *ratio_interval(draws[name], draws["full"]),
                              null=1, direction="below", n=n, note=f"{note}; 1 if no more is used."))  # fmt: skip
    figures.append(_effective_length(truncations, values, draws, base, longest, n))
    for name in [name for name in ABLATIONS if name in values]:
        low, high = (1 - end for end in ratio_interval(draws[name], draws["full"])[::-1])
        note = f"Order sensitivity: share of {metric} lost if {ABLATIONS[name]}; 0 if that has no effect."
        figures.append(Figure(f"OS {name}", order_sensitivity(base, values[name].mean()), low, high, null=0,
                              direction="above", n=n, note=note))  # fmt: skip
    loss = draws["full"] - draws["full shuffle"]
    if np.quantile(loss, 0.025) > 0:
        all_lost, keep = (order_sensitivity(base, values[name].mean()) for name in ("full shuffle", "keep last 1"))
        figures.append(Figure(
            "recency share", recency_share(all_lost, keep),
            *ratio_interval(draws["keep last 1"] - draws["full shuffle"], loss), null=0, direction="above", n=n,
            note="Of the loss under a full shuffle, the share that is avoided by keeping the last item in place.",
        ))  # fmt: skip
    else:
        unmeasured["recency share"] = "a full shuffle loses nothing significantly, so there is no loss to divide by"
    if "prefix swap" in values:
        figures.append(mean_figure(
            "own-history gain", values["keep last 1"] - values["prefix swap"], null=0, direction="above",
            note=f"{metric} with the user's own earlier items, shuffled, minus that with another user's; 0 if it does "
                 "not matter whose they are.",
        ))  # fmt: skip
    return figures


def _effective_length(
    truncations: dict[int, str], values: dict[str, np.ndarray], draws: dict[str, np.ndarray], base: float, longest: int,
    n: int,
) -> Figure:  # fmt: skip
    """The fewest last events that retain SUFFICIENT of the full metric, among the truncations and the longest
    history."""
    lengths = np.minimum([*truncations, longest], longest)
    means = np.array([values[name].mean() for name in truncations.values()] + [base])
    samples = np.column_stack([draws[name] for name in truncations.values()] + [draws["full"]])
    fewest = lengths[np.argmax(means >= SUFFICIENT * base)]
    low, high = np.quantile(lengths[np.argmax(samples >= SUFFICIENT * samples[:, -1:], axis=1)], [0.025, 0.975])
    tested = ", ".join(map(str, np.unique(lengths)))
    return Figure("effective history length", float(fewest), float(low), float(high), null=1, direction="above", n=n,
                  note=f"Fewest last events, among {tested}, that retain 95 % of the metric; 1 if the last is enough.")


class AblationResult(NamedTuple):
    """values: (C,) a metric per case. lists: (C, TOP) top items, 0 where a list is shorter."""

    values: np.ndarray
    lists: np.ndarray


class _AblatedRecommender:
    """A recommender whose input histories are replaced: `users` of the histories it receives are row numbers of
    `ablated`. Targets, masks and code groups remain those of the original cases."""

    def __init__(self, recommender: Recommender, original: Histories, ablated: Histories):
        self.recommender, self.original, self.ablated = recommender, original, ablated
        self.codes = codes_of(recommender)
        self.lists = np.zeros((len(original), TOP), np.int64)

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        rows = histories.users
        exclude = None if exclude is None else self.original.take(rows)
        recommendations = self.recommender.recommend(self.ablated.take(rows), k, exclude)
        self.lists[rows, : min(k, TOP)] = recommendations.items[:, :TOP]
        return recommendations


def recommend_with_histories(
    recommender: Recommender, cases: Cases, split: Split, *, histories: Histories | None = None,
    reference: AblationResult | None = None, metric: str = "ndcg@10",
) -> AblationResult:  # fmt: skip
    """Metric and top items per case when the recommender receives `histories` (C rows) instead of the cases' own.

    Under a protocol that masks the history, the items of the original histories stay excluded. reference: the result
    with the original histories; then only cases whose history differs are recomputed.
    """
    ablated = cases.histories if histories is None else histories
    n = len(ablated)
    rows = np.arange(n) if reference is None else np.flatnonzero(perturbations.is_changed(cases.histories, ablated))
    values = np.zeros(n) if reference is None else reference.values.copy()
    lists = np.zeros((n, TOP), np.int64) if reference is None else reference.lists.copy()
    if len(rows):
        changed = cases.take(rows)
        original = changed.histories
        wrapper = _AblatedRecommender(recommender, original, ablated.take(rows))
        row_ids = replace(original, users=np.arange(len(rows)))
        evaluation = evaluate(wrapper, changed._replace(histories=row_ids), split,
                              depth=max(TOP, parse_metric(metric)[1]), quiet=True)  # fmt: skip
        values[rows], lists[rows] = per_case(metric, evaluation.ranks, evaluation.groups), wrapper.lists
    return AblationResult(values, lists)


def sample_cases(cases: Cases, n: int, *, seed: int = 0) -> Cases:
    """At most n cases, sampled by a seeded hash of their users, in the original order; all for n=0. UserError for n <
    0."""
    if n < 0:
        raise UserError(f"cases={n}: must be 0, for all, or more")
    if not n or n >= len(cases.targets):
        return cases
    hashed = splitmix64(cases.histories.users, cases.targets, seed=seed)
    return cases.take(np.sort(np.argsort(hashed, kind="stable")[:n]))


def jaccard(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(C,) Jaccard similarity of lists (C, k) of distinct items, where zeros are empty slots.

    >>> jaccard(np.array([[1, 2, 3]]), np.array([[3, 4, 1]]))
    array([0.5])
    """
    both = ((a[:, :, None] == b[:, None, :]) & (a > 0)[:, :, None]).sum(axis=(1, 2))
    return both / np.maximum((a > 0).sum(axis=1) + (b > 0).sum(axis=1) - both, 1)
