"""Items and histories as words: what the order of items means, padding, typed words, and the two phases."""
import numpy as np
import pandas as pd
import pytest
import torch
from toys import make_histories

from workbench.embed.typed_words import FIELDS, typed_words, word_vectors
from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.nets.sequences.word_encoder import WordEncoder
from workbench.recommenders.sequences.refresh_then_freeze import newest_first


class Catalogue:
    """As much of a dataset as its words need."""

    name = "toys"

    def __init__(self, **columns: list):
        self.items = pd.DataFrame(columns)
        self.n_items = len(self.items)


TITLES = ["Blue pen", "red PEN, blue", "", "blue paper " + " ".join(["red"] * 20)]


def encoder(*, places: bool = True) -> WordEncoder:
    words, kinds, n = typed_words(Catalogue(title=TITLES, brand=["acme", None, "acme", "other"]))
    torch.manual_seed(0)
    sizes = {"layers": 2, "heads": 2, "feedforward": 8, "max_length": 6, "dropout": 0.3, "tau": 0.25}
    net = WordEncoder(words, kinds, word_vectors(words, n, 8), **sizes).eval()
    if not places:
        net.item_place.data[:] = 0
    return net


def test_words_of_the_same_items_begin_near_each_other():
    texts = ["red apple", "red apple", "blue stone", "blue stone", "red stone"]
    words, _, n = typed_words(Catalogue(title=texts))
    ids = {word: words[item][words[item] > 0].tolist() for item, word in ((1, "red apple"), (3, "blue stone"))}
    (red, apple), (blue, stone) = ids["red apple"], ids["blue stone"]
    vectors = word_vectors(words, n, 3)
    near = vectors @ vectors.T
    assert vectors.shape == (5, 3) and not vectors[0].any()
    assert near[red, apple] > near[red, stone] > near[red, blue] - 1e-6 and near[blue, stone] > near[blue, apple]


def test_words_have_the_kind_of_their_field_and_only_shared_ones_count():
    words, kinds, n = typed_words(Catalogue(title=TITLES, brand=["acme", None, "acme", "other"]))
    assert n == 4 and words.shape == (5, FIELDS["title"])  # blue, acme, pen, red; not paper, not other
    assert words[1].tolist()[:4] == [1, 3, 2, 0] and kinds[1].tolist()[:4] == [1, 1, 2, 0]
    assert words[3].tolist()[:2] == [2, 0] and kinds[3].tolist()[:2] == [2, 0]
    assert (words[4] == [1, *[4] * 7]).all() and not words[0].any()


def test_a_catalogue_without_shared_words():
    with pytest.raises(UserError, match="shared by two items.*office"):
        typed_words(Catalogue(title=["one", "two"]))


def test_histories_are_read_newest_first():
    rows = newest_first(make_histories([1, 2, 3, 4], [5], [], [6, 7]), 3)
    assert rows.tolist() == [[4, 3, 2], [5, 0, 0], [0, 0, 0], [7, 6, 0]]


def test_the_order_of_items_counts_by_their_places_alone():
    rows = torch.tensor([[1, 2, 4], [4, 1, 2]])
    with_places, without = encoder()(rows), encoder(places=False)(rows)
    assert torch.allclose(without[0], without[1], atol=1e-6)
    assert (with_places[0] - with_places[1]).abs().max() > 1e-3


def test_padding_changes_nothing_and_states_have_the_length_of_the_temperature():
    net = encoder()
    alone = net(torch.tensor([[2, 1]]))
    padded = net(torch.tensor([[2, 1, 0, 0], [4, 4, 4, 1]]))
    assert torch.allclose(alone[0], padded[0], atol=1e-6)
    assert torch.allclose(padded.norm(dim=1), torch.full((2,), 2.0), atol=1e-5)
    assert torch.isfinite(net(torch.tensor([[0, 0]]))).all(), "an empty history has a state too"


def test_a_refresh_encodes_every_item_as_a_history_of_one():
    net = encoder().train()
    net.refresh()
    assert net.training and not net.item.weight[0].any()
    net.eval()
    assert torch.allclose(net.item.weight[2], net(torch.tensor([[2]]))[0], atol=1e-6)
    assert "item.weight" not in dict(net.named_parameters()) and "item.weight" in net.state_dict()


def test_the_second_phase_trains_the_encoder_against_items_that_stay():
    bench = open_bench("synthetic", profile="smoke", options={"users": 60})
    settings, recipe = bench.plan("recformer", width=16, layers=1, epochs=4)
    from workbench.train.fit import TrainingSession

    recommender = bench.build("recformer", **settings)
    tables, words = [], []

    def watch(current) -> dict[str, float]:
        tables.append(current.module.item.weight.clone())
        words.append(current.module.word.weight.detach().clone())
        return {"ndcg@10": len(tables) / 10}  # each is the best so far

    recommender.fit(bench.split, TrainingSession(recipe, 0, "cpu", watch))
    assert torch.equal(tables[-1], tables[-2]) and not torch.equal(words[-1], words[-2])
    assert not torch.equal(tables[0], tables[1])


@pytest.mark.slow
def test_a_new_item_is_ranked_by_its_words():
    bench = open_bench("synthetic", profile="smoke", options={"users": 1000})
    new = np.random.default_rng(0).choice(np.arange(1, bench.dataset.n_items + 1), bench.dataset.n_items // 5, False)
    arrived = bench.variant(train=~np.isin(bench.split.train.items, new), label="new items")
    is_new = np.isin(arrived.split.test.targets, new)
    run = arrived.fit("recformer", epochs=20, layers=1, width=32)
    assert is_new.sum() > 30 and run.per_case("recall@10")[is_new].mean() > 10 / bench.dataset.n_items
