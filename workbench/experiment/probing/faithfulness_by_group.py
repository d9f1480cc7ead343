"""Where parts meet: for whom a dictionary keeps what the network does, and which of its latents carry that."""
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workbench.artifacts import code_hash
from workbench.data import Cases, Histories
from workbench.evaluate import evaluate, per_case
from workbench.experiment.probing.causal_tests import held_out
from workbench.experiment.probing.train_sae import fits, sides
from workbench.experiment.run import Run
from workbench.interfaces import Scorer
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import by_item, read_at
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness
from workbench.probing.interventions.ablation import lists
from workbench.progress import track

METRIC, K = "ndcg@10", 10
CODE = ("probing", "evaluate", "recommenders", "nets", "experiment/probing/faithfulness_by_group.py",
        "experiment/probing/causal_tests.py",
        "experiment/probing/train_sae.py")  # fmt: skip
FOLLOWS = 0.5  # of a latent's variance that the last item must explain on other users before it follows it
AS_MUCH, OTHERS = "others with as much", 3  # sets drawn to compare certified latents with, and how many of them
ROWS = 256  # users whose scores are held at a time


def memorised(cases: Cases, train: Histories) -> np.ndarray:
    """(C,) bool: whether the target follows the last item of the history somewhere in train (MemGen's memorisation at
    one hop, arXiv:2603.19809)."""
    width = int(max(train.items.max(initial=0), cases.targets.max(initial=0), cases.histories.items.max(initial=0))) + 1
    same = train.rows()[1:] == train.rows()[:-1]
    seen = np.unique((train.items[:-1].astype(np.int64) * width + train.items[1:])[same])
    full = cases.histories.lengths > 0
    last = np.where(full, cases.histories.items[np.maximum(cases.histories.offsets[1:] - 1, 0)], 0).astype(np.int64)
    return full & np.isin(last * width + cases.targets, seen)


