"""Does a stated probability come true? Top-1 probabilities of any scorer, and those of each code of a speller.

A probability is the softmax of an item's score over all candidates. Where scores are log-probabilities, as those of a
network that spells, this is the exact distribution over the items there are. The scores of a network trained with a
binary loss, or counts, are no probabilities; their softmax is measured all the same, and the card says so.
"""
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data import Cases
from workbench.diagnose.models.beyond_accuracy import by_popularity
from workbench.diagnose.verdict.card import Card, Figure, gathered, mean_figure
from workbench.errors import UserError
from workbench.train.rng import stream

BINS, DRAWS = 15, 1000
TEMPERATURES = np.geomspace(0.1, 1000, 81)  # counts need high ones
FOREIGN = (
    "the scores were not trained as log-probabilities (a binary or pairwise loss, or counts), so this softmax is no "
    "probability that the recommender states: "
)


class Confidence(NamedTuple):
    """p: (C, G) probability of the top item at G temperatures. right: (C,) whether it was the target. item: (C,) which
    item it was. nats: (C, G) -log probability of the target, inf where it was no candidate."""

    p: np.ndarray
    right: np.ndarray
    item: np.ndarray
    nats: np.ndarray


def confidence(
    parts: Iterable[tuple[np.ndarray, Cases]], temperatures: np.ndarray, *, group_size: np.ndarray | None = None,
    masked: bool = False,
) -> Confidence:  # fmt: skip
    """Softmax of scores / temperature, a part of the cases at a time.

    parts: scores (B, I+1), column 0 not read, and their B cases. group_size: (I+1,) how many items share an item's
    code and so its score's probability. masked: items of the history are no candidates.
    """
    found = []
    for scores, cases in parts:
        scores = np.array(scores, np.float32)
        if group_size is not None:
            scores[:, 1:] -= np.log(group_size[1:]).astype(np.float32)
        scores[:, 0] = -np.inf
        if masked:
            scores[cases.histories.rows(), cases.histories.items] = -np.inf
        item = scores.argmax(1)
        top = np.take_along_axis(scores, item[:, None], 1)
        scores -= top
        aim = np.take_along_axis(scores, cases.targets[:, None].astype(np.int64), 1)
        total = np.stack([np.exp(scores / np.float32(t)).sum(1, dtype=np.float64) for t in temperatures], 1)
        found.append((1 / total, item == cases.targets, item, np.log(total) - aim / temperatures))
    if not found:
        raise UserError("no case to measure a probability on", code=3)
    return Confidence(*map(np.concatenate, zip(*found)))


def bins_of(p: np.ndarray, bins: int = BINS) -> np.ndarray:
    """(C,) which of so many equally full bins of rising p (C,) each case falls into."""
    place = np.empty(len(p), np.int64)
    place[np.argsort(p, kind="stable")] = np.arange(len(p))
    return place * bins // len(p)


