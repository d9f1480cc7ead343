"""Faithfulness of a reconstruction by group of users, and the metric that sets of latents recover alone."""
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from workbench.data import Cases, Histories
from workbench.evaluate import evaluate, per_case
from workbench.experiment.probing.causal_tests import held_out_cases
from workbench.experiment.probing.train_sae import check_table, discovery_and_test
from workbench.experiment.run import Run
from workbench.interfaces import Scorer
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import item_weights, mean_by_item
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness
from workbench.probing.interventions.ablation import top_k_items
from workbench.progress import track
from workbench.stages import stage

METRIC, K = "ndcg@10", 10
MIN_R2 = 0.5  # of the last item on test users, for a latent that it predicts
RANDOM, RANDOM_SETS = "random latents with equal activation", 3  # the control of the significant latents; its draws
ROWS = 256  # users whose scores are in memory at a time


def is_memorized(cases: Cases, train: Histories) -> np.ndarray:
    """(C,) bool: whether the target directly follows the last item of the history somewhere in train (memorization at
    one hop, arXiv:2603.19809)."""
    width = int(max(train.items.max(initial=0), cases.targets.max(initial=0), cases.histories.items.max(initial=0))) + 1
    same_user = train.rows()[1:] == train.rows()[:-1]
    pairs = train.items[:-1].astype(np.int64) * width + train.items[1:]
    transitions = np.unique(pairs[same_user])
    non_empty = cases.histories.lengths > 0
    last = cases.histories.items[np.maximum(cases.histories.offsets[1:] - 1, 0)]
    last = np.where(non_empty, last, 0).astype(np.int64)
    return non_empty & np.isin(last * width + cases.targets, transitions)


