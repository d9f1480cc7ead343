"""Calibration: expected calibration error (ECE) of top-1 probabilities, and of each code of a generative recommender.

A probability is the softmax of an item's score over all candidates. For scores that are log-probabilities, as of a
generative recommender, this is the exact distribution over the catalogue. Scores trained with a binary or pairwise
loss, or counts, are not log-probabilities; their softmax is measured too, and the card says so.
"""
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data import Cases
from workbench.diagnose.models.beyond_accuracy import items_by_popularity
from workbench.diagnose.verdict.card import Card, Figure, gather_cards, mean_figure
from workbench.errors import UserError
from workbench.train.rng import named_rng

BINS, DRAWS = 15, 1000
TEMPERATURES = np.geomspace(0.1, 1000, 81)  # the softmax of counts needs high ones
NOT_LIKELIHOOD = (
    "the scores were not trained as log-probabilities (a binary or pairwise loss, or counts), so their softmax is no "
    "probability of the model: "
)


class Confidence(NamedTuple):
    """p: (C, G) probability of the top item at G temperatures. correct: (C,) whether it is the target. item: (C,) its
    id. nll: (C, G) negative log-likelihood of the target in nats, inf if it is no candidate."""

    p: np.ndarray
    correct: np.ndarray
    item: np.ndarray
    nll: np.ndarray


def top1_confidence(
    batches: Iterable[tuple[np.ndarray, Cases]], temperatures: np.ndarray, *, group_size: np.ndarray | None = None,
    masked: bool = False,
) -> Confidence:  # fmt: skip
    """Top-1 probabilities from the softmax of scores / temperature, in batches of cases.

    batches: scores (B, I+1), column 0 ignored, with their B cases. group_size: (I+1,) number of items that share an
    item's code, among which its probability is divided. masked: exclude the items of the history.
    """
    columns = []
    for scores, cases in batches:
        scores = np.array(scores, np.float32)
        if group_size is not None:
            scores[:, 1:] -= np.log(group_size[1:]).astype(np.float32)
        scores[:, 0] = -np.inf
        if masked:
            scores[cases.histories.rows(), cases.histories.items] = -np.inf
        item = scores.argmax(1)
        top = np.take_along_axis(scores, item[:, None], 1)
        scores -= top
        target = np.take_along_axis(scores, cases.targets[:, None].astype(np.int64), 1)
        total = np.stack([np.exp(scores / np.float32(t)).sum(1, dtype=np.float64) for t in temperatures], 1)
        columns.append((1 / total, item == cases.targets, item, np.log(total) - target / temperatures))
    if not columns:
        raise UserError("no case to measure a probability on", code=3)
    return Confidence(*map(np.concatenate, zip(*columns)))


def equal_mass_bins(p: np.ndarray, bins: int = BINS) -> np.ndarray:
    """(C,) bin of each case among `bins` equal-mass bins by rising p (C,)."""
    rank = np.empty(len(p), np.int64)
    rank[np.argsort(p, kind="stable")] = np.arange(len(p))
    return rank * bins // len(p)


