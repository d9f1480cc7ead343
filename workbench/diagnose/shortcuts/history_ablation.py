"""What a trained recommender uses of a history: how much of it, whether its order, whether more than the last item.

Shuffles at test time as in "Does It Look Sequential?" (arXiv:2408.12008). What a network does with histories that it
was not trained on is about the network; whether the data needs more is told by training it again on them.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data import Cases, Histories, Split, perturbations
from workbench.data.splits import mix
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.evaluate.bootstrap import ends, resampled
from workbench.evaluate.metrics import parse
from workbench.interfaces import Recommendations, Recommender
from workbench.progress import track
from workbench.train.rng import stream

TOP = 10  # items of a list that are held against another list
ENOUGH = 0.95  # share of the full metric at which a shorter history is as good
ORDERS = {
    "full shuffle": "all events are in random order",
    "keep last 1": "all events but the last are in random order",
    "keep last 2": "all events but the last two are in random order",
    "reverse": "the history is read from its newest event to its oldest",
    "within a day": "events of one day are in random order",
    "prefix swap": "all but the last item are another user's of a history as long",
}


def order_sensitivity(before: float, after: float) -> float:
    """OS: the share of a metric that is lost with the order.

    >>> round(order_sensitivity(0.05, 0.03), 6)
    0.4
    """
    return 1 - after / before


def recency_share(full: float, keep_last: float) -> float:
    """RS: of what a full shuffle loses, the share that is not lost if the last item stays.

    >>> round(recency_share(0.40, 0.02), 6)
    0.95
    """
    return (full - keep_last) / full


def memory(
    recommender: Recommender, split: Split, *, cases: int = 5000, lengths: tuple[int, ...] = (1, 2, 3, 5, 10),
    shuffles: int = 3, metric: str = "ndcg@10", seed: int = 0,
) -> Card:  # fmt: skip
    """History dependence HD_n, order sensitivity OS, recency share, effective memory and what the set of older items
    is worth, over test cases; every reading of a case is paired with that of its whole history.

    cases: at most so many, by a hash; 0 for all. shuffles: random orders that are averaged case by case. The table
    "readings" has a row a reading: the metric, its share of the full one, jaccard of the first ten items with those of
    the whole history, and the share of cases whose history it leaves as it is. UserError where nothing is found at all.
    """
    if shuffles < 1 or not lengths or min(lengths) < 1:
        raise UserError(f"shuffles={shuffles}, lengths={lengths}: need one shuffle or more, and lengths of 1 or more")
    chosen = sample(split.test, cases, seed=seed)
    whole = ask(recommender, chosen, split, metric=metric)
    if not whole.values.any():
        raise UserError(f"{metric} is 0 in all {len(whole.values)} cases, so nothing can be lost", code=3)
    readings, unmeasured = _readings(chosen.histories, tuple(sorted(set(lengths))), shuffles, seed)
    values, rows, alike = {}, {}, {}
    for name, reads in track(list(readings.items()), "memory", unit="readings"):
        found = [ask(recommender, chosen, split, read=read, known=whole, metric=metric) for read in reads]
        values[name] = np.mean([answers.values for answers in found], axis=0)
        alike[name] = np.mean([jaccard(whole.lists, answers.lists) for answers in found], axis=0)
        same = 1 - np.mean([perturbations.differs(chosen.histories, read).mean() for read in reads])
        rows[name] = {metric: values[name].mean(), "share": values[name].mean() / whole.values.mean(),
                      "jaccard": alike[name].mean(), "unchanged": same}  # fmt: skip
    rows["whole"] = {metric: whole.values.mean(), "share": 1.0, "jaccard": 1.0, "unchanged": 1.0}
    figures = _figures(whole.values, values, int(chosen.histories.lengths.max()), metric, seed, unmeasured)
    figures += [
        mean_figure(f"Jaccard@10 {name}", alike[name], null=1, toward="below",
                    note=f"What two top tens share, of all in either, where {ORDERS[name]}; 1 if it does not matter.")
        for name in ORDERS if name in alike
    ]  # fmt: skip
    single = float((chosen.histories.lengths <= 1).mean())
    figures.append(Figure("one event", single, n=len(whole.values),
                          note="The share of cases whose history has one event or none, which no order can change."))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("reading")
    return Card(tuple(figures), {"readings": table}, unmeasured)


def _readings(
    histories: Histories, lengths: tuple[int, ...], shuffles: int, seed: int
) -> tuple[dict[str, list[Histories]], dict[str, str]]:
    """What is read instead of the histories, by name, and why some of it cannot be."""
    drawn = {
        "full shuffle": perturbations.shuffled,
        "keep last 1": lambda histories, rng: perturbations.shuffled(histories, rng, keep_last=1),
        "keep last 2": lambda histories, rng: perturbations.shuffled(histories, rng, keep_last=2),
        "reverse": lambda histories, rng: perturbations.backwards(histories),
        "within a day": perturbations.shuffled_within_days,
        "prefix swap": perturbations.swapped,
    }
    readings, unmeasured = {f"last {n}": [histories.last(n)] for n in lengths}, {}
    for name, make in drawn.items():
        times = 1 if name == "reverse" else shuffles
        try:
            readings[name] = [make(histories, stream(seed, name, at)) for at in range(times)]
        except UserError as error:
            unmeasured[f"OS {name}"] = str(error)
    return readings, unmeasured


def _figures(
    whole: np.ndarray, values: dict[str, np.ndarray], longest: int, metric: str, seed: int, unmeasured: dict[str, str]
) -> list[Figure]:
    """HD_n, effective memory, OS, recency share and user content, all intervals from the same draws of cases."""
    known = {"whole": whole} | values
    drawn = dict(zip(known, resampled(np.column_stack(list(known.values())), seed=seed).T))
    base, n, figures = whole.mean(), len(whole), []
    cuts = {int(name.split()[1]): name for name in values if name.startswith("last ")}
    for length, name in cuts.items():
        said = f"The share of {metric} that is left where only the last {length} of a history can be read"
        figures.append(Figure(f"HD_{length}", values[name].mean() / base, *ends(drawn[name], drawn["whole"]), null=1,
                              toward="below", n=n, note=f"{said}; 1 if no more is used."))  # fmt: skip
    figures.append(_effective(cuts, values, drawn, base, longest, n))
    for name in [name for name in ORDERS if name in values]:
        low, high = (1 - end for end in ends(drawn[name], drawn["whole"])[::-1])
        said = f"The share of {metric} that is lost where {ORDERS[name]}; 0 if that does not matter."
        figures.append(Figure(f"OS {name}", order_sensitivity(base, values[name].mean()), low, high, null=0,
                              toward="above", n=n, note=said))  # fmt: skip
    lost = drawn["whole"] - drawn["full shuffle"]
    if np.quantile(lost, 0.025) > 0:
        full, keep = (order_sensitivity(base, values[name].mean()) for name in ("full shuffle", "keep last 1"))
        figures.append(Figure(
            "recency share", recency_share(full, keep), *ends(drawn["keep last 1"] - drawn["full shuffle"], lost),
            null=0, toward="above", n=n,
            note="Of what a full shuffle loses, the share that is not lost if the last item stays; 0 if all is lost.",
        ))  # fmt: skip
    else:
        unmeasured["recency share"] = "a full shuffle loses nothing for sure, so there is nothing to take a share of"
    if "prefix swap" in values:
        figures.append(mean_figure(
            "user content", values["keep last 1"] - values["prefix swap"], null=0, toward="above",
            note=f"The {metric} that one's own older items, shuffled, give beyond another user's, which may mislead; "
                 "0 if it does not matter whose they are.",
        ))  # fmt: skip
    return figures


def _effective(
    cuts: dict[int, str], values: dict[str, np.ndarray], drawn: dict[str, np.ndarray], base: float, longest: int, n: int
) -> Figure:
    """The least number of last events with ENOUGH of the full metric, among those measured and the longest history."""
    lengths = np.minimum([*cuts, longest], longest)
    means = np.array([values[name].mean() for name in cuts.values()] + [base])
    draws = np.column_stack([drawn[name] for name in cuts.values()] + [drawn["whole"]])
    least = lengths[np.argmax(means >= ENOUGH * base)]
    low, high = np.quantile(lengths[np.argmax(draws >= ENOUGH * draws[:, -1:], axis=1)], [0.025, 0.975])
    asked = ", ".join(map(str, np.unique(lengths)))
    return Figure("effective memory", float(least), float(low), float(high), null=1, toward="above", n=n,
                  note=f"The fewest last events, of {asked}, that give 95 % of what all give; 1 if the last is enough.")


class Answers(NamedTuple):
    """values: (C,) a metric per case. lists: (C, TOP) the first items, 0 where a list is shorter."""

    values: np.ndarray
    lists: np.ndarray


class _Reader:
    """A recommender that reads other histories than it is asked about: `users` of what it is asked are row numbers of
    `read`. Targets, masks and code groups thus stay those of the cases."""

    def __init__(self, recommender: Recommender, asked: Histories, read: Histories):
        self.recommender, self.asked, self.read = recommender, asked, read
        self.codes = getattr(recommender, "codes", None)
        self.lists = np.zeros((len(asked), TOP), np.int64)

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        rows = histories.users
        exclude = None if exclude is None else self.asked.take(rows)
        found = self.recommender.recommend(self.read.take(rows), k, exclude)
        self.lists[rows, : min(k, TOP)] = found.items[:, :TOP]
        return found


def ask(
    recommender: Recommender, cases: Cases, split: Split, *, read: Histories | None = None,
    known: Answers | None = None, metric: str = "ndcg@10",
) -> Answers:  # fmt: skip
    """What the recommender answers to the cases where it reads `read` instead of their histories.

    Under a protocol that masks, what may not be recommended is still what the cases' own histories hold. known: the
    answers to the histories themselves; then only cases are asked again whose history `read` shows otherwise.
    """
    read = cases.histories if read is None else read
    rows = np.arange(len(read)) if known is None else np.flatnonzero(perturbations.differs(cases.histories, read))
    values = np.zeros(len(read)) if known is None else known.values.copy()
    lists = np.zeros((len(read), TOP), np.int64) if known is None else known.lists.copy()
    if len(rows):
        part, n = cases.take(rows), np.arange(len(rows))
        reader = _Reader(recommender, part.histories, read.take(rows))
        own = part.histories
        numbered = part._replace(histories=Histories(own.offsets, own.items, n, own.times))
        found = evaluate(reader, numbered, split, depth=max(TOP, parse(metric)[1]), quiet=True)
        values[rows], lists[rows] = per_case(metric, found.ranks, found.groups), reader.lists
    return Answers(values, lists)


def sample(cases: Cases, n: int, *, seed: int = 0) -> Cases:
    """At most n of the cases, by a seeded hash of their users, in their own order; all for n=0. UserError below 0."""
    if n < 0:
        raise UserError(f"cases={n}: must be 0, for all, or more")
    if not n or n >= len(cases.targets):
        return cases
    hashed = mix(cases.histories.users, cases.targets, seed=seed)
    return cases.take(np.sort(np.argsort(hashed, kind="stable")[:n]))


def jaccard(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(C,) items in both lists over items in either, for lists (C, k) of distinct items; zeros are no items.

    >>> jaccard(np.array([[1, 2, 3]]), np.array([[3, 4, 1]]))
    array([0.5])
    """
    both = ((a[:, :, None] == b[:, None, :]) & (a > 0)[:, :, None]).sum(axis=(1, 2))
    return both / np.maximum((a > 0).sum(axis=1) + (b > 0).sum(axis=1) - both, 1)
