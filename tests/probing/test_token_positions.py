"""The codes that token positions predict, checked against `trace`, in every kind of call of a semantic-ID decoder."""
import numpy as np
import pytest
import torch
from toys import make_histories, random_histories, toy_net, toy_recommender

from workbench.data import Cases
from workbench.errors import UserError
from workbench.probing.activations.hooks import Site, capture
from workbench.probing.activations.token_positions import TokenPositions, only_levels, patched_levels
from workbench.probing.interventions import dose_response, faithfulness

SITE, L = Site("blocks.0.out"), 3
HISTORIES = random_histories(30, 24, longest=7, seed=5)
CASES = Cases(HISTORIES, np.random.default_rng(5).integers(1, 25, 30).astype(np.int32))


AXIS = np.eye(16, dtype=np.float32)[3]  # not all ones: a layer norm takes those away


def add(amount):
    return lambda x: x + amount * torch.from_numpy(AXIS)


def watched(model, run, site=SITE):
    """(shape, levels, target) of every output of a site during run()."""
    seen, positions = [], TokenPositions(model.module.code)
    code = model.module.code.register_forward_pre_hook(positions.record_tokens)
    module = dict(model.module.named_modules())[site.path]
    hook = module.register_forward_hook(lambda m, a, x: seen.append((tuple(x.shape), *positions.predicted_levels(x))))
    run()
    code.remove(), hook.remove()
    return seen


def test_teacher_forcing_has_the_positions_of_trace():
    model = toy_recommender()
    histories = HISTORIES.last(5)
    [(shape, level, own)] = watched(model, lambda: model.trace(histories))
    readout = model.trace(histories)
    assert shape[:2] == readout.mask.shape and np.array_equal(level.numpy()[readout.mask], readout.level)
    for row, n in enumerate(histories.lengths):
        stream = level[row, : L * n].tolist()
        assert stream == [0, 1, 2] * int(n), "the first item of a window is predicted too, from the start token"
        assert not readout.mask[row, :L].any(), "but no event was read before it, so it is no readout position"
        assert own[row].nonzero().ravel().tolist() == list(range(L * n - L, L * n)) if n else not own[row].any()
        assert (level[row, L * n + 1 :] == -1).all()


def test_generation_has_one_position_per_code():
    model = toy_recommender(beam=9)
    seen = watched(model, lambda: model.recommend(HISTORIES, 4))
    assert [(*shape[:2], *np.unique(own.sum(1))) for shape, _, own in seen] == [(30, 16, 1), (30, 3, 3), (30, 9, 9)]
    (_, history, own), *steps = seen
    lengths = HISTORIES.last(5).lengths
    assert own.nonzero()[:, 1].tolist() == (L * lengths).tolist() and (history[own] == 0).all()
    assert [np.unique(level).tolist() for _, level, _ in steps] == [[1], [2]]


def test_exact_scoring_uses_levels_and_not_calls(monkeypatch):
    monkeypatch.setattr("workbench.decode.NODE_BATCH", 5)  # a level takes several calls
    model = toy_recommender(collide=False)
    seen = watched(model, lambda: model.score(HISTORIES.take([3])))
    assert [int(level.max()) for shape, level, _ in seen[1:] if shape[1] <= 5] == [1] + [2] * (len(seen) - 2)
    assert len(seen) > 4


@pytest.mark.parametrize("target_only", [True, False])
@pytest.mark.parametrize("levels", [(0,), (1,), (2,), (0, 1, 2)])
def test_every_way_of_scoring_sees_the_same_edit(levels, target_only):
    """Teacher forcing, beam search and exact scoring agree on an item's probability under any edit."""
    model = toy_recommender(collide=False)
    before = model.code_log_probs(CASES).sum(1)
    with only_levels(*levels, target_only=target_only)(model, SITE, add(3.0)):
        forced, exact = model.code_log_probs(CASES).sum(1), model.score(HISTORIES)
        found = model.recommend(HISTORIES, 24)
    assert np.abs(forced - before).max() > 0.01
    assert np.allclose(forced, exact[np.arange(30), CASES.targets], atol=1e-4)
    assert np.allclose(found.scores, np.take_along_axis(exact, found.items, 1), atol=1e-4)