def ece(p: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: the mean over equally full bins of |share that was right - mean p| (Naeini et al.,
    AAAI 2015; equal-mass bins as in arXiv:1904.01685)."""
    return float(np.abs(np.bincount(bins_of(p, bins), weights=right - p)).sum() / len(p))


def ece_figure(name: str, p: np.ndarray, right: np.ndarray, *, note: str, bins: int = BINS, seed: int = 0) -> Figure:
    """ECE with a basic bootstrap interval over cases, which takes off again what resampling adds, and for a null the
    mean ECE of outcomes drawn with exactly these probabilities. UserError where bins would hold fewer than two."""
    if len(p) < 2 * bins:
        raise UserError(f"{name}: {len(p)} cases cannot fill {bins} bins", code=3)
    rng, value = stream(seed, "calibration", name), ece(p, right, bins)
    member = np.zeros((len(p), bins))
    member[np.arange(len(p)), bins_of(p, bins)] = 1
    drawn = (rng.random((DRAWS, len(p))) < p) - p
    null = np.abs(drawn @ member).sum(1).mean() / len(p)
    weights = rng.multinomial(len(p), np.full(len(p), 1 / len(p)), DRAWS)
    again = np.abs((weights * (right - p)) @ member).sum(1) / len(p)
    high, low = np.quantile(again, [0.025, 0.975])  # mirrored
    said = f"{note}; null: outcomes drawn with just these probabilities."
    ends = [max(0.0, 2 * value - end) for end in (low, high)]
    return Figure(name, value, *ends, float(null), "above", len(p), said)


def reliability(p: np.ndarray, right: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """A row a bin, rising: cases, confidence (mean p), right (share), low and high (Wilson's 95 % interval)."""
    of = bins_of(p, bins)
    n = np.bincount(of, minlength=bins)
    mean, share = (np.bincount(of, weights=x, minlength=bins) / np.maximum(1, n) for x in (p, right))
    z = 1.96
    middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((middle + side * half) / (1 + z**2 / n) for side in (-1, 1))
    table = pd.DataFrame({"cases": n, "confidence": mean, "right": share, "low": low, "high": high})
    return table.set_index(pd.RangeIndex(1, bins + 1, name="bin"))


def calibration_card(
    test: Iterable[tuple[np.ndarray, Cases]], valid: Iterable[tuple[np.ndarray, Cases]], counts: np.ndarray, *,
    likelihood: bool, group_size: np.ndarray | None = None, masked: bool = False, seed: int = 0,
) -> Card:  # fmt: skip
    """ECE and Brier score of the top item's probability, the ECE for frequent and for rare items, and the ECE after a
    temperature that was fitted on validation. Tables: reliability, and `reliability, tempered`.

    test, valid: as `confidence` takes them. counts: (I+1,) in train. likelihood: whether the scores were trained as
    log-probabilities up to a constant, which the notes must say.
    """
    known = {"group_size": group_size, "masked": masked}
    one = np.ones(1)
    parts = {}
    try:
        fitted = fitted_temperature(confidence(valid, TEMPERATURES, **known))
        one = np.array([1, fitted])
    except UserError as error:
        parts["ece, tempered"] = partial(_refuse, str(error))
    found = confidence(test, one, **known)
    said = "" if likelihood else FOREIGN
    p, right = found.p[:, 0], found.right
    head = np.zeros(len(counts), bool)
    head[by_popularity(counts)[-((len(counts) - 1) // 5) :]] = True
    parts["ece"] = partial(_ece, "ece", p, right, said + "mean gap of the top item's probability and how often it came "
                           "true, over 15 equally full bins", seed, "reliability")  # fmt: skip
    parts["brier"] = partial(_brier, p, right)
    for kind, some in (("head", head[found.item]), ("tail", ~head[found.item])):
        note = f"The same where the top item is of the {'most frequent fifth' if kind == 'head' else 'rest'}"
        parts[f"ece, {kind}"] = partial(_ece, f"ece, {kind}", p[some], right[some], note, seed, "")
    if len(one) > 1:
        note = f"The same after a temperature of {fitted:.2f}, fitted on validation"
        parts["ece, tempered"] = partial(_ece, "ece, tempered", found.p[:, 1], right, note, seed,
                                         "reliability, tempered")  # fmt: skip
    return gathered(parts)


def fitted_temperature(found: Confidence) -> float:
    """The temperature of least mean cross-entropy of the targets (Guo et al., arXiv:1706.04599), of a fixed grid."""
    usable = np.isfinite(found.nats).all(1)
    if not usable.any():
        raise UserError("no validation target was a candidate, so no temperature can be fitted", code=3)
    return float(TEMPERATURES[found.nats[usable].mean(0).argmin()])


def level_card(p: np.ndarray, right: np.ndarray, *, seed: int = 0) -> Card:
    """ECE of each level of a speller, from `decoder.level_confidence`: p, right (C, L)."""
    return gathered({
        name: partial(_ece, name, p[:, level], right[:, level], "Gap of the probability of the likeliest code that may "
                      "follow the true codes before, and how often it came true", seed, "")
        for level in range(p.shape[1]) for name in [f"ece, level {level + 1}"]
    })  # fmt: skip


def _ece(name: str, p: np.ndarray, right: np.ndarray, note: str, seed: int, table: str) -> Card:
    note = note[:1].upper() + note[1:]
    return Card((ece_figure(name, p, right, note=note, seed=seed),), {table: reliability(p, right)} if table else {})


def _brier(p: np.ndarray, right: np.ndarray) -> Card:
    share = right.mean()
    note = "Mean squared gap of the top item's probability and whether it came true; null: the same share for all."
    return Card((mean_figure("brier", (p - right) ** 2, null=float(share * (1 - share)), toward="below", note=note),))


def _refuse(why: str) -> Card:
    raise UserError(why, code=3)
