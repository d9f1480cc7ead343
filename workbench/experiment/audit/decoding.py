"""The decoding card of a run: its top-k lists, its probabilities and, if it decodes semantic IDs, its beam search.

Test users are numbered in the order of a seeded hash, so the first n are a random sample.
"""
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from workbench.data import Cases
from workbench.diagnose.models import beam_search
from workbench.diagnose.models.calibration import calibration_card, level_calibration_card
from workbench.diagnose.models.codes import item_categories
from workbench.diagnose.models.decoder import decoder_card, level_confidence
from workbench.diagnose.models.list_report import lists_card
from workbench.diagnose.models.prefix_scores import prefix_log_probs
from workbench.diagnose.verdict.card import Card, gather_cards
from workbench.embed import default_kind
from workbench.errors import UserError
from workbench.evaluate import recommend_all
from workbench.experiment.run import Run
from workbench.interfaces import HasBeam, Likelihood, Scorer, codes_of
from workbench.stages import stage
from workbench.tokens import ItemCodes

BATCH_SIZE = 128  # histories scored at a time against the whole catalogue
DEPTH = 10
MAX_PREFIXES = 700_000  # case-prefix pairs that may be scored exactly


@stage("decoding")
def decoding_card(
    run: Run, *, cases: int = 5000, decoded: int = 500, control: Run | None = None, seed: int = 0
) -> Card:
    """`lists_card`, `calibration_card` and `decoder_card` of a run. Stored.

    cases: test users for whom lists and top-1 probabilities are computed. decoded: test users for whom a recommender of
    semantic IDs decodes with several beam widths. For 100 of them, or more if the catalogue is small, the whole
    catalogue is scored, which gives probabilities and the effect of constrained decoding, and for half as many
    validation users, on which a temperature is fitted. control: a run under the same protocol with random or permuted
    codes; the table "control beams" holds its beams.
    """
    test, recommender = run.bench().split.test, run.recommender()
    parts: dict[str, Callable[[], Card]] = {"lists": partial(_lists_card, run, recommender, _first(test, cases), seed)}
    if isinstance(recommender, HasBeam):
        parts["decoder"] = partial(_semantic_id_card, run, recommender, _first(test, decoded), seed)
    else:
        parts["decoder"] = partial(decoder_card, recommender, _first(test, decoded), run.bench().split)
        parts["calibration"] = partial(_calibration_card, run, recommender, cases, seed)
    if control is not None:
        parts["control"] = partial(_control_card, run, control, _first(test, decoded))
    return gather_cards(parts)


def _first(cases: Cases, n: int) -> Cases:
    return cases.take(np.arange(min(n, len(cases.targets))))


def _lists_card(run: Run, recommender, cases: Cases, seed: int) -> Card:
    bench, n = run.bench(), len(cases.targets)
    try:
        vectors = bench.vectors(default_kind(bench.dataset))
    except UserError:
        vectors = None  # the card names it among the unmeasured
    depth = min(DEPTH, bench.split.n_items)
    top_k = recommend_all(recommender, cases.histories, depth, masked=bench.protocol.mask_history)
    return lists_card(
        top_k.items, cases, bench.split, vectors=vectors, categories=item_categories(bench.dataset),
        codes=codes_of(recommender), ndcg=run.per_case(f"ndcg@{DEPTH}")[:n], seed=seed,
    )  # fmt: skip


def _score_batches(recommender, cases: Cases) -> Iterator[tuple[np.ndarray, Cases]]:
    """Batches of scores (B, I+1) with their cases."""
    for index in cases.histories.batches(BATCH_SIZE):
        batch = cases.take(index)
        yield recommender.score(batch.histories), batch


def _calibration_card(run: Run, recommender, n: int, seed: int) -> Card:
    if not isinstance(recommender, Scorer):
        raise UserError("the recommender gives no scores of all items, so no probabilities", code=3)
    split, codes = run.bench().split, codes_of(recommender)
    likelihood = isinstance(recommender, Likelihood) and recommender.likelihood
    test, valid = _first(split.test, n), _first(split.valid, max(1, n // 5))
    return calibration_card(
        _score_batches(recommender, test), _score_batches(recommender, valid), split.train_counts(),
        likelihood=likelihood, group_size=_group_sizes(codes), masked=split.protocol.mask_history, seed=seed,
    )  # fmt: skip


def _group_sizes(codes: ItemCodes | None) -> np.ndarray | None:
    """(I+1,) how many items share each item's semantic ID; None without codes."""
    return None if codes is None else np.concatenate([[1], codes.trie.group_size[codes.trie.group[1:]]])


def _semantic_id_card(run: Run, recommender, cases: Cases, seed: int) -> Card:
    """The cards of a decoder of semantic IDs. The whole catalogue is scored once and used by all three."""
    split, codes = run.bench().split, recommender.codes
    n_prefixes = sum(len(counts) for counts in codes.trie.counts[:-1])
    scored = _first(cases, int(np.clip(MAX_PREFIXES // n_prefixes, 100, 500)))
    log_probs = prefix_log_probs(recommender, scored.histories)
    item_scores = np.concatenate([log_probs[-1], log_probs[-1][:, :1]], 1)[:, codes.trie.group]
    valid = _first(split.valid, max(1, len(scored.targets) // 2))
    return gather_cards({
        "decoder": partial(decoder_card, recommender, cases, split, scores=log_probs, seed=seed),
        "calibration": partial(
            calibration_card, [(item_scores, scored)], _score_batches(recommender, valid), split.train_counts(),
            likelihood=True, group_size=_group_sizes(codes), masked=split.protocol.mask_history, seed=seed,
        ),
        "levels": lambda: level_calibration_card(*level_confidence(log_probs, codes.trie, scored.targets), seed=seed),
    })  # fmt: skip


def _control_card(run: Run, control: Run, cases: Cases) -> Card:
    """Beam search of a decoder whose codes carry no content, on the same cases."""
    fields = ("dataset", "data_hash", "protocol", "users")
    different = [name for name in fields if run.info[name] != control.info[name]]
    recommender = control.recommender()
    if different or not isinstance(recommender, HasBeam):
        reason = f"differs in {', '.join(different)}" if different else "decodes no semantic IDs"
        raise UserError(f"{control.label} {reason}, so it is no control of {run.label}", code=3)
    table = beam_search.beam_width_table(recommender, cases, masked=control.info["protocol"]["mask_history"])
    return Card(tables={"control beams": table})
