"""Prequential evaluation: every window of a stream is predicted, measured, and then observed.

Dawid, "Present position and potential developments: the prequential approach", JRSS A 147(2), 1984.
"""
import logging
import time
from typing import NamedTuple

import numpy as np

from workbench.errors import UserError
from workbench.evaluate.rerank.binary import log_loss
from workbench.evaluate.sampled import pooled_auc
from workbench.evaluate.streams.events import Events
from workbench.progress import Progress
from workbench.verb_interfaces import Observer

log = logging.getLogger("workbench")
EPSILON = 1e-12  # of probabilities, in the log loss


class Prequential(NamedTuple):
    """measures: by window "auc", "gauc" (the mean over users of their own AUC, by events) and "log_loss", and by event
    "log_likelihood", the log probability of what happened. Windows in which there is no AUC are left out of it: which
    ones follows from the labels alone, so they are the same for every model. left_out: how many. seconds: of
    predicting and of observing, all windows together."""

    measures: dict[str, np.ndarray]
    left_out: dict[str, int]
    seconds: dict[str, float]


def prequential(observer: Observer, *, quiet: bool = False) -> Prequential:
    """Predict and observe the windows of the observer's stream, one after the other. What came before the first is
    observed first, except what was learned from.

    The observer is another one afterwards: it knows the windows. UserError where a prediction is not a probability, or
    where no window has both labels.
    """
    stream = observer.stream
    observer.observe(stream.valid)
    rows: list[dict[str, np.ndarray | float]] = []
    seconds = {"predict": 0.0, "observe": 0.0}
    with Progress("windows", stream.windows, "windows", quiet=quiet) as progress:
        for number in range(stream.windows):
            events, started = stream.window(number), time.perf_counter()
            p = predictions(observer, events)
            predicted = time.perf_counter()
            observer.observe(events)
            seconds["observe"] += time.perf_counter() - predicted
            seconds["predict"] += predicted - started
            rows.append(measure(p, events))
            progress.step()
    measures = {name: np.concatenate([np.atleast_1d(row[name]) for row in rows]) for name in rows[0]}
    left_out = {name: int(np.isnan(measures[name]).sum()) for name in ("auc", "gauc")}
    if left_out["auc"] == stream.windows:
        raise UserError("every window has labels of one class alone, so there is no AUC", code=3)
    if any(left_out.values()):
        log.warning("of %d windows %d have labels of one class alone, and %d no user with both; they are left out of "
                    "auc and gauc", stream.windows, *left_out.values())  # fmt: skip
    measures |= {name: measures[name][~np.isnan(measures[name])] for name in left_out}
    return Prequential(measures, left_out, seconds)


def validation(observer: Observer) -> dict[str, float]:
    """The means of the measures over the events before the first window; nothing is observed."""
    events = observer.stream.valid
    return {name: float(np.mean(value)) for name, value in measure(predictions(observer, events), events).items()}


def predictions(observer: Observer, events: Events) -> np.ndarray:
    """(n,) float64 probabilities, given without sight of the labels. UserError where they are none."""
    p = np.asarray(observer.predict(events.unlabelled()), np.float64)
    if p.shape != events.rows.shape or not ((p >= 0) & (p <= 1)).all():
        raise UserError(f"{type(observer).__name__}.predict gave an array {p.shape} for {len(events.rows):,} events; "
                        "there must be one probability for each", code=1)  # fmt: skip
    return p


def measure(p: np.ndarray, events: Events) -> dict[str, np.ndarray | float]:
    """The measures of one window of probabilities (n,); NaN where there is none."""
    y = events.labels
    probable = np.clip(p, EPSILON, 1 - EPSILON)
    auc = pooled_auc(p[y == 1], p[y == 0]) if 0 < y.sum() < len(y) else np.nan
    return {"auc": auc, "gauc": grouped_auc(p, y, events.users), "log_loss": log_loss(p, y),
            "log_likelihood": np.where(y == 1, np.log(probable), np.log1p(-probable))}  # fmt: skip


def grouped_auc(p: np.ndarray, y: np.ndarray, groups: np.ndarray) -> float:
    """The mean of the AUC within each group (n,), weighted by its events; groups of one label are left out (Zhou et
    al., "Deep interest network", KDD 2018). NaN where all are.

    >>> grouped_auc(np.array([0.9, 0.1, 0.2, 0.8]), np.array([1, 0, 1, 0]), np.array([0, 0, 1, 1]))
    0.5
    """
    order = np.lexsort((p, groups))
    p, y, group = p[order], y[order], np.unique(groups[order], return_inverse=True)[1]
    n, positive = np.bincount(group), np.bincount(group, weights=y)
    new = np.concatenate([[True], (group[1:] != group[:-1]) | (p[1:] != p[:-1])]) if len(p) else np.zeros(0, bool)
    tie, start = np.cumsum(new) - 1, np.flatnonzero(new)
    size = np.diff(np.append(start, len(p)))
    rank = (start + (size - 1) / 2 + 1)[tie] - (np.cumsum(n) - n)[group]  # within the group, from 1, ties half
    pairs = positive * (n - positive)
    both = pairs > 0
    if not both.any():
        return float("nan")
    won = np.bincount(group, weights=rank * y) - positive * (positive + 1) / 2
    return float(np.average(won[both] / pairs[both], weights=n[both]))
