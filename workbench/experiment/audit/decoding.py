"""The decoder card of a run, a stored stage: its lists, its probabilities and, where it spells its items, its beams.

Users are a sample by hash: their ids are in the order of a seeded hash, so the first are one.
"""
from collections.abc import Iterator
from functools import partial

import numpy as np

from workbench.artifacts import code_hash
from workbench.data import Cases
from workbench.diagnose.models import beam_search
from workbench.diagnose.models.calibration import calibration_card, level_card
from workbench.diagnose.models.codes import categories
from workbench.diagnose.models.decoder import decoder_card, level_confidence, prefix_scores
from workbench.diagnose.models.list_report import lists_card
from workbench.diagnose.verdict.card import Card, gathered
from workbench.embed import usual
from workbench.errors import UserError
from workbench.evaluate import lists, per_case
from workbench.experiment.audit.shortcuts import file_of
from workbench.experiment.audit.stored_cards import stored
from workbench.experiment.bench import ROOMS
from workbench.experiment.run import Run
from workbench.interfaces import Likelihood, Scorer

BATCH = 128  # histories scored at a time against the whole catalogue
DEPTH = 10
NODES = 700_000  # prefixes that may be scored where whole catalogues are
TRAINED = {"full", "sampled"}  # losses whose scores are log-probabilities up to a constant


def decoding(run: Run, *, cases: int = 5000, spelt: int = 500, control: Run | None = None, seed: int = 0) -> Card:
    """`lists_card`, `calibration_card` and `decoder_card` of a run. Stored.

    cases: how many test users are given lists and top-1 probabilities. spelt: how many are decoded with beams of
    several widths by a recommender that spells. Of those 100, more in a small catalogue, have the whole of it scored,
    for probabilities and what the mask does to them, and half as many validation users, for a temperature. control: a
    run of the same protocol with random or permuted codes, whose beams stand in the table `beams of the control`.
    """
    inputs = {
        "run": run.key, "cases": cases, "spelt": spelt, "seed": seed,
        "control": None if control is None else control.key,
        "code": code_hash(*ROOMS, "diagnose", "experiment/audit/decoding.py", file_of(run.system)),
    }  # fmt: skip

    def make() -> Card:
        asked = partial(_first, run.bench().split.test)
        whole = run.recommender()
        parts = {"lists": partial(_lists, run, whole, asked(cases), seed)}
        if hasattr(whole, "beams"):
            parts["decoder"] = partial(_spelt, run, whole, asked(spelt), seed)
        else:
            parts["decoder"] = partial(decoder_card, whole, asked(spelt), run.bench().split)
            parts["calibration"] = partial(_calibrated, run, whole, cases, seed)
        if control is not None:
            parts["control"] = partial(_control, run, control, asked(spelt))
        return gathered(parts)

    return stored(run.bench().store, "decoding", inputs, make)


def _first(cases: Cases, n: int) -> Cases:
    return cases.take(np.arange(min(n, len(cases.targets))))


def _lists(run: Run, recommender, cases: Cases, seed: int) -> Card:
    bench = run.bench()
    try:
        vectors = bench.vectors(usual(bench.dataset))
    except UserError:
        vectors = None  # noted among the unmeasured by the card
    found = lists(recommender, cases.histories, min(DEPTH, bench.split.n_items), masked=bench.protocol.mask_history)
    n = len(cases.targets)
    groups = None if run.groups is None else run.groups[:n]
    return lists_card(
        found.items, cases, bench.split, vectors=vectors, categories=categories(bench.dataset),
        codes=getattr(recommender, "codes", None), ndcg=per_case(f"ndcg@{DEPTH}", run.ranks[:n], groups), seed=seed,
    )


def _scored(recommender, cases: Cases) -> Iterator[tuple[np.ndarray, Cases]]:
    for index in cases.histories.batches(BATCH):
        part = cases.take(index)
        yield recommender.score(part.histories), part


def _calibrated(run: Run, recommender, n: int, seed: int) -> Card:
    if not isinstance(recommender, Scorer):
        raise UserError("the recommender gives no scores of all items, so no probabilities", code=3)
    split, codes = run.bench().split, getattr(recommender, "codes", None)
    likelihood = isinstance(recommender, Likelihood) and run.info["settings"].get("loss", "full") in TRAINED
    return calibration_card(
        _scored(recommender, _first(split.test, n)), _scored(recommender, _first(split.valid, max(1, n // 5))),
        split.train_counts(), likelihood=likelihood, group_size=_shared(codes), masked=split.protocol.mask_history,
        seed=seed,
    )  # fmt: skip


def _shared(codes) -> np.ndarray | None:
    """(I+1,) how many items share each item's code."""
    return None if codes is None else np.concatenate([[1], codes.trie.group_size[codes.trie.group[1:]]])


def _spelt(run: Run, recommender, cases: Cases, seed: int) -> Card:
    """The cards of a recommender that spells; every case that is scored whole is so once."""
    split, codes = run.bench().split, recommender.codes
    nodes = sum(len(counts) for counts in codes.trie.counts[:-1])
    some = _first(cases, int(np.clip(NODES // nodes, 100, 500)))
    scores = prefix_scores(recommender, some.histories)
    items = np.concatenate([scores[-1], scores[-1][:, :1]], 1)[:, codes.trie.group]
    valid = _first(split.valid, max(1, len(some.targets) // 2))
    calibrated = partial(
        calibration_card, [(items, some)], _scored(recommender, valid), split.train_counts(), likelihood=True,
        group_size=_shared(codes), masked=split.protocol.mask_history, seed=seed,
    )  # fmt: skip
    return gathered({
        "decoder": partial(decoder_card, recommender, cases, split, scores=scores, seed=seed),
        "calibration": calibrated,
        "levels": lambda: level_card(*level_confidence(scores, codes.trie, some.targets), seed=seed),
    })  # fmt: skip


def _control(run: Run, control: Run, cases: Cases) -> Card:
    """The beams of a decoder whose codes mean nothing, for the same cases."""
    different = [name for name in ("dataset", "data_hash", "protocol", "users") if run.info[name] != control.info[name]]
    other = control.recommender()
    if different or not hasattr(other, "beams"):
        why = f"differs in {', '.join(different)}" if different else "does not spell its items"
        raise UserError(f"{control.label} {why}, so it is no control of {run.label}", code=3)
    table = beam_search.study(other, cases, masked=control.info["protocol"]["mask_history"])
    return Card(tables={"beams of the control": table})