def ece(p: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: the mean over equal-mass bins of |accuracy - mean p| (Naeini et al., AAAI 2015;
    equal-mass bins as in arXiv:1904.01685)."""
    return float(np.abs(np.bincount(equal_mass_bins(p, bins), weights=correct - p)).sum() / len(p))


def ece_figure(name: str, p: np.ndarray, correct: np.ndarray, *, note: str, bins: int = BINS, seed: int = 0) -> Figure:
    """ECE with a basic bootstrap interval over cases, which corrects the bias of resampling; null: the mean ECE of
    outcomes drawn with exactly these probabilities. UserError if bins would hold fewer than two cases."""
    if len(p) < 2 * bins:
        raise UserError(f"{name}: {len(p)} cases cannot fill {bins} bins", code=3)
    rng, value = named_rng(seed, "calibration", name), ece(p, correct, bins)
    member = np.zeros((len(p), bins))
    member[np.arange(len(p)), equal_mass_bins(p, bins)] = 1
    residuals = (rng.random((DRAWS, len(p))) < p) - p
    null = np.abs(residuals @ member).sum(1).mean() / len(p)
    weights = rng.multinomial(len(p), np.full(len(p), 1 / len(p)), DRAWS)
    resampled = np.abs((weights * (correct - p)) @ member).sum(1) / len(p)
    high, low = np.quantile(resampled, [0.025, 0.975])  # basic bootstrap: mirrored quantiles
    interval = [max(0.0, 2 * value - end) for end in (low, high)]
    note = f"{note}; null: outcomes drawn with exactly these probabilities."
    return Figure(name, value, *interval, float(null), "above", len(p), note)


def reliability(p: np.ndarray, correct: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Reliability diagram, one row per bin by rising p: cases, confidence (mean p), accuracy, low and high (Wilson's 95
    % interval of the accuracy)."""
    bin_of = equal_mass_bins(p, bins)
    n = np.bincount(bin_of, minlength=bins)
    mean, share = (np.bincount(bin_of, weights=x, minlength=bins) / np.maximum(1, n) for x in (p, correct))
    z = 1.96
    middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((middle + side * half) / (1 + z**2 / n) for side in (-1, 1))
    table = pd.DataFrame({"cases": n, "confidence": mean, "accuracy": share, "low": low, "high": high})
    return table.set_index(pd.RangeIndex(1, bins + 1, name="bin"))


def calibration_card(
    test: Iterable[tuple[np.ndarray, Cases]], valid: Iterable[tuple[np.ndarray, Cases]], counts: np.ndarray, *,
    likelihood: bool, group_size: np.ndarray | None = None, masked: bool = False, seed: int = 0,
) -> Card:  # fmt: skip
    """ECE and Brier score of the top-1 probability, ECE for head and for tail items, and ECE after temperature scaling
    on validation cases. Tables: `reliability` and `reliability, tempered`.

    test, valid: batches as in `top1_confidence`. counts: (I+1,) train counts. likelihood: whether the scores were
    trained as log-probabilities up to a constant, which the notes state.
    """
    options = {"group_size": group_size, "masked": masked}
    temperatures = np.ones(1)
    parts = {}
    try:
        fitted = fit_temperature(top1_confidence(valid, TEMPERATURES, **options))
        temperatures = np.array([1, fitted])
    except UserError as error:
        parts["ece, tempered"] = partial(_unmeasured, str(error))
    result = top1_confidence(test, temperatures, **options)
    caveat = "" if likelihood else NOT_LIKELIHOOD
    p, correct = result.p[:, 0], result.correct
    head = np.zeros(len(counts), bool)
    head[items_by_popularity(counts)[-((len(counts) - 1) // 5) :]] = True
    parts["ece"] = partial(_ece, "ece", p, correct, caveat + "mean gap between the top-1 probability and the accuracy "
                           "over 15 equal-mass bins", seed, "reliability")  # fmt: skip
    parts["brier"] = partial(_brier, p, correct)
    for kind, mask in (("head", head[result.item]), ("tail", ~head[result.item])):
        note = f"The same where the top item is of the {'most popular fifth' if kind == 'head' else 'rest'}"
        parts[f"ece, {kind}"] = partial(_ece, f"ece, {kind}", p[mask], correct[mask], note, seed, "")
    if len(temperatures) > 1:
        note = f"The same after temperature scaling with {fitted:.2f}, fitted on validation"
        parts["ece, tempered"] = partial(_ece, "ece, tempered", result.p[:, 1], correct, note, seed,
                                         "reliability, tempered")  # fmt: skip
    return gather_cards(parts)


def fit_temperature(result: Confidence) -> float:
    """The temperature in a fixed grid with the lowest mean NLL of the targets (Guo et al., arXiv:1706.04599)."""
    usable = np.isfinite(result.nll).all(1)
    if not usable.any():
        raise UserError("no validation target was a candidate, so no temperature can be fitted", code=3)
    return float(TEMPERATURES[result.nll[usable].mean(0).argmin()])


def level_calibration_card(p: np.ndarray, correct: np.ndarray, *, seed: int = 0) -> Card:
    """ECE of each code level of a generative recommender, from `decoder.level_confidence`: p, correct (C, L)."""
    return gather_cards({
        name: partial(_ece, name, p[:, level], correct[:, level], "Gap between the probability of the most likely "
                      "valid code after the true prefix and its accuracy", seed, "")
        for level in range(p.shape[1]) for name in [f"ece, level {level + 1}"]
    })  # fmt: skip


def _ece(name: str, p: np.ndarray, correct: np.ndarray, note: str, seed: int, table: str) -> Card:
    note = note[:1].upper() + note[1:]
    return Card((ece_figure(name, p, correct, note=note, seed=seed),),
                {table: reliability(p, correct)} if table else {})


def _brier(p: np.ndarray, correct: np.ndarray) -> Card:
    share = correct.mean()
    note = "Mean squared difference between the top-1 probability and its correctness; null: the mean accuracy for all."
    return Card((mean_figure("brier", (p - correct) ** 2, null=float(share * (1 - share)), direction="below",
                             note=note),))


def _unmeasured(reason: str) -> Card:
    raise UserError(reason, code=3)
