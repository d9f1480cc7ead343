"""Unlearning: modules patched and updated one by one, neurons damped, the loss of either side."""

import numpy as np
import pytest
import torch
from small_unlearning import forget, make_bench, network
from toys import make_histories, random_histories

from workbench.errors import UserError
from workbench.recommenders.unlearning.last_state import embedded, last_states, states_of
from workbench.recommenders.unlearning.sides import by_steps, case_losses, forget_loss, kept_loss, learned_cases
from workbench.recommenders.unlearning.twins import distant_twins
from workbench.recommenders.unlearning.units import (
    HEAD,
    INPUT,
    NEURONS,
    Unit,
    encoder_of,
    patched_states,
    recorded,
    replaced,
    units_of,
    weights_of,
)
from workbench.systems.unlearning import cure, u_can
from workbench.train.fit import TrainingSession


def weights(model) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in model.state().items()}


def test_patching_all_modules_recovers_the_clean_states_and_one_does_not():
    model, split = network(), make_bench().split
    clean = split.valid.histories.take(np.arange(20))
    twin = distant_twins(clean, split.train, split.n_items, np.random.default_rng(0))
    encoder = encoder_of(model, "cure", "sasrec")
    with recorded(encoder) as values:
        wanted = model.states(clean)
    units, before = units_of(encoder, chunks=3), model.states(twin)
    assert [unit.kind for unit in units] == [INPUT] + ([HEAD] * 2 + [NEURONS] * 3) * 2
    with replaced(encoder, values, units):
        assert torch.equal(model.states(twin), wanted)
    for unit in units:
        with replaced(encoder, values, [unit]):
            changed = model.states(twin)
        assert not torch.equal(changed, before)
        assert torch.equal(changed, wanted) == (unit.kind == INPUT), "all that follows from the input is clean with it"
    with replaced(encoder, values, []):
        assert torch.equal(model.states(twin), before)
    assert torch.equal(model.states(twin), before), "the hooks are gone"


@pytest.mark.parametrize("layers", [1, 3])
def test_what_is_read_last_and_patched_last_is_what_a_whole_pass_gives(layers):
    """Of histories of several lengths, one of them empty, and for every unit."""
    model, split = network(layers=layers), make_bench().split
    clean = split.valid.histories.take(np.arange(40)).where(split.valid.histories.take(np.arange(40)).rows() != 7)
    twins, encoder = distant_twins(clean, split.train, split.n_items, np.random.default_rng(0)), model.module
    assert torch.allclose(states_of(model, clean), model.reader.states(encoder, clean), atol=1e-5)
    with torch.no_grad():
        passes, last = [], embedded(model, clean)[1]
        for histories in (clean, twins):
            with recorded(encoder) as values:
                last_states(encoder, *embedded(model, histories))
            passes.append(values)
        with recorded(encoder) as whole:
            model.states(clean)
        for unit in units_of(encoder, chunks=3)[1:]:
            found = patched_states(encoder, unit, passes[1], passes[0], last)
            with replaced(encoder, whole, [unit]):
                assert torch.allclose(found, model.states(twins), atol=1e-5), unit
            assert not torch.allclose(found, model.states(twins), atol=1e-3)


def test_the_loss_of_what_stays_is_that_of_a_sasrec_bit_for_bit():
    """And so are its gradients, of which the table of items has none."""
    model, split, session = network(), make_bench().split, TrainingSession(make_bench().plan("sasrec")[1])
    kept, own = kept_loss(model, split, session), by_steps(model.objective(model.module, split, session))
    weights = [p for name, p in model.module.named_parameters() if name.startswith("blocks")]
    for step in (0, 5, 40):
        both = [torch.autograd.grad(loss(step), weights) for loss in (kept, own)]
        assert all(torch.equal(one, two) for one, two in zip(*both)) and both[0][0].abs().max() > 0
    assert torch.equal(kept(0), own(0))


def test_a_head_is_what_a_network_without_it_lacks():
    """Its values set to zero are as good as its columns of the output matrix set to zero."""
    model, cut, histories = network(), network(), random_histories(9, make_bench().split.n_items)
    encoder = encoder_of(model, "cure", "sasrec")
    with recorded(encoder) as values:
        model.states(histories)
    unit, nothing = Unit(1, HEAD, 32, 64), {place: torch.zeros_like(value) for place, value in values.items()}
    with torch.no_grad():
        cut.module.blocks[1].attention.out.weight[:, 32:64] = 0
    with replaced(encoder, nothing, [unit]):
        assert torch.allclose(model.states(histories), cut.states(histories), atol=1e-5)