def test_the_norm_after_prefill():
    model = toy_recommender(collide=False)
    for level in range(L):
        with only_levels(level)(model, Site("norm"), add(2.0)):
            forced, exact = model.code_log_probs(CASES), model.score(HISTORIES)
        assert np.allclose(forced.sum(1), exact[np.arange(30), CASES.targets], atol=1e-4)
        moved = np.abs(forced - model.code_log_probs(CASES)).max(0) > 0
        assert moved.tolist() == [at == level for at in range(L)], "the last block affects its own code only"


def test_all_levels_at_once_equal_the_whole_site():
    model = toy_recommender()
    with patched_levels(model, SITE, dict.fromkeys(range(L), add(1.0))):
        by_level = model.code_log_probs(CASES), model.recommend(HISTORIES, 9)
    with faithfulness.patched(model, SITE, add(1.0)):
        whole = model.code_log_probs(CASES), model.recommend(HISTORIES, 9)
    assert np.array_equal(by_level[0], whole[0]) and np.array_equal(by_level[1].items, whole[1].items)


def test_a_null_edit_changes_nothing():
    model = toy_recommender()
    base = model.recommend(HISTORIES, 9), model.code_log_probs(CASES)
    for edit in (add(0.0), lambda x: x):
        with patched_levels(model, SITE, dict.fromkeys(range(L), edit)):
            again = model.recommend(HISTORIES, 9), model.code_log_probs(CASES)
        assert all(np.array_equal(a, b) for a, b in zip(base[0], again[0])) and np.array_equal(base[1], again[1])
    with pytest.raises(ZeroDivisionError), patched_levels(model, SITE, {0: lambda x: x / 0 if 1 // 0 else x}):
        model.code_log_probs(CASES)
    assert np.array_equal(model.code_log_probs(CASES), base[1]) and not model.module.code._forward_pre_hooks


def test_a_share_is_of_items_where_codes_collide():
    """The share is counted in items: the three items of one code take three ranks of a list."""
    model, row = toy_recommender(collide=True), 4
    trie, one = model.codes.trie, CASES.take(np.array([row]))
    member = trie.group == int(trie.group_size.argmax())
    place = int(member[model.recommend(one.histories, 24).items[0]].argmax())  # of the first of them, from 0
    assert member.sum() == 3 and 0 < place < 21
    for k, count in ((place, 0), (place + 1, 1), (place + 3, 3), (24, 3)):
        curve = dose_response.dose_response(model, SITE, AXIS, [0.0], one, member, k=k, patch=only_levels(2))
        assert curve["share"].tolist() == [count / k]
    far = dose_response.dose_response(model, SITE, AXIS, [0.0, 9.0], CASES, member, k=24, patch=only_levels(1))
    assert far["share"].tolist() == [0.125, 0.125], "a list of all items holds each once, under any steering"


def test_sites_that_cannot_be_edited_are_errors():
    model = toy_recommender()
    with pytest.raises(UserError, match="blocks.0 was not called while codes were decoded.*blocks.0.out"):
        with only_levels(0)(model, Site("blocks.0"), add(1.0)):
            model.recommend(HISTORIES, 4)
    block = Site("blocks.0")
    with (
        pytest.raises(UserError, match="site blocks.0 was not called by the recommender"),
        faithfulness.patched(model, block, add(1.0)),
    ):
        model.recommend(HISTORIES, 4)
    for site in (Site("blocks.0.out", call=0), Site("code")):
        with pytest.raises(UserError, match="every token position passes"), only_levels(0)(model, site, add(1.0)):
            pass
    two, inside = toy_recommender("encoder-decoder"), Site("decoder.0.contract")
    with pytest.raises(UserError, match="not one row per token position"), only_levels(0)(two, inside, add(1.0)):
        two.recommend(HISTORIES, 4)
    with pytest.raises(UserError, match="no levels to distinguish"):
        TokenPositions(toy_net(sizes=(30,)).code)


def test_the_store_and_the_edits_agree_on_positions():
    """An edit of level l gets the activations recorded at level l, except for the first item of each history."""
    model, given = toy_recommender(), []
    histories = make_histories([1, 2, 3], [4, 5, 6], [7, 8, 9])
    with capture(model.module, SITE) as seen:
        readout = model.trace(histories)
    x = seen[SITE][0][torch.from_numpy(readout.mask)]
    with patched_levels(model, SITE, {1: lambda x: given.append(x) or x}):
        model.trace(histories)
    assert torch.equal(given[0].view(3, 3, -1)[:, 1:].flatten(0, 1), x[readout.level == 1])
