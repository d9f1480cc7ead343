"""Codes that learn with the recommender: gradients, limits, leaks, prefixes that survive a renewal, codes of users."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.data import Histories
from workbench.errors import UserError
from workbench.losses.code_sequences import code_cross_entropy
from workbench.recommenders.codes.joint_training import Renewal, distinct
from workbench.recommenders.codes.learned_codebooks import ITEM, USER, LearnedCodebooks, LearnedCodeTable
from workbench.systems.generative.diger import noisy_items, scaled_by_deviation
from workbench.tokens.alignment.two_views import TwoViews
from workbench.tokens.residual_quantiser import quantise
from workbench.tokens.rq_kmeans import RQKMeans
from workbench.train import PROFILES, named_rng

SMALL = {"width": 32, "layers": 1}
BUILDS = {"unigrec": {"teacher": ""}, "diger": {}, "ttds": {}}


@pytest.fixture(scope="module")
def bench():
    profile = replace(PROFILES["smoke"], epochs=2, users=None)
    return experiment.open_bench("synthetic", profile=profile, options={"users": 150, "items": 60})


def ce(model, histories):
    """The cross-entropy of the codes of histories' items, in training mode."""
    states, targets = model.module.train().teacher_forced(model.tokenize(histories)[0])
    return code_cross_entropy(*model._logits(states, targets))


def toy(items=40, levels=2, size=4, width=6, rate=1.0):
    vectors = np.random.default_rng(0).standard_normal((items + 1, width)).astype(np.float32)
    start = RQKMeans(levels=levels, size=size).fit(vectors[1:]).centroids
    return LearnedCodebooks(vectors, start, rate=rate)


@pytest.mark.parametrize("name", BUILDS)
def test_the_loss_of_the_recommender_reaches_the_codebooks(bench, name):
    model = bench.build(name, **SMALL, dropout=0.0, **BUILDS[name])
    tokenizer = model.module.code.tokenizer
    histories = bench.split.train.take(np.arange(40)).last(10)
    ce(model, histories).backward()
    assert tokenizer.moved.grad.abs().sum((1, 2)).min() > 0, "every level learns"
    tokenizer.moved.grad = None
    model.module.code.assign = lambda items, training: quantise(tokenizer.vectors[items], tokenizer.tables)  # hard
    ce(model, histories).backward()
    assert tokenizer.moved.grad is None or not tokenizer.moved.grad.any(), "hard codes carry no gradient"


def test_the_table_reads_soft_codes_at_the_last_code_alone(bench):
    model = bench.build("unigrec", **SMALL, dropout=0.0, teacher="")
    table, rows = model.module.code, model.code_buffer.read().item_rows
    assert (rows[1:, :-1, ITEM] == 0).all() and (rows[1:, -1, ITEM] == torch.arange(1, len(rows))).all()
    stream, length = rows[[3, 5, 7]][None], 3 * model.codes.levels
    model.module.eval()
    with torch.no_grad():
        before = model.module.embed(stream, length)
        table.tokenizer.vectors[5] += 1
        after = model.module.embed(stream, length)
    changed = (before != after).any(-1)[0].nonzero()[:, 0].tolist()
    assert changed == [2 * model.codes.levels], "read after the whole item; the last position is cut"


def test_at_a_low_temperature_soft_codes_are_hard():
    tokenizer = toy()
    hard = quantise(tokenizer.vectors[1:], tokenizer.tables)
    soft = tokenizer.assign(tokenizer.vectors[1:], how="soft", tau=1e-4)
    assert torch.allclose(soft.weights, hard.weights, atol=1e-5) and torch.equal(soft.codes, hard.codes)
    table = LearnedCodeTable((4, 4), 8, 40, tokenizer, lambda items, _: tokenizer.assign(
        tokenizer.vectors[items], how="soft", tau=1e-4))  # fmt: skip
    expected = sum(table.level(level)[hard.codes[:, level]] for level in range(2))
    assert torch.allclose(table.read_items(torch.arange(1, 41)), expected, atol=1e-5)


