"""DGVAE: without its parts it is Mult-VAE; shares, smoothed rows, words and their placebo, the table of prototypes."""
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from toys import make_histories

import workbench as wb
from workbench import systems
from workbench.data import assemble, protocol_for, split
from workbench.embed.knn_graph import item_knn_graph
from workbench.embed.words import item_words, words_of_rows
from workbench.errors import UserError
from workbench.recommenders.rows.prototype_table import Described, agreement, side_by_side
from workbench.recommenders.rows.user_rows import distinct_items, item_bag
from workbench.systems.multimodal import dgvae
from workbench.train import Recipe, named_rng, seeded_torch
from workbench.train.fit import TrainingSession

SIZES = {"width": 16, "latent": 8}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench():
    options = {"users": 200, "items": 120}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.fixture(scope="module")
def model(bench):
    return bench.fit("dgvae", epochs=3, **SIZES).recommender()


def test_nothing_of_it_is_the_parent(bench):
    off, parent = bench.fit("dgvae", epochs=3, **dgvae.OFF, **SIZES), bench.fit("multivae", epochs=3, **SIZES)
    histories = bench.split.test.histories
    assert np.array_equal(off.recommender().score(histories), parent.recommender().score(histories))
    assert [row["loss"] for row in off.curve] == [row["loss"] for row in parent.curve]


@pytest.mark.parametrize("part", [{"prototypes": 2}, {"words": 0.1}, {"neighbours": 3}])
def test_each_part_alone_changes_the_parent(bench, part):
    found = bench.build("dgvae", **dgvae.OFF | part, **SIZES)
    histories = bench.split.test.histories.take(range(4))
    assert not np.allclose(found.score(histories), bench.build("multivae", **SIZES).score(histories))


def test_shares_add_up_to_1_and_are_hard_where_tau_is_small(model):
    net = model.module
    try:
        for side in (net.items, net.words):
            shares = net.log_shares(side).exp()[1:]
            assert torch.allclose(shares.sum(1), torch.ones(len(shares)), atol=1e-5) and shares.amax(1).mean() < 0.95
            net.tau = 1e-5
            assert (net.log_shares(side).exp()[1:].amax(1) > 0.999).float().mean() > 0.99
            assert torch.equal(net.log_shares(side)[1:].argmax(1), shares.argmax(1)), "the nearest prototype has all"
            net.tau = 0.1
    finally:
        net.tau = 0.1


def test_a_smoothed_row_goes_two_hops_to_neighbours(bench):
    """With neighbours the encoder reads (x + x A A) / 2, A the mean over an item and its neighbours."""
    changes = dgvae.OFF | {"neighbours": 4} | SIZES
    net = bench.build("dgvae", **changes).module.eval()
    rows = distinct_items(bench.split.train).take(range(6))
    bag = item_bag(rows, CPU)
    x = torch.zeros(6, bench.split.n_items + 1).index_put((bag.rows(), bag.ids), bag.weights)
    near = torch.from_numpy(item_knn_graph(bench.vectors("text"), 4).sign().toarray())
    near += torch.eye(bench.split.n_items + 1)
    mean = near / near.sum(1, keepdim=True)
    hidden = (((x + x @ mean @ mean) / 2) @ net.items.encoder.table.weight + net.items.encoder.shift).tanh()
    assert torch.allclose(net(bag, None).items, net.items.logits(net.items.encoder.mean(hidden)), atol=1e-5)


def words_read(bench, monkeypatch, rows, **changes):
    """The table (I+1, F+1) that words are read from, and the words (B, F+1) of rows."""
    model, calls = bench.build("dgvae", **changes, **SIZES), []

    def spy(items, table):
        calls.append((table.toarray(), words_of_rows(items, table)))
        return calls[-1][1]

    monkeypatch.setattr(dgvae, "words_of_rows", spy)
    model.score(rows)
    return model.module, calls[0][0], calls[0][1].toarray()


def test_a_user_has_the_words_of_the_items(bench, monkeypatch):
    rows = make_histories([5, 9, 5, 2], [], [7])
    _, table, words = words_read(bench, monkeypatch, rows)
    assert np.array_equal(table, item_words(bench.dataset)[0].toarray())
    together = table[[2, 5, 9]].sum(0)
    assert np.allclose(words, [together / np.linalg.norm(together), 0 * together, table[7]], atol=1e-6)


def test_the_placebo_gives_items_the_texts_and_neighbours_of_others(bench, monkeypatch):
    rows = make_histories([3])
    plain, own, _ = words_read(bench, monkeypatch, rows)
    moved, others, _ = words_read(bench, monkeypatch, rows, **dgvae.PLACEBO)
    order = np.concatenate([[0], bench.rng("permuted texts").permutation(len(own) - 1) + 1])
    assert np.array_equal(others, own[order]) and not np.array_equal(others, own)
    dense = [torch.zeros(net.edges.shape).index_put((net.edges.row.long(), net.edges.column.long()), net.edges.values)
             for net in (plain, moved)]  # fmt: skip
    assert torch.allclose(dense[1], dense[0][order][:, order]), "texts and neighbours move together"
    names = [[(name, p.shape) for name, p in net.named_parameters()] for net in (plain, moved)]
    assert names[0] == names[1]


