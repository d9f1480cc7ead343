"""Items by their texts: no parameter of a single item, tuning on train alone, and a place for items that are new."""
import numpy as np
import pytest
import torch
from toys import make_histories, random_histories

from workbench.embed.collaborative_tuning import ResidualTower, tuned_vectors
from workbench.experiment import open_bench
from workbench.nets.sequences.text_items import ContentItems


def unit(n: int = 41, width: int = 16) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((n, width)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_equal_vectors_have_equal_embeddings_and_padding_has_none():
    vectors = unit(6, 4)
    vectors[3] = vectors[5]
    items = ContentItems(vectors, 8)
    assert torch.equal(items.weight[3], items.weight[5]) and not items.weight[0].any() and items.weight[1].any()
    assert torch.equal(items(torch.tensor([[0, 4]])), items.weight[[0, 4]][None])
    assert [name for name, _ in items.named_parameters()] == ["adapter.weight"]


def test_without_tuning_the_vectors_are_as_they_are():
    vectors = unit()
    vectors[7] = 0
    same = tuned_vectors(3 * vectors, random_histories(20, 40), epochs=0, seed=0)
    np.testing.assert_allclose(same, vectors, atol=1e-6)
    x = torch.randn(3, 16)
    assert torch.equal(ResidualTower(16)(x), x)


def test_tuning_draws_items_together_that_follow_one_another():
    rng = np.random.default_rng(1)
    pairs = [[2 * n + 1, 2 * n + 2] for n in rng.integers(0, 20, 400)]  # 1 2, 3 4, ...
    before, after = unit(), tuned_vectors(unit(), make_histories(*pairs), epochs=30, seed=0)
    odd, even = np.arange(1, 41, 2), np.arange(2, 41, 2)
    gain = []
    for each in (before, after):
        cosine = each[odd] @ each[even].T
        gain.append(np.diag(cosine).mean() - cosine[~np.eye(20, dtype=bool)].mean())
    assert gain[1] > gain[0] + 0.1


def test_tuning_reads_no_event_but_those_of_train():
    histories = random_histories(30, 40, seed=2)
    first = tuned_vectors(unit(), histories, epochs=2, seed=0)
    assert np.array_equal(first, tuned_vectors(unit(), histories, epochs=2, seed=0))
    assert not np.array_equal(first, tuned_vectors(unit(), histories.without_last(1), epochs=2, seed=0))


@pytest.fixture(scope="module")
def arrived():
    """A bench where a fifth of the items are in no train event, and which they are."""
    bench = open_bench("synthetic", profile="smoke")
    new = np.random.default_rng(0).choice(np.arange(1, bench.dataset.n_items + 1), bench.dataset.n_items // 5, False)
    return bench.variant(train=~np.isin(bench.split.train.items, new), label="new items"), new


def test_new_items_are_found_by_their_texts_and_not_by_their_ids(arrived):
    bench, new = arrived
    is_new = np.isin(bench.split.test.targets, new)
    chance = 10 / bench.dataset.n_items
    recall = {items: bench.fit("llm2rec", items=items, epochs=12, layers=1).per_case("recall@10")[is_new].mean()
              for items in ("text", "ids")}  # fmt: skip
    assert is_new.sum() > 100 and recall["text"] > 1.5 * chance
    assert recall["ids"] < chance