def test_the_units_have_all_weights_of_a_block_once():
    encoder = network().module
    seen = {id(p): torch.zeros_like(p) for p in encoder.parameters()}
    for unit in units_of(encoder, chunks=5):
        for parameter, at in weights_of(encoder, unit):
            seen[id(parameter)][at] += 1
    own = {f"blocks.{n}.{name}" for n in range(2) for name in (
        "attention.qkv.weight", "attention.qkv.bias", "attention.out.weight", "expand.weight", "expand.bias",
        "contract.weight")}  # fmt: skip
    for name, parameter in encoder.named_parameters():
        assert (seen[id(parameter)] == float(name in own)).all(), name


def test_twins_are_far_away():
    """Two worlds whose users share nothing: the twin of an item is of the other world."""
    rng = np.random.default_rng(0)
    rows = [(rng.permutation(20) + 1 + 20 * (user % 2)).tolist() for user in range(40)]
    train = make_histories(*rows)
    twin = distant_twins(train, train, 40, rng)
    assert ((twin.items > 20) != (train.items > 20)).mean() > 0.98
    assert (twin.items >= 1).all() and (twin.items <= 40).all() and np.array_equal(twin.offsets, train.offsets)


def test_circuits_are_the_highest_effects_on_either_side():
    forgotten, kept = np.array([0.9, -0.8, 0.1, 0.0]), np.array([0.5, 0.0, 0.1, 0.7])
    assert cure.grouped(forgotten, kept, 0.5).tolist() == ["both", "forget", "neither", "rest"]


def test_shared_modules_move_against_the_rest_no_further_than_the_rest_moves_them():
    f, r = [torch.tensor([1.0, 0.0])], [torch.tensor([-2.0, 1.0])]  # product -2, size 5
    assert torch.allclose(cure.combined("both", f, r)[0], torch.tensor([1 - 0.8 - 2, 0.4 + 1]))
    conflict = cure.combined("both", f, r)[0] - r[0]
    assert torch.dot(conflict, r[0]).abs() < 1e-6, "what is left of the forgotten's gradient leaves the rest as it is"
    agreeing = [torch.tensor([2.0, 1.0])]
    assert torch.equal(cure.combined("both", f, agreeing)[0], torch.tensor([3.0, 1.0]))
    assert cure.combined("forget", f, r) is f and cure.combined("rest", f, r) is r


def test_cure_moves_the_weights_of_circuits_alone_and_the_forgotten_down_to_chance():
    before = weights(network())
    unlearner, model, rows = forget("cure", steps=4, prompts=20, circuit=0.3)
    assert {"neither"} < set(unlearner.groups.tolist()) and len(unlearner.groups) == len(unlearner.units) == 12
    moved = {name for name, value in weights(model).items() if not np.array_equal(value, before[name])}
    assert moved and not {name for name in moved if "item" in name or "position" in name or "norm" in name}
    encoder, fresh = model.module, network().module
    for unit, group in zip(unlearner.units, unlearner.groups):
        pairs = zip(weights_of(encoder, unit), weights_of(fresh, unit))
        assert any(not torch.equal(p[at], q[at]) for (p, at), (q, _) in pairs) == (group != "neither"), unit
    assert unlearner.curve[-1]["above_chance"] < unlearner.curve[0]["above_chance"]
    random, _, _ = forget("cure", steps=1, prompts=20, circuit=0.3, grouping="random")
    assert sorted(random.groups) == sorted(unlearner.groups) and list(random.groups) != list(unlearner.groups)


def test_what_is_no_more_probable_than_chance_is_left_alone():
    losses = torch.tensor([np.log(70.0) - 1, np.log(70.0) + 4], requires_grad=True)
    value = cure.above_chance(losses, 70)
    value.backward()
    assert value.item() == pytest.approx(0.5) and losses.grad.tolist() == [-0.5, 0]


def test_damping_by_hand():
    unlearner = u_can.Damping(decay=2.0, threshold=0.5, sample=9, permuted=False)
    forgotten = torch.tensor([[3.0, -1.0, 1.0]])
    kept = torch.tensor([[1.0, 1.0, -3.0]])
    weight = torch.tensor([[3.0, 0.0, 1.0], [4.0, 1.0, 0.0]])  # norms 5, 1, 1
    contrast = torch.tensor([0.5, 0.0, -0.5])  # standard deviation .5
    use = torch.tensor([5.0, 1.0, 3.0])  # norms times 1, 1, 3; median 3
    expected = torch.exp(-2 * (contrast / 0.5 - 0.5).clamp_min(0) * (1 - use / (use + 3)))
    assert torch.allclose(unlearner.scale(forgotten, kept, weight), expected)
    assert expected[0] < 1 and (expected[1:] == 1).all(), "only what responds to the forgotten is damped"


def test_no_decay_is_the_identity_and_the_placebo_has_the_same_dampings():
    before = weights(network())
    plain, damped, _ = forget("u_can")
    assert all(np.array_equal(value, before[name]) for name, value in weights(forget("u_can", decay=0.0)[1]).items())
    changed = {name for name, value in weights(damped).items() if not np.array_equal(value, before[name])}
    assert changed == {f"blocks.{n}.contract.weight" for n in range(2)}
    other, control, _ = forget("u_can", permuted=True)
    for one, two in zip(plain.scales, other.scales):
        assert torch.equal(one.sort()[0], two.sort()[0]) and not torch.equal(one, two)
        assert 0 < one.min() < 1 and one.max() == 1
    assert not np.array_equal(weights(control)["blocks.0.contract.weight"], weights(damped)["blocks.0.contract.weight"])


