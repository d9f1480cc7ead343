"""A run of recgpt on a catalogue that it never saw, beside what needs no training there."""
from typing import Any

import numpy as np
import pandas as pd

from workbench.data import Histories
from workbench.errors import UserError
from workbench.experiment.evaluated import EvaluatedModel
from workbench.experiment.run import Run
from workbench.tokens.by_kind import default_size
from workbench.tokens.fsq import FSQ

KIND = "sentence"  # vectors of one encoder, which mean the same in every catalogue
METRIC = "ndcg@10"


def zero_shot(run: Run, bench: Any) -> EvaluatedModel:
    """The network of a run of recgpt on the test cases of another bench, without training on it.

    Its items get the codes that the run's FSQ, fitted on the items of the run's own bench, gives their vectors.
    UserError unless the run is of recgpt with parallel FSQ codes of sentence vectors, of its own items.
    """
    settings = run.info["settings"]
    needed = {"vectors": KIND, "codes": "fsq", "parallel": True, "permuted": False}
    if run.system != "recgpt" or any(settings.get(name) != value for name, value in needed.items()):
        raise UserError(f"{run.label} cannot read another catalogue: only recgpt with vectors={KIND!r} can, as the "
                        "vectors of one encoder mean the same everywhere, with FSQ codes that are not permuted")
    recommender = run.recommender()
    tokenizer, items = _tokenizer(run, recommender.module.item), bench.vectors(KIND)
    codes = np.concatenate([np.zeros((1, tokenizer.levels), np.int32), tokenizer.encode(items[1:])])
    recommender.module.use_items(codes, items)
    return bench.evaluate(recommender, name=f"zero-shot-{run.system}")


def _tokenizer(run: Run, item: Any) -> FSQ:
    """The FSQ of a run, fitted again: it is determined by the vectors and the seed. UserError if it gives the run's
    items other codes than its network holds."""
    source, levels = run.bench(), run.info["settings"]["levels"]
    vectors = source.vectors(KIND)
    tokenizer = FSQ(levels=levels, size=default_size(source.dataset.n_items), seed=source.seed).fit(vectors[1:])
    found = tokenizer.encode(vectors[1:]) + np.array(item.starts)
    if tokenizer.sizes != item.sizes or not np.array_equal(found, item.rows[1:].cpu().numpy()):
        raise UserError(f"{run.label}: FSQ fitted again gives its items other codes, as it may on another machine; "
                        "train the run again here", code=3)  # fmt: skip
    return tokenizer


def zero_shot_table(run: Run, bench: Any) -> pd.DataFrame:
    """NDCG@10 of `zero_shot` and of three rows that stand for what it must beat, best first.

    They are popularity in the bench's train; the items whose text is nearest to the last item's; and the items of the
    history, last first. Columns: ndcg@10 of all test cases, "ndcg@10 new items" of those whose targets are not in the
    history, and the numbers of both. UserError as `zero_shot`.
    """
    split, vectors = bench.split, bench.vectors(KIND)
    rows = [
        zero_shot(run, bench), bench.fit("popularity"),
        bench.evaluate(lambda histories: nearest_text(vectors, histories), name="nearest-text"),
        bench.evaluate(lambda histories: again(split.n_items, histories), name="last-items-again"),
    ]  # fmt: skip
    new = ~np.isin(np.arange(len(split.test.histories)), split.test.rows()[split.test.in_history()])
    table = []
    for each in rows:
        values = each.per_case(METRIC)
        of_new = values[new].mean() if new.any() else np.nan
        table.append({"model": each.label, METRIC: values.mean(), f"{METRIC} new items": of_new, "cases": len(new),
                      "new cases": int(new.sum())})  # fmt: skip
    return pd.DataFrame(table).set_index("model").sort_values(METRIC, ascending=False, kind="stable")


def nearest_text(vectors: np.ndarray, histories: Histories) -> np.ndarray:
    """(B, I+1) cosine of every item's vector (I+1, D) with that of the last item, which itself comes last."""
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    last = histories.padded(1)[:, 0]
    scores = units[last] @ units.T
    scores[np.arange(len(last)), last] = -2
    return scores


def again(n_items: int, histories: Histories) -> np.ndarray:
    """(B, I+1) the place in its history where an item was last, from 1; 0 for any other item."""
    scores = np.zeros((len(histories), n_items + 1))
    rows = histories.rows()
    np.maximum.at(scores, (rows, histories.items), np.arange(len(rows)) - histories.offsets[rows] + 1)
    return scores
