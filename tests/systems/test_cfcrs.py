"""CFCRS and its parent: knowledge vectors, bags, edits by hand, kinds that stay, edit 0, and what flows are made of."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

import workbench as wb
from workbench.data.dialogues.mentions import entity_rows, read_mentions
from workbench.data.links.knowledge_graph import read_triples
from workbench.errors import UserError
from workbench.nets.dialogues.edits import learned_edits, random_edits, snapped
from workbench.nets.dialogues.entity_bag import EntityBag, item_loss, knowledge_vectors
from workbench.nets.rows.bags import Bag
from workbench.recommenders.dialogues.flow_batches import split_flows
from workbench.recommenders.dialogues.flows import FlowModel, flow_model, train_flows
from workbench.systems.conversational.cfcrs import counterfactual_flows
from workbench.train.fit import TrainingSession


@lru_cache
def bench():
    return wb.open_bench("synthetic-dialogues", profile="smoke", options={"users": 300}, protocol={"ties": "file"})


@lru_cache
def made():
    """Mentions, flows of train, their model, and a network of the bench that is slightly trained."""
    mentions = read_mentions(bench().dataset, read_triples(bench().dataset).n_entities)
    flows = train_flows(mentions, bench().split.train)
    model = flow_model(flows, mentions, bench().split.n_items, smoothing=0.2)
    return mentions, flows, model, bench().fit("cfcrs", epochs=3).recommender().module


def small(n=6, n_items=3, width=4):
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    return EntityBag(rng.standard_normal((n, width)).astype(np.float32), np.append(0, np.arange(n_items)), hidden=3)


def test_knowledge_vectors_are_near_what_is_linked():
    links = np.zeros((7, 7))
    for a, b in ((1, 4), (2, 4), (3, 5)):
        links[a, b] = links[b, a] = 1
    z = np.stack([knowledge_vectors(csr_matrix(links), 64, np.random.default_rng(seed)) for seed in range(20)])
    near = (z @ z.transpose(0, 2, 1)).mean(axis=0)
    assert near[1, 2] > 0.3 > abs(near[1, 3]) and near[1, 4] > 0.3 > abs(near[1, 5]) and not z[:, 0].any()
    assert np.allclose(np.diag(near)[1:6], 1)


def test_scores_of_a_bag_by_hand():
    module, ids = small(), torch.tensor([1, 4, 2])
    bag = Bag(ids, torch.tensor([0, 2, 3, 3]), torch.ones(3))
    z = module.knowledge
    means = torch.stack([(z[1] + z[4]) / 2, z[2], torch.zeros(4)])
    assert torch.allclose(module.mean(bag, module.vectors()), means, atol=1e-6)
    expected = 5 * (means + module.mlp(means)) @ z[:4].T + torch.tensor([0, 0, 1, 2]).add(1).log()
    assert torch.allclose(module(bag), expected, atol=1e-5)


def test_edits_raise_the_loss_and_one_step_is_its_gradient():
    module = small()
    mean, share, targets = module.knowledge[4:6].clone(), torch.tensor([1.0, 0.5]), torch.tensor([1, 3])
    table = module.vectors().detach()

    def losses(edits):
        return item_loss(module.scores(mean + share[:, None] * edits, table), targets)

    zero = torch.zeros(2, 4, requires_grad=True)
    [gradient] = torch.autograd.grad(losses(zero).sum(), zero)
    one = learned_edits(module, mean, share, targets, l2=0.1, lr=0.5, steps=1)
    assert torch.allclose(one, 0.5 * gradient, atol=1e-6)
    ten, held = (learned_edits(module, mean, share, targets, l2=l2, lr=0.1, steps=10) for l2 in (0.0, 4.0))
    assert (losses(ten) > losses(torch.zeros(2, 4))).all() and (held.norm(dim=1) < ten.norm(dim=1)).all()
    assert not learned_edits(module, mean, share, targets, l2=0.1, lr=0.5, steps=0).any()
    assert all(p.grad is None for p in module.parameters()), "the network is not changed"
    directions = torch.randn(2, 4)
    other = random_edits(ten, directions)
    assert torch.allclose(other.norm(dim=1), ten.norm(dim=1)) and not torch.allclose(other, ten)


def test_snapping_by_hand():
    table = torch.tensor([[0.0, 0], [1, 0], [2, 0], [1.9, 0], [0, 0], [1, 0]])
    kinds = torch.tensor([0, 1, 1, 2, 2, 1])
    allowed = [torch.zeros(0).long(), torch.tensor([1, 2, 5]), torch.tensor([3, 4])]
    entities = torch.tensor([1, 1, 3, 5])
    edits = torch.tensor([[0.8, 0], [0.3, 0], [-1.5, 0], [0, 0]])
    assert snapped(table, entities, edits, kinds, allowed).tolist() == [2, 1, 4, 5], "3 is nearer to the first edit"


def test_a_flow_has_what_is_mentioned_in_order_up_to_the_last_movie():
    mentions, flows, model, _ = made()
    kinds = mentions.kinds[flows]
    last = (flows > 0).sum(axis=1) - 1
    assert (kinds[np.arange(len(flows)), last] == 1).all() and (last >= 1).all()
    train = bench().split.train
    rows = entity_rows(mentions, train)
    known = entity_rows(mentions, train.without_last(1)).getnnz(axis=1)
    users = np.flatnonzero((train.lengths > 0) & (known > 0))
    assert len(users) == len(flows)
    for flow, user in list(zip(flows, users))[:40]:
        real = flow[flow > 0]
        assert len(real) == known[user] + 1
        assert real[mentions.kinds[real] == 1].tolist() == train.row(user).tolist()
        assert set(real) <= set(rows[user].indices)
    events = dict(zip(*np.unique(mentions.kinds[flows[flows > 0]], return_counts=True)))
    assert min(events.values()) > 20 and model.follows.sum() == ((flows[:, 1:] > 0).sum())


def test_shares_of_the_next_entity_by_hand():
    follows = csr_matrix(([3.0, 1.0, 2.0], ([1, 1, 1], [2, 3, 4])), shape=(5, 5))
    model = FlowModel(follows, np.array([0, 1, 1, 1, 2]), [np.zeros(0, int), np.arange(1, 4), np.array([4])], 0.2)
    shares = model.shares(np.array([1, 2]), 1, np.ones((5, 3)))
    assert np.allclose(shares, [[0.2 / 3, 0.6 + 0.2 / 3, 0.2 + 0.2 / 3], [1 / 3] * 3])
    assert np.allclose(model.shares(np.array([1]), 2, np.ones((5, 3))), 1)


def test_without_an_edit_flows_are_distributed_as_the_original_ones():
    """Edit 0 keeps the entity, so that what may follow, and with the same chance what does follow, is the same."""
    _, flows, model, module = made()
    without, held = (counterfactual_flows(module, model, flows, np.random.default_rng(3), **changes)
                     for changes in ({"l2": 0.1, "edits": "none"}, {"l2": 0.9999, "edits": "none"}))  # fmt: skip
    rng = np.random.default_rng(3)
    at = (rng.random(len(flows)) * ((flows > 0).sum(axis=1) - 1)).astype(np.int64)
    original = model.go_on(flows, at, rng.random(flows.shape), module.knowledge.numpy())
    assert np.array_equal(without, original) and np.array_equal(held, original)
    assert all(len(set(flow[flow > 0])) == (flow > 0).sum() for flow in original), "none comes twice, as in the log"
    learned = counterfactual_flows(module, model, flows, np.random.default_rng(3), l2=0.0)
    edited = learned[np.arange(len(flows)), at] != flows[np.arange(len(flows)), at]
    assert 0.1 < edited.mean() and np.array_equal(learned[~edited], original[~edited])


@pytest.mark.parametrize("edits", ["learned", "random"])
def test_kinds_stay_and_what_is_before_the_edit_stays(edits):
    mentions, flows, model, module = made()
    new = counterfactual_flows(module, model, flows, np.random.default_rng(1), l2=0.0, edits=edits)
    assert np.array_equal(mentions.kinds[new], mentions.kinds[flows]) and (new != flows).any()
    assert new[mentions.kinds[new] == 1].max() <= bench().split.n_items
    at = (np.random.default_rng(1).random(len(flows)) * ((flows > 0).sum(axis=1) - 1)).astype(np.int64)
    before = np.arange(flows.shape[1]) < at[:, None]
    assert np.array_equal(new[before], flows[before])


def test_a_weaker_regulariser_makes_larger_edits():
    _, flows, _, module = made()
    bag, targets = split_flows(flows, torch.device("cpu"), len(module.knowledge))
    mean, share = module.mean(bag, module.vectors().detach()), torch.full((len(flows),), 0.3)
    sizes = [learned_edits(module, mean, share, targets, l2=0.1 * 0.95**epoch, lr=0.5, steps=10).norm(dim=1).mean()
             for epoch in (0, 10, 40)]  # fmt: skip
    assert sizes[0] < sizes[1] < sizes[2]


def test_new_flows_are_made_for_every_epoch_and_learned_from():
    one, three = (bench().fit("cfcrs", epochs=epochs).recommender().module.flows for epochs in (1, 3))
    assert one.any() and not torch.equal(one, three)
    off = bench().fit("cfcrs", weight=0.0, epochs=1).recommender()
    assert "flows" not in off.state()


def test_a_resumed_training_has_the_flows_of_an_uninterrupted_one(tmp_path):
    settings, recipe = bench().plan("cfcrs", epochs=3)
    whole = bench().build("cfcrs", **settings)
    whole.fit(bench().split, TrainingSession(recipe, bench().seed))
    for epochs in (2, 3):
        part = bench().build("cfcrs", **settings)
        part.fit(bench().split, TrainingSession(replace(recipe, epochs=epochs), bench().seed, folder=tmp_path))
    assert all(np.array_equal(part.state()[name], value) for name, value in whole.state().items())


@pytest.mark.parametrize("changes", [{"weight": -0.1}, {"flows": 0}, {"l2": float("nan")}, {"decay": 0.0},
                                     {"smoothing": 1.5}, {"width": 0}])  # fmt: skip
def test_bad_settings(changes):
    with pytest.raises(UserError, match="cfcrs: "):
        bench().build("cfcrs", **changes)
    with pytest.raises(UserError, match="unknown edits 'lerned'; did you mean 'learned'"):
        bench().build("cfcrs", edits="lerned")


def test_knowledge_as_it_is_ranks_better():
    found = [bench().fit("entity_bag", epochs=8, rewired=rewired).metrics["ndcg@10"] for rewired in (False, True)]
    assert found[0] > found[1] + 0.02