@pytest.mark.parametrize("base", ["sasrec", "bpr_mf", "lightgcn"])
def test_ascent_goes_up_the_loss_of_the_forgotten(base):
    unlearner, model, _ = forget("gradient_ascent", base=base, steps=6)
    assert unlearner.curve[-1]["loss"] > unlearner.curve[0]["loss"] and len(unlearner.curve) == 6
    assert not np.array_equal(model.score(make_bench().split.test.histories), network(base).score(
        make_bench().split.test.histories))  # fmt: skip
    if base != "sasrec":  # whoever is forgotten is nobody in particular any more
        users = model.module.user.weight
        assert torch.equal(users[0], users[-1]) and not torch.equal(users[-2], users[-1])


def test_training_on_brings_the_rest_down():
    bench, before = make_bench(), network()
    _, model, rows = forget("finetune_rest", epochs_more=2)
    cases = learned_cases(before, bench.split, np.setdiff1d(np.arange(len(bench.split.train.items)), rows))
    with torch.no_grad():
        assert case_losses(model, cases).mean() < case_losses(before, cases).mean()


def test_a_stored_run_stands_on_what_is_left():
    """The vocabulary of features follows from train: a base of another size is not what was evaluated."""
    bench, changes = make_bench(), {"base": "feature_retriever", "users": 0.3, "epochs": 1}
    run = bench.fit("retrain", **changes)
    again = bench.evaluate(run.recommender(), name="again")
    assert np.array_equal(again.per_case("ndcg@10"), run.per_case("ndcg@10"))
    with pytest.raises(UserError, match="without what is to be forgotten.*use retrain"):
        bench.fit("finetune_rest", **changes)


@pytest.mark.parametrize("base, changes", [("sasrec", {}), ("bpr_mf", {"bias": True}), ("desmil", {})])
def test_losses_are_of_the_scores_that_rank(base, changes):
    bench = make_bench()
    model, cases = bench.build(base, **changes), bench.split.test
    cases = cases.take(np.arange(8))
    log_p = model.scores(cases.histories)[:, 1:].log_softmax(1).numpy()
    expected = -log_p[np.arange(8), cases.targets - 1]
    assert case_losses(model, cases).detach().numpy() == pytest.approx(expected, abs=1e-5)


def test_the_loss_of_the_forgotten_is_that_of_their_events_alone():
    model, split = network(), make_bench().split
    rows, session = np.array([1, 2, int(split.train.offsets[3]) + 1]), TrainingSession(make_bench().plan("sasrec")[1])
    expected = torch.stack([model.scores(split.train.take([user]).last(99).without_last(
        int(split.train.lengths[user]) - place))[0, 1:].log_softmax(0)[split.train.row(user)[place] - 1]
        for user, place in ((0, 1), (0, 2), (3, 1))])  # fmt: skip
    found = forget_loss(model, split, rows, session)(0)
    assert found.item() == pytest.approx(-expected.mean().item(), rel=1e-5)
    with pytest.raises(UserError, match="first events of users"):
        learned_cases(model, split, split.train.offsets[:1])


@pytest.mark.parametrize("name, changes, message", [
    ("cure", {"base": "bpr_mf"}, "cure edits attention heads.*bpr_mf has not; choose one with transformer blocks"),
    ("u_can", {"base": "gru4rec"}, "u_can edits attention heads and feed-forward neurons.*gru4rec has not"),
    ("gradient_ascent", {"base": "item_knn"}, "by gradients of vectors, which item_knn has not"),
    ("finetune_rest", {"base": "popularity"}, "popularity has not"), ("cure", {"circuit": 0.0}, "0 < circuit=0.0 <= 1"),
    ("cure", {"grouping": "causl"}, "did you mean 'causal'"), ("u_can", {"decay": -1.0}, "decay=-1.0 must be 0 or"),
    ("cragru", {"candidates": "ful"}, "did you mean 'full'"), ("cragru", {"weight": 2.0}, "weight=2.0 from 0 to 1"),
    ("cragru", {"n": 200}, "n=200 must be 0 to"), ("finetune_rest", {"epochs_more": -1}, "must be 0 or more"),
    ("gradient_ascent", {"rate": 0.0}, "rate=0.0 above 0"), ("retrain", {"events": 0.1}, "forget whole users, or with"),
])  # fmt: skip
def test_a_setting_or_base_that_cannot_be_is_one_error_before_training(name, changes, message):
    with pytest.raises(UserError, match=message):
        make_bench().build(name, **changes)
