"""The activation store: one row per (user, position), none for padding, and correct labels."""
from dataclasses import fields

import numpy as np
import pytest
import torch
from toys import make_histories, random_histories, toy_recommender

from workbench.errors import UserError
from workbench.interfaces import Traceable
from workbench.nets.transformer import SequenceEncoder
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import record_activations, record_activations_at, split_into_chunks
from workbench.recommenders import sequential as encoders

HISTORIES = random_histories(40, 24, longest=9, seed=3)


def sequential():
    torch.manual_seed(0)
    net = SequenceEncoder(24, width=16, layers=2, heads=2, feedforward=32, max_length=4, dropout=0.2)
    return encoders.sequential(net, loss=None, max_length=4)


def test_chunks_hold_every_event_once():
    found, start = split_into_chunks(HISTORIES, 4)
    assert found.lengths.max() == 4 and found.lengths.min() >= 1
    assert sorted(np.concatenate([s + np.arange(n) for s, n in zip(start, found.lengths)])) == list(
        range(len(HISTORIES.items))
    )
    assert all(np.array_equal(found.row(i), HISTORIES.items[s : s + len(found.row(i))]) for i, s in enumerate(start))
    ends = [found.lengths[found.users == user][0] for user in HISTORIES.users[HISTORIES.lengths > 4]]
    assert set(ends) == {4}, "the most recent chunk is full"


@pytest.mark.parametrize("path", ["item", "blocks.0.out", "norm"])
def test_rows_equal_a_loop_over_chunks(path):
    model = sequential()
    found = record_activations(model, Site(path), HISTORIES)
    assert isinstance(model, Traceable) and len(found) == len(HISTORIES.items)
    assert np.array_equal(found.last, HISTORIES.items) and np.array_equal(found.user, HISTORIES.users[HISTORIES.rows()])
    at = 0
    for user in range(40):
        history, n = HISTORIES.row(user), HISTORIES.lengths[user]
        for place, item in enumerate(history):
            assert (found.position[at], found.length[at]) == (place, n)
            assert found.next[at] == (history[place + 1] if place + 1 < n else 0)
            if path == "norm":
                begin = max(0, n - 4 * (-(-(n - place) // 4)))
                seen = torch.tensor(history[begin : place + 1].astype(np.int64))[None]
                with torch.no_grad():
                    assert np.allclose(found.x[at], model.module(seen)[0, -1], atol=1e-5)
            elif path == "item":
                assert np.array_equal(found.x[at], model.module.item.weight[item].detach())
            at += 1


def test_a_decoder_has_one_row_per_code():
    model = toy_recommender()
    found = record_activations(model, Site("norm"), HISTORIES)
    events = np.maximum(split_into_chunks(HISTORIES, 5).histories.lengths - 1, 0).sum()
    assert len(found) == 3 * events and np.array_equal(found.level, np.tile([0, 1, 2], events))
    assert (found.next > 0).all()
    for at in range(0, len(found), 7):
        history, place = HISTORIES.row(int(found.user[at])), int(found.position[at])
        assert (history[place], history[place + 1]) == (found.last[at], found.next[at])
        begin = max(0, len(history) - 5 * (-(-(len(history) - place) // 5)))
        with torch.no_grad():
            states, _ = model.module.teacher_forced(
                model.tokenize(make_histories(history[begin : place + 2].tolist()))[0]
            )
        assert np.allclose(states[-1, found.level[at]], found.x[at], atol=1e-5)


@pytest.mark.parametrize("make", [sequential, toy_recommender])
def test_padding_and_batch_composition_do_not_matter(make):
    model = make()
    every = record_activations(model, Site("norm"), HISTORIES)
    alone = record_activations(model, Site("norm"), HISTORIES.take([7]))
    assert np.allclose(every.take(every.user == HISTORIES.users[7]).x, alone.x, atol=1e-5)
    assert len(alone) > 0 and model.module.training is False


@pytest.mark.parametrize("make", [sequential, toy_recommender])
def test_several_sites_in_one_pass_equal_separate_recordings(make):
    model, sites = make(), [Site("norm"), Site("blocks.1.out"), Site("blocks.0")]
    passes, trace = [], model.trace
    model.trace = lambda part: passes.append(part) or trace(part)
    together = record_activations_at(model, sites, HISTORIES, data_hash="here")
    once = len(passes)
    assert list(together) == sites
    for site in sites:
        alone = record_activations(model, site, HISTORIES, data_hash="here")
        assert all(np.array_equal(getattr(together[site], f.name), getattr(alone, f.name)) for f in fields(alone))
    assert len(passes) == 4 * once, "three sites together take as many passes as one"
    with pytest.raises(UserError, match="no site is given"):
        record_activations_at(model, [], HISTORIES)


def test_splits_are_by_user():
    found = record_activations(sequential(), Site("norm"), HISTORIES)
    parts = found.split_users((0.6, 0.2, 0.2), seed=1)
    assert sum(map(len, parts)) == len(found)
    people = [set(part.user.tolist()) for part in parts]
    assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
    assert [len(p) for p in people] == pytest.approx([0.6 * 37, 0.2 * 37, 0.2 * 37], abs=2.5)


@pytest.mark.parametrize(("site", "complaint"), [
    (Site("blocks.0.attention.heads"), "unknown site"), (Site("blocks.2"), "did you mean 'blocks.1'"),
    (Site("blocks.0.feedforward_norm", call=1), "0 calls in a pass"),
])  # fmt: skip
def test_a_wrong_site_is_an_error(site, complaint):
    with pytest.raises(UserError, match=complaint):
        record_activations(sequential(), site, HISTORIES)


def test_nan_is_an_error():
    model = sequential()
    with torch.no_grad():
        model.module.item.weight[5, 2] = float("nan")
    with pytest.raises(UserError, match="activations are NaN or infinite"):
        record_activations(model, Site("norm"), HISTORIES)


def test_an_encoder_decoder_cannot_be_recorded():
    with pytest.raises(UserError, match="architecture='decoder'"):
        record_activations(toy_recommender("encoder-decoder"), Site("norm"), HISTORIES)