def test_each_term_of_the_loss_has_its_weight(bench):
    """The loss is linear in the weights of words and of the alignment, and the words' part has a likelihood."""

    def loss(**changes):
        model = bench.build("dgvae", **SIZES | {"dropout": 0.0} | changes)
        return model.loss(model.module, distinct_items(bench.split.train).take(range(8)), 0, 1.0).item()

    base, words, align = loss(align=0.0), loss(align=0.0, words=0.4), loss(align=0.6)
    assert loss(align=0.6, words=0.4) == pytest.approx(words + align - base, rel=1e-4)
    assert words - base > 0.2 and 0 < align - base < 0.6 * 4


def test_top_words_stand_beside_top_items(bench, model):
    table = dgvae.prototype_table(model, bench, top=3)
    assert table.columns.tolist() == ["prototype", "rank", "word", "word_share", "item", "item_share"]
    assert table["prototype"].tolist() == [k for k in (1, 2, 3, 4) for _ in range(3)]
    words, net = item_words(bench.dataset), model.module
    counts = bench.split.train_counts()
    shares = net.log_shares(net.words).exp().detach().numpy()
    events = [counts[words[0][:, column].nonzero()[0]].sum() for column in range(words[0].shape[1])]
    known = [i for i in range(1, len(events)) if events[i] >= 10]
    for k in range(4):
        best = sorted(known, key=lambda i: -shares[i, k])[:3]
        assert table["word"][3 * k : 3 * k + 3].tolist() == [words[1][i] for i in best]
        assert np.allclose(table["word_share"][3 * k : 3 * k + 3], shares[best, k])
    titles = set(bench.dataset.items["title"])
    assert set(table["item"]) <= titles | {""}
    with pytest.raises(UserError, match="leaves nothing to describe"):
        dgvae.prototype_table(bench.build("dgvae", **dgvae.OFF, **SIZES), bench)


def planted(seed=0):
    """A bench of four kinds of items with words of their own; a user has items of two kinds."""
    kinds = (["red", "pen", "ink", "paper"], ["dog", "leash", "bone", "collar"], ["tea", "cup", "kettle", "spoon"],
             ["bike", "wheel", "chain", "pedal"])  # fmt: skip
    rng = np.random.default_rng(0)
    titles = [" ".join(rng.choice(kinds[item % 4], 2, replace=False)) for item in range(40)]
    of_kind = [np.arange(kind, 40, 4) for kind in range(4)]
    liked = [rng.choice(of_kind[kind], 5, replace=False) for _ in range(200) for kind in rng.permutation(4)[:2]]
    events = pd.DataFrame({"user": np.repeat(np.arange(200), 10), "item": np.concatenate(liked)})
    dataset = assemble("planted", events, items=pd.DataFrame({"raw_id": range(40), "title": titles}), order="sequence")
    cut = split(dataset, protocol_for(dataset, split="ratio"))
    return SimpleNamespace(seed=seed, dataset=dataset, split=cut, rng=partial(named_rng, seed),
                           init=lambda name="init": seeded_torch(seed, name))  # fmt: skip


def test_prototypes_find_what_items_and_their_words_have_in_common():
    found, bench = {}, planted()
    for permuted in (False, True):
        settings = {"words": 1.0, "neighbours": 0, "beta": 0.2, "width": 32, "latent": 16}
        model = systems.build("dgvae", bench, permuted=permuted, **settings)
        model.fit(bench.split, TrainingSession(Recipe(epochs=40, batch_size=64, lr=0.02), bench.seed))
        net = model.module
        words, items = (net.log_shares(side).exp().detach().numpy() for side in (net.words, net.items))
        found[permuted], chance = agreement(words, items, item_words(bench.dataset)[0])
        assert chance < 0.4
    assert found[False] > 0.45 and found[False] > found[True] + 0.15, "not with the texts of other items"


def test_a_description_by_hand():
    items = Described(np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 10, 12, 9]), "_abc")
    words = Described(np.array([[0.5, 0.5], [0.3, 0.7]]), np.array([99, 10]), ["", "red"])
    table = side_by_side(words, items, top=2)
    assert table["item"].tolist() == ["a", "b", "b", "a"] and table["item_share"].tolist() == [0.9, 0.2, 0.8, 0.1]
    assert table["word"].tolist() == ["red", "", "red", ""] and table["word_share"].isna().tolist() == [False, True] * 2
    assert table["rank"].tolist() == [1, 2, 1, 2]


def test_agreement_of_words_and_items_by_hand():
    words, items = np.array([[0.5, 0.5], [1, 0], [0, 1]]), np.array([[0.5, 0.5], [1, 0], [0, 1], [0.2, 0.8]])
    table = csr_matrix(np.array([[0, 0, 0], [0, 1, 0], [0, 1, 3], [0, 0, 0]], float))  # the last item has no words
    assert agreement(words, items, table) == pytest.approx(((1 + 0.75) / 2, 0.625 * 0.5 + 0.375 * 0.5))
    permuted = csr_matrix(np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0]], float))
    assert agreement(words, items, permuted) == pytest.approx((0.0, 0.5))


@pytest.mark.parametrize("changes", [
    {"prototypes": 0}, {"words": -0.1}, {"align": -0.1}, {"neighbours": -1}, {"tau": 0.0}, {"latent": 0},
    {"words": 0.0}, {"prototypes": 1}, {"align": float("nan")},
])  # fmt: skip
def test_settings_out_of_range_are_refused(bench, changes):
    with pytest.raises(UserError, match="dgvae"):
        bench.build("dgvae", **changes)