def groups(cases: Cases, train: Histories, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Masks (C,) by name: all users; target memorized (`is_memorized`) or not; target in the head (the most popular
    items with 80 % of the train events) or the tail; the shortest and the longest quarter of histories."""
    order = np.argsort(-counts, kind="stable")
    head = np.zeros(len(counts), bool)
    head[order[: int(np.searchsorted(np.cumsum(counts[order]), 0.8 * counts.sum())) + 1]] = True
    length, memorized = cases.histories.lengths, is_memorized(cases, train)
    low, high = np.quantile(length, [0.25, 0.75])
    return {"all": np.ones(len(length), bool), "memorized": memorized, "not memorized": ~memorized,
            "head target": head[cases.targets], "tail target": ~head[cases.targets],
            "short history": length <= low, "long history": length >= high}  # fmt: skip


def metric_per_user(
    run: Run, activations: Activations, cases: Cases, edits: dict[str, Callable]
) -> dict[str, np.ndarray]:
    """(C,) the metric of every case by name: `base`, with the network unchanged, and with each edit at the site."""
    model, split, metrics = run.recommender(), run.bench().split, {}
    for name, edit in track(list({"base": None, **edits}.items()), "splice", unit="runs"):
        if edit is None:
            evaluation = evaluate(model, cases, split, quiet=True)
        else:
            with faithfulness.patched(model, activations.site, edit):
                evaluation = evaluate(model, cases, split, quiet=True)
        metrics[name] = per_case(METRIC, evaluation.ranks, evaluation.groups)
    return metrics


@stage("faithfulness-by-group")
def faithfulness_by_group(run: Run, activations: Activations, dictionary: Dictionary) -> pd.DataFrame:
    """The metric recovered by a reconstruction, one row per group of held-out test users: users, NDCG@10 with the
    network unchanged (base), with the reconstruction (spliced) and with the site's mean (mean), recovered with its
    interval, and hit_flips, the share of users whose hit@10 changes. Stored. Raises UserError where the dictionary is
    of another site.
    """
    bench = run.bench()
    dictionary.check_site(activations.fingerprint)
    cases, train = held_out_cases(run, activations), bench.split.train
    edits = faithfulness.replacement_edits(dictionary, activations.x.mean(axis=0))
    values = metric_per_user(run, activations, cases, edits)
    rows = {}
    for name, mask in groups(cases, train, bench.split.train_counts()).items():
        if mask.sum() < 2:
            continue
        base, spliced, mean = (values[key][mask] for key in ("base", "spliced", "mean"))
        recovered = faithfulness.recovered(base, spliced, mean)
        rows[name] = {"users": int(mask.sum()), "base": base.mean(), "spliced": spliced.mean(), "mean": mean.mean(),
                      "recovered": recovered.share, "low": recovered.low, "high": recovered.high,
                      "text": recovered.text, "hit_flips": float(((base > 0) != (spliced > 0)).mean())}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def last_item_r2(activations: Activations, dictionary: Dictionary) -> np.ndarray:
    """(m,) R2 on test users of predicting each latent by its mean over discovery users with the same last item (by its
    overall mean for items without such a user). Below 0 where this is worse than the overall mean; NaN where a latent
    is never active on test users."""
    (positions, z), (test, test_z) = discovery_and_test(activations, dictionary)
    n_items = int(max(positions.last.max(), test.last.max()))
    weight = item_weights(positions, "last", n_items)
    item_means, mean = mean_by_item(z, weight), np.asarray(z.mean(axis=0)).ravel()
    item_means[np.asarray(weight.sum(axis=0)).ravel() == 0] = mean
    residual, square, total = (np.zeros(z.shape[1]) for _ in range(3))
    for start in range(0, test_z.shape[0], 4096):
        rows = test_z[start : start + 4096].toarray().astype(np.float64)
        residual += np.square(rows - item_means[test.last[start : start + 4096]]).sum(axis=0)
        square, total = square + np.square(rows).sum(axis=0), total + rows.sum(axis=0)
    variation = square - total**2 / max(1, test_z.shape[0])
    return np.where(variation > 1e-12, 1 - residual / np.maximum(variation, 1e-12), np.nan)


def keep_latents(dictionary: Dictionary, kept: np.ndarray) -> Callable[[torch.Tensor], torch.Tensor]:
    """The edit that ablates all latents except those of a mask (m,) and leaves the reconstruction error in place:
    x' = x + D(z kept) - D(z)."""
    ablated = torch.from_numpy(~np.asarray(kept, bool)).float()
    return lambda x: x - (dictionary.encode(x) * ablated) @ dictionary.decoder


@stage("latent-sets")
def metric_by_latent_set(
    run: Run, activations: Activations, dictionary: Dictionary, table: pd.DataFrame, *, seed: int = 0
) -> pd.DataFrame:
    """NDCG@10 on held-out test users with one set of latents kept and all others ablated, one row per set: latents, the
    activation_share of the set, ndcg@10, and recovered, against mean ablation of the site. Stored.

    table: of `feature_table` or `concept_table`. Sets: all; none, which leaves the reconstruction error alone;
    single-item latents; last-item R2 >= 0.5 and < 0.5 (`last_item_r2`); significant; and random latents with equal
    activation: other latents in random order up to the activation of the significant ones, or all of them where they
    have less (mean of three draws). Raises UserError where the table or the dictionary is of another site.
    """
    check_table(table, dictionary)
    r2 = last_item_r2(activations, dictionary)
    active, predicted = ~np.isnan(r2), np.nan_to_num(r2) >= MIN_R2
    significant, activation_share = table["significant"].to_numpy(bool), table["activation_share"].to_numpy()
    effective_items, random_sets = table["effective_items"].to_numpy(), []
    for draw in range(RANDOM_SETS):
        order = np.random.default_rng([seed, draw]).permutation(np.flatnonzero(active & ~significant))
        n = np.searchsorted(np.cumsum(activation_share[order]), activation_share[significant].sum()) + 1
        random_sets.append(np.isin(np.arange(dictionary.latents), order[:n]))
    sets = {"all": np.ones(dictionary.latents, bool), "none": np.zeros(dictionary.latents, bool),
            "single-item latents": (effective_items > 0) & (effective_items < 2),
            f"last-item R2 >= {MIN_R2}": active & predicted, f"last-item R2 < {MIN_R2}": active & ~predicted,
            "significant": significant,
            **{f"{RANDOM}, {draw}": mask for draw, mask in enumerate(random_sets)}}  # fmt: skip
    mean = torch.from_numpy(activations.x.mean(axis=0))
    edits = {name: keep_latents(dictionary, mask) for name, mask in sets.items()}
    cases = held_out_cases(run, activations)
    values = metric_per_user(run, activations, cases, edits | {"mean": lambda x: mean.expand_as(x).clone()})
    draws = [name for name in sets if name.startswith(RANDOM)]
    values[RANDOM] = np.mean([values[name] for name in draws], axis=0)
    rows = {}
    for name in [*(name for name in sets if name not in draws), RANDOM]:
        masks = np.stack([sets[name]] if name in sets else random_sets)
        recovered = faithfulness.recovered(values["base"], values[name], values["mean"])
        rows[name] = {"latents": masks.sum(axis=1).mean(),
                      "activation_share": float((masks @ activation_share).mean()), METRIC: values[name].mean(),
                      "recovered": recovered.share, "low": recovered.low, "high": recovered.high,
                      "text": recovered.text}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("latents kept")


def list_overlap(run: Run, activations: Activations, dictionary: Dictionary, *, users: int = 1000) -> dict[str, float]:
    """Agreement of the top-10 lists of held-out users with and without the reconstruction: overlap, rbo (rank-biased
    overlap), and for a scorer kl, the divergence in nats of the distribution over the catalogue. Histories are not
    masked."""
    model, cases = run.recommender(), held_out_cases(run, activations, users=users)
    dictionary.check_site(activations.fingerprint)

    def log_p() -> np.ndarray:
        scores = [model.score(cases.histories.take(part))[:, 1:] for part in _batches(len(cases.targets))]
        return np.concatenate([torch.from_numpy(s).log_softmax(1).numpy() for s in scores])

    base, base_log_p = top_k_items(model, cases, K), log_p() if isinstance(model, Scorer) else None
    edit = faithfulness.replacement_edits(dictionary, activations.x.mean(axis=0))["spliced"]
    with faithfulness.patched(model, activations.site, edit):
        spliced, spliced_log_p = top_k_items(model, cases, K), log_p() if isinstance(model, Scorer) else None
    agreement = {
        "overlap": float(faithfulness.overlap(base, spliced).mean()),
        "rbo": float(faithfulness.rbo(base, spliced).mean()),
    }
    if base_log_p is not None:
        p = np.exp(base_log_p)
        agreement["kl"] = float(np.where(p > 0, p * (base_log_p - spliced_log_p), 0).sum(axis=1).mean())
    return agreement


def _batches(n: int) -> list[np.ndarray]:
    return np.array_split(np.arange(n), -(-n // ROWS))