def test_noise_of_zero_is_the_straight_through_estimator(bench):
    tokenizer = toy()
    rows = tokenizer.vectors[1:]
    torch.manual_seed(0)
    plain = tokenizer.assign(rows, how="gumbel", tau=0.1)
    none = tokenizer.assign(rows, how="gumbel", tau=0.1, noise=0.0, noisy=torch.ones(40, dtype=torch.bool))
    assert torch.equal(plain.weights, none.weights)
    some = tokenizer.assign(rows, how="gumbel", tau=0.1, noise=5.0, noisy=torch.arange(40) < 20)
    assert torch.equal(some.codes[20:], plain.codes[20:]) and not torch.equal(some.codes[:20], plain.codes[:20])
    made = [bench.build("diger", **SMALL, dropout=0.0, noise=0.0, where=where) for where in ("overused", "random")]
    losses = [ce(model, bench.split.train.take(np.arange(40)).last(10)) for model in made]
    assert torch.equal(*losses), "without noise nothing is drawn"


def test_noise_goes_to_items_of_overused_codes():
    tokenizer = toy()
    tokenizer.register_buffer("share", torch.tensor([0.7, 0.1, 0.1, 0.1]))
    tokenizer.register_buffer("noisy", torch.ones(1))
    rows = tokenizer.vectors[1:]
    first = quantise(rows, tokenizer.tables[:1]).codes[:, 0]
    assert torch.equal(noisy_items(tokenizer, rows, "overused"), first == 0)
    assert tokenizer.noisy == (first == 0).float().mean() and tokenizer.share[0] < 0.7
    moved = noisy_items(tokenizer, rows, "random")
    assert moved.sum() == (first == 0).sum() and not torch.equal(moved, first == 0)


@pytest.mark.parametrize("nats", [1.2, 4.0, 9.0])
def test_the_deviation_that_is_learned_follows_the_loss(nats):
    """sigma = sqrt(L) - lambda is where the scaled loss is least."""
    holder = torch.nn.Module()
    holder.sigma = torch.nn.Parameter(torch.ones(1))
    logits = torch.tensor([[0.0, np.log(np.exp(nats) - 1)]])  # cross-entropy of class 0 is nats
    loss = scaled_by_deviation(holder)
    optimiser = torch.optim.SGD([holder.sigma], lr=0.2)
    for _ in range(600):
        optimiser.zero_grad()
        loss([logits], torch.zeros(1, 1, dtype=torch.int64), []).backward()
        optimiser.step()
    assert holder.sigma.item() == pytest.approx(np.sqrt(nats) - 1, abs=1e-3)


def test_prefixes_keep_their_embeddings_when_codes_are_renewed():
    tokenizer = toy(items=6)
    table = LearnedCodeTable((4, 4), 8, 6, tokenizer, lambda *_: None)
    first = torch.tensor([[-1, -1], [0, 0], [0, 1], [1, 0], [2, 2], [3, 3], [3, 3]])
    second = torch.tensor([[-1, -1], [0, 1], [0, 1], [1, 0], [2, 2], [3, 0], [3, 1]])

    def prefix_rows(codes):
        node = torch.full((7, 3), -1)
        node[1:, 2] = (codes[1:, 0] * 4 + codes[1:, 1]).unique(return_inverse=True)[1]
        return table.item_rows(codes, node)[:, 1, 1]

    before, weights = prefix_rows(first), table.weight.detach().clone()
    after = prefix_rows(second)
    assert before[0] == after[0] == 0 and len(set(before.tolist())) == 6 and len(set(after.tolist())) == 6
    assert after[1] == after[2] == before[2] and torch.equal(after[3:5], before[3:5]), "0-1, 1-0 and 2-2 stay"
    assert torch.equal(table.weight[after[1:5]], weights[after[1:5]])
    assert not set(after[5:].tolist()) & set(before[2:5].tolist()) and not table.weight[after[5:]].any()
    assert torch.equal(prefix_rows(second), after), "reading again changes nothing"


