"""Which slot foretells what: checked against trace, in every call a network that spells has, beside one another."""
import numpy as np
import pytest
import torch
from toys import random_rows, rows, toy, toy_net

from workbench.data import Cases
from workbench.errors import UserError
from workbench.probing.activations.hooks import Site, capture
from workbench.probing.activations.token_positions import Slots, only, standing_in
from workbench.probing.interventions import ablation, faithfulness

SITE, L = Site("blocks.0.out"), 3
HISTORIES = random_rows(30, 24, longest=7, seed=5)
CASES = Cases(HISTORIES, np.random.default_rng(5).integers(1, 25, 30).astype(np.int32))


AXIS = np.eye(16, dtype=np.float32)[3]  # not all ones: a layer norm takes those away


def pushed(amount):
    return ablation.pushed(AXIS, amount)


def watched(model, run, site=SITE):
    """(shape, levels, own) of every output of a site while run() goes on."""
    seen, slots = [], Slots(model.module.code)
    code = model.module.code.register_forward_pre_hook(slots.note)
    module = dict(model.module.named_modules())[site.path]
    hook = module.register_forward_hook(lambda m, a, x: seen.append((tuple(x.shape), *slots.foretold(x))))
    run()
    code.remove(), hook.remove()
    return seen


def test_teaching_has_the_slots_that_trace_says():
    model = toy()
    histories = HISTORIES.last(5)
    [(shape, level, own)] = watched(model, lambda: model.trace(histories))
    units = model.trace(histories)
    assert shape[:2] == units.mask.shape and np.array_equal(level.numpy()[units.mask], units.level)
    for row, n in enumerate(histories.lengths):
        stream = level[row, : L * n].tolist()
        assert stream == [0, 1, 2] * int(n), "the first item of a window is foretold too, from the start alone"
        assert not units.mask[row, :L].any(), "but nothing was read before it, so it is no unit"
        assert own[row].nonzero().ravel().tolist() == list(range(L * n - L, L * n)) if n else not own[row].any()
        assert (level[row, L * n + 1 :] == -1).all()


def test_generation_has_one_slot_a_code():
    model = toy(beam=9)
    seen = watched(model, lambda: model.recommend(HISTORIES, 4))
    assert [(*shape[:2], *np.unique(own.sum(1))) for shape, _, own in seen] == [(30, 16, 1), (30, 3, 3), (30, 9, 9)]
    (_, history, own), *steps = seen
    lengths = HISTORIES.last(5).lengths
    assert own.nonzero()[:, 1].tolist() == (L * lengths).tolist() and (history[own] == 0).all()
    assert [np.unique(level).tolist() for _, level, _ in steps] == [[1], [2]]


def test_exact_scores_read_levels_and_not_calls(monkeypatch):
    monkeypatch.setattr("workbench.decode.NODES", 5)  # a level takes several calls
    model = toy(collide=False)
    seen = watched(model, lambda: model.score(HISTORIES.take([3])))
    assert [int(level.max()) for shape, level, _ in seen[1:] if shape[1] <= 5] == [1] + [2] * (len(seen) - 2)
    assert len(seen) > 4


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("levels", [(0,), (1,), (2,), (0, 1, 2)])
def test_every_way_of_scoring_feels_the_same_edit(levels, own):
    """Taught, beamed and scored exactly, an item has one probability, whatever is edited."""
    model = toy(collide=False)
    before = model.spell_out(CASES).sum(1)
    with only(*levels, own=own)(model, SITE, pushed(3.0)):
        taught, exact = model.spell_out(CASES).sum(1), model.score(HISTORIES)
        found = model.recommend(HISTORIES, 24)
    assert np.abs(taught - before).max() > 0.01
    assert np.allclose(taught, exact[np.arange(30), CASES.targets], atol=1e-4)
    assert np.allclose(found.scores, np.take_along_axis(exact, found.items, 1), atol=1e-4)


def test_at_the_norm_that_prefill_cuts():
    model = toy(collide=False)
    for level in range(L):
        with only(level)(model, Site("norm"), pushed(2.0)):
            taught, exact = model.spell_out(CASES), model.score(HISTORIES)
        assert np.allclose(taught.sum(1), exact[np.arange(30), CASES.targets], atol=1e-4)
        moved = np.abs(taught - model.spell_out(CASES)).max(0) > 0
        assert moved.tolist() == [at == level for at in range(L)], "after the last block a slot is for its own code"