def groups(cases: Cases, train: Histories, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Masks (C,) by name: all users; target seen to follow the last item in train, or not; target in the head (the
    items that make up four fifths of train) or the tail; the shortest and the longest quarter of histories."""
    order = np.argsort(-counts, kind="stable")
    head = np.zeros(len(counts), bool)
    head[order[: int(np.searchsorted(np.cumsum(counts[order]), 0.8 * counts.sum())) + 1]] = True
    length, seen = cases.histories.lengths, memorised(cases, train)
    low, high = np.quantile(length, [0.25, 0.75])
    return {"all": np.ones(len(length), bool), "memorised": seen, "not memorised": ~seen,
            "head target": head[cases.targets], "tail target": ~head[cases.targets],
            "short history": length <= low, "long history": length >= high}  # fmt: skip


def per_user(run: Run, cached: Activations, cases: Cases, edits: dict[str, Callable]) -> dict[str, np.ndarray]:
    """The metric of every case, as the network is (`base`) and with each edit at the site."""
    model, split, out = run.recommender(), run.bench().split, {}
    for name, edit in track(list({"base": None, **edits}.items()), "splice", unit="runs"):
        if edit is None:
            found = evaluate(model, cases, split, quiet=True)
        else:
            with faithfulness.standing_in(model, cached.site, edit):
                found = evaluate(model, cases, split, quiet=True)
        out[name] = per_case(METRIC, found.ranks, found.groups)
    return out


def by_group(run: Run, cached: Activations, found: Dictionary) -> pd.DataFrame:
    """For whom a reconstruction keeps the network's score: a row a group of held-out test users, with users, base,
    spliced, mean (the site's mean in its place), recovered with its interval, and flips, the share of users whose hit
    among the first ten comes or goes. Stored. UserError where the dictionary is of another site.
    """
    bench = run.bench()
    found.on(cached.fingerprint)
    inputs = {"at": cached.fingerprint, "dictionary": found.digest(), "run": run.key,
              "code": code_hash(*CODE)}  # fmt: skip

    def make(folder: Path) -> None:
        cases, train = held_out(run, cached), bench.split.train
        values = per_user(run, cached, cases, faithfulness.edits(found, cached.x.mean(axis=0)))
        rows = {}
        for name, mask in groups(cases, train, bench.split.train_counts()).items():
            if mask.sum() < 2:
                continue
            base, spliced, mean = (values[key][mask] for key in ("base", "spliced", "mean"))
            kept = faithfulness.recovered(base, spliced, mean)
            rows[name] = {"users": int(mask.sum()), "base": base.mean(), "spliced": spliced.mean(), "mean": mean.mean(),
                          "recovered": kept.share, "low": kept.low, "high": kept.high, "said": kept.said,
                          "flips": float(((base > 0) != (spliced > 0)).mean())}  # fmt: skip
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("users with").to_parquet(folder / "groups.parquet")

    return pd.read_parquet(bench.store.get("by-group", inputs, make) / "groups.parquet")


def follow_last(cached: Activations, found: Dictionary) -> np.ndarray:
    """(m,) of each latent's variance on held-out users the share that its mean at the same last item on discovery users
    explains; items never read there have the latent's mean. Below 0 where that is worse than the mean; NaN where a
    latent does not fire."""
    (units, z), (test, held) = sides(cached, found)
    n_items = int(max(units.last.max(), test.last.max()))
    weight = read_at(units, "last", n_items)
    table, mean = by_item(z, weight), np.asarray(z.mean(axis=0)).ravel()
    table[np.asarray(weight.sum(axis=0)).ravel() == 0] = mean
    left, square, total = (np.zeros(z.shape[1]) for _ in range(3))
    for start in range(0, held.shape[0], 4096):
        part = held[start : start + 4096].toarray().astype(np.float64)
        left += np.square(part - table[test.last[start : start + 4096]]).sum(axis=0)
        square, total = square + np.square(part).sum(axis=0), total + part.sum(axis=0)
    spread = square - total**2 / max(1, held.shape[0])
    return np.where(spread > 1e-12, 1 - left / np.maximum(spread, 1e-12), np.nan)


def keep(found: Dictionary, kept: np.ndarray) -> Callable[[torch.Tensor], torch.Tensor]:
    """The edit that takes away all latents but those of a mask (m,), and leaves the reconstruction's error where it
    was: x' = x + D(z kept) - D(z)."""
    gone = torch.from_numpy(~np.asarray(kept, bool)).float()
    return lambda x: x - (found.encode(x) * gone) @ found.decoder


def carried(run: Run, cached: Activations, found: Dictionary, table: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Which latents carry the network's score: a row a set of latents that are kept while all others are taken away,
    with latents, the share of activation, ndcg@10 and what is recovered of it against the site's mean, over held-out
    test users.

    table: of `latents.latents` or `certify`. Sets: all; none, so that what the error alone carries is seen; those for
    one item alone; those that follow the last item (`follow_last` of a half or more) and those that do not; certified
    ones, and others at random that carry as much activation, or all others where they carry less (mean of three draws).
    Stored. UserError where the table or the dictionary is of another site.
    """
    fits(table, found)
    bench, follows = run.bench(), follow_last(cached, found)
    fires, certified, mass = ~np.isnan(follows), table["certified"].to_numpy(bool), table["mass"].to_numpy()
    effective, others = table["effective"].to_numpy(), []
    for draw in range(OTHERS):
        order = np.random.default_rng([seed, draw]).permutation(np.flatnonzero(fires & ~certified))
        last = np.searchsorted(np.cumsum(mass[order]), mass[certified].sum()) + 1
        others.append(np.isin(np.arange(found.latents), order[:last]))
    sets = {"all": np.ones(found.latents, bool), "none": np.zeros(found.latents, bool),
            "one item": (effective > 0) & (effective < 2),
            "follow the last item": fires & (np.nan_to_num(follows) >= FOLLOWS),
            "do not follow it": fires & (np.nan_to_num(follows) < FOLLOWS), "certified": certified,
            **{f"{AS_MUCH}, {draw}": other for draw, other in enumerate(others)}}  # fmt: skip
    inputs = {"at": cached.fingerprint, "dictionary": found.digest(), "run": run.key,
              "sets": {name: np.flatnonzero(mask).tolist() for name, mask in sets.items()},
              "code": code_hash(*CODE)}  # fmt: skip

    def make(folder: Path) -> None:
        mean = torch.from_numpy(cached.x.mean(axis=0))
        edits = {name: keep(found, mask) for name, mask in sets.items()}
        cases = held_out(run, cached)
        values = per_user(run, cached, cases, edits | {"mean": lambda x: mean.expand_as(x).clone()})
        drawn = [name for name in sets if name.startswith(AS_MUCH)]
        values[AS_MUCH] = np.mean([values[name] for name in drawn], axis=0)
        rows = {}
        for name in [*(name for name in sets if name not in drawn), AS_MUCH]:
            some = np.stack([sets[name]] if name in sets else others)
            kept = faithfulness.recovered(values["base"], values[name], values["mean"])
            rows[name] = {"latents": some.sum(axis=1).mean(), "activation": float((some @ mass).mean()),
                          METRIC: values[name].mean(), "recovered": kept.share, "low": kept.low, "high": kept.high,
                          "said": kept.said}  # fmt: skip
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("kept").to_parquet(folder / "carried.parquet")

    return pd.read_parquet(bench.store.get("carried", inputs, make) / "carried.parquet")


def lists_kept(run: Run, cached: Activations, found: Dictionary, *, users: int = 1000) -> dict[str, float]:
    """What a reconstruction does to the lists of held-out users: overlap and rbo of the first ten, and for a scorer
    kl, nats from the network's distribution over the catalogue to the spliced one. Histories are not masked."""
    model, cases = run.recommender(), held_out(run, cached, users=users)
    found.on(cached.fingerprint)

    def log_p() -> np.ndarray:
        scores = [model.score(cases.histories.take(part))[:, 1:] for part in _parts(len(cases.targets))]
        return np.concatenate([torch.from_numpy(s).log_softmax(1).numpy() for s in scores])

    base, before = lists(model, cases, K), log_p() if isinstance(model, Scorer) else None
    with faithfulness.standing_in(model, cached.site, faithfulness.edits(found, cached.x.mean(axis=0))["spliced"]):
        other, after = lists(model, cases, K), log_p() if isinstance(model, Scorer) else None
    out = {
        "overlap": float(faithfulness.overlap(base, other).mean()),
        "rbo": float(faithfulness.rbo(base, other).mean()),
    }
    if before is not None:
        p = np.exp(before)
        out["kl"] = float(np.where(p > 0, p * (before - after), 0).sum(axis=1).mean())
    return out


def _parts(n: int) -> list[np.ndarray]:
    return np.array_split(np.arange(n), -(-n // ROWS))