def test_codes_are_renewed_and_the_share_that_changed_is_told(bench):
    model = bench.build("ttds", **SMALL)
    renewal, tokenizer = model.additions.each_epoch, model.module.code.tokenizer
    start = model.codes
    renewal(1)
    assert model.codes is start, "every=2"
    renewal(2)
    assert model.codes is start and renewal.report()["codes/changed"] == 0
    assert renewal.nats["codes/before"] == renewal.nats["codes/after"] > 0
    with torch.no_grad():
        tokenizer.moved += 5 * torch.randn(tokenizer.moved.shape, generator=torch.Generator().manual_seed(0))
    renewal(4)
    report = renewal.report()
    assert report["codes/changed"] == (model.codes.codes[1:, :3] != start.codes[1:, :3]).any(1).mean() > 0.5
    assert report["codes/before"] != report["codes/after"] and model.codes.sizes == start.sizes
    assert np.array_equal(model.codes.codes[1:, :3], tokenizer.hard_codes())
    with pytest.raises(UserError, match="every=0"):
        Renewal(model, tokenizer, every=0)


def test_a_user_is_read_with_every_whole_item(bench):
    model = bench.build("ttds", **SMALL)
    train = bench.split.train
    a, b = np.flatnonzero(train.lengths >= 3)[1:3]
    rows, _ = model.tokenize(train.take(np.array([a, b])).last(3))
    assert (rows[:, :, :-1, USER] == 0).all()
    assert (rows[0, :, -1, USER] == a + 1).all() and (rows[1, :, -1, USER] == b + 1).all()
    stranger = Histories(np.array([0, 2]), np.array([3, 4], np.int32), np.array([len(train) + 7], np.int32))
    assert not model.tokenize(stranger)[0][..., USER].any(), "who is not in the log has no codes"
    codes = bench.build("ttds", **SMALL, users="shuffled").module.code.user_rows[1:]
    own = model.module.code.user_rows[1:]
    order = named_rng(bench.seed, "shuffled users").permutation(len(own))
    assert torch.equal(codes, own[order]) and not torch.equal(codes, own)


def test_two_views_that_reconstruct_each_other_can_be_told_from_each_other():
    """Items of a linear world seen twice: an item's co-occurrence is found by its text, which needs the cross terms."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((300, 5))
    views = [(factors @ rng.standard_normal((5, d)) + 0.1 * rng.standard_normal((300, d))).astype(np.float32)
             for d in (20, 12)]  # fmt: skip
    found = {}
    for cross in (True, False):
        made = TwoViews(width=8, hidden=(32,), cross=cross, steps=300).fit(*views)
        guess = made.reconstruct(0, 1)
        distance = np.square(guess[:, None] - views[1][None]).sum(2)
        found[cross] = (distance.argmin(1) == np.arange(300)).mean()
    assert found[True] > 0.6 > 0.05 > found[False]
    with pytest.raises(UserError, match="300 vectors of the first view, 299 of the second"):
        TwoViews().fit(views[0], views[1][1:])


def test_distinct_targets():
    items, first = distinct(torch.tensor([4, 2, 4, 9, 2]))
    assert items.tolist() == [2, 4, 9] and first.tolist() == [1, 0, 3]


@pytest.mark.parametrize(("name", "settings", "complaint"), [
    ("unigrec", {"tau": 0.0}, "tau=0.0 divides the distances"),
    ("unigrec", {"rate": -1.0}, "rate=-1.0"),
    ("unigrec", {"teacher": "popularity"}, "teacher=popularity has no item embeddings"),
    ("diger", {"where": "overusd"}, "did you mean 'overused'"),
    ("diger", {"noise": -0.1}, "noise=-0.1"),
    ("ttds", {"users": "on"}, "codes of users 'on'"),
    ("ttds", {"every": 0}, "every=0"),
])  # fmt: skip
def test_bad_settings_are_errors(bench, name, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        bench.build(name, **SMALL, **settings)