def test_all_levels_at_once_are_the_whole_site():
    model = toy()
    with standing_in(model, SITE, dict.fromkeys(range(L), pushed(1.0))):
        by_level = model.spell_out(CASES), model.recommend(HISTORIES, 9)
    with faithfulness.standing_in(model, SITE, pushed(1.0)):
        whole = model.spell_out(CASES), model.recommend(HISTORIES, 9)
    assert np.array_equal(by_level[0], whole[0]) and np.array_equal(by_level[1].items, whole[1].items)


def test_an_edit_of_nothing_is_nothing():
    model = toy()
    base = model.recommend(HISTORIES, 9), model.spell_out(CASES)
    for edit in (pushed(0.0), lambda x: x):
        with standing_in(model, SITE, dict.fromkeys(range(L), edit)):
            again = model.recommend(HISTORIES, 9), model.spell_out(CASES)
        assert all(np.array_equal(a, b) for a, b in zip(base[0], again[0])) and np.array_equal(base[1], again[1])
    with pytest.raises(ZeroDivisionError), standing_in(model, SITE, {0: lambda x: x / 0 if 1 // 0 else x}):
        model.spell_out(CASES)
    assert np.array_equal(model.spell_out(CASES), base[1]) and not model.module.code._forward_pre_hooks


def test_a_share_is_of_items_where_codes_collide():
    """Steering is counted in items: the three items of one code are three places of a list, and all three count."""
    model, row = toy(collide=True), 4
    trie, one = model.codes.trie, CASES.take(np.array([row]))
    member = trie.group == int(trie.group_size.argmax())
    place = int(member[model.recommend(one.histories, 24).items[0]].argmax())  # of the first of them, from 0
    assert member.sum() == 3 and 0 < place < 21
    for k, count in ((place, 0), (place + 1, 1), (place + 3, 3), (24, 3)):
        curve = ablation.dose(model, SITE, AXIS, [0.0], one, member, k=k, standing=only(2))
        assert curve["share"].tolist() == [count / k]
    far = ablation.dose(model, SITE, AXIS, [0.0, 9.0], CASES, member, k=24, standing=only(1))
    assert far["share"].tolist() == [0.125, 0.125], "a list of all items holds each of them once, whatever is pushed"


def test_what_cannot_be_edited_is_refused():
    model = toy()
    with pytest.raises(UserError, match="nothing passed blocks.0 while codes were read.*blocks.0.out"):
        with only(0)(model, Site("blocks.0"), pushed(1.0)):
            model.recommend(HISTORIES, 4)
    block = Site("blocks.0")
    with (
        pytest.raises(UserError, match="nothing passed blocks.0 "),
        faithfulness.standing_in(model, block, pushed(1.0)),
    ):
        model.recommend(HISTORIES, 4)
    for site in (Site("blocks.0.out", call=0), Site("code")):
        with pytest.raises(UserError, match="that every slot passes"), only(0)(model, site, pushed(1.0)):
            pass
    two, inside = toy("encoder-decoder"), Site("decoder.0.contract")
    with pytest.raises(UserError, match="not a row a slot"), only(0)(two, inside, pushed(1.0)):
        two.recommend(HISTORIES, 4)
    with pytest.raises(UserError, match="nothing to tell apart"):
        Slots(toy_net(sizes=(30,)).code)


def test_the_cache_and_the_splice_mean_the_same_slots():
    """What is captured at level l is what an edit of level l is given, the first item of each history aside."""
    model, given = toy(), []
    histories = rows([1, 2, 3], [4, 5, 6], [7, 8, 9])
    with capture(model.module, SITE) as seen:
        units = model.trace(histories)
    x = seen[SITE][0][torch.from_numpy(units.mask)]
    with standing_in(model, SITE, {1: lambda x: given.append(x) or x}):
        model.trace(histories)
    assert torch.equal(given[0].view(3, 3, -1)[:, 1:].flatten(0, 1), x[units.level == 1])
