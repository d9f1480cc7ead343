"""DynamicPO: which negatives take part, what a pair weighs, that it holds DMPO, and hits against negatives."""
import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.evaluate.sampled import evaluate_sampled
from workbench.losses.preference import dmpo
from workbench.recommenders.preference.after_training import AfterTraining, Log
from workbench.recommenders.preference.preferences import at_positions, preferences, with_negatives
from workbench.recommenders.reranked import ByScore
from workbench.recommenders.sequential import LastState
from workbench.recommenders.vector import VectorRecommender
from workbench.systems.preference.dynamic_po import boundary_negatives, pair_weights
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

PROFILE = replace(PROFILES["smoke"], epochs=4, users=None)
SMALL = {"width": 16, "layers": 1}
STILL = {"lr": 1e-12}  # so that nothing is learned: what is logged is of the start


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=PROFILE, options={"users": 100, "items": 60})


def fit(model, recipe):
    validate = lambda current: {"ndcg@10": 0.0}  # noqa: E731
    return model.fit(bench().split, TrainingSession(recipe, bench().seed, "cpu", validate))


@lru_cache
def train(**changes):
    settings, recipe = bench().plan("dynamic_po", **SMALL, **changes)
    model = bench().build("dynamic_po", **settings)
    return model, fit(model, recipe)


def scores(n: int = 30, k: int = 12) -> torch.Tensor:
    return torch.randn(n, 1 + k, generator=torch.Generator().manual_seed(0))


def test_those_that_the_policy_confuses_are_the_boundary():
    some = scores()
    some[20:, 0] = 10  # far above all negatives
    kept = boundary_negatives(some, "policy", None)
    above = some[:, 1:] >= some[:, :1]
    assert torch.equal(kept[above.any(1)], above[above.any(1)]) and above.any(1).sum() > 10
    assert kept.any(1).all() and not kept[20:].all(1).any()
    lowest = some[20:, 1:].masked_fill(~kept[20:], torch.inf).amin(1)
    assert (some[20:, 1:].masked_fill(kept[20:], -torch.inf).amax(1) < lowest).all(), "the highest ones"


def test_the_placebo_takes_as_many_of_each_row_at_random():
    some = scores()
    drawn = boundary_negatives(some, "random", torch.Generator().manual_seed(1))
    kept = boundary_negatives(some, "policy", None)
    assert torch.equal(drawn.sum(1), kept.sum(1)) and not torch.equal(drawn, kept)


def test_what_a_pair_weighs_by_hand():
    some, kept = torch.tensor([[5.0, 1.0, 4.5, 0.0]]), torch.tensor([[True, True, False]])
    first = 1 + 0.5 * math.tanh((4 - 1 - 2) / 5)
    second = 1 + 0.5 * math.tanh((0.5 - 4.5 - 2) / 5)
    assert pair_weights(some, kept)[0, :2].tolist() == pytest.approx([first, second])


def test_weights_are_finite_where_scores_are_equal_and_where_no_negative_is_easy():
    assert pair_weights(torch.zeros(1, 4), torch.ones(1, 3, dtype=torch.bool)).tolist() == [[0.5] * 3]
    every = torch.ones(30, 12, dtype=torch.bool)
    weights = pair_weights(scores(), every)
    assert ((weights >= 0.5) & (weights <= 1.5)).all() and weights.std() > 0


def test_the_nearer_to_the_chosen_item_the_less_a_pair_weighs():
    """From below, that is: above it d1 - d2 = -(|d1| + |d2|), and the weight rises again towards 1 - tanh(1) / 2."""
    some, kept = torch.tensor([[1.0, -3.0, -1.0, 0.5, 1.0, 2.0, 50.0, -4.0]]), torch.ones(1, 7, dtype=torch.bool)
    kept[0, -1] = False
    steps = pair_weights(some, kept)[0, :6].diff()
    assert (steps[:3] < 0).all() and (steps[3:] > 0).all()
    assert pair_weights(some, kept)[0, 5].item() == pytest.approx(1 - math.tanh(1) / 2, abs=0.02)


def test_weights_and_boundary_do_not_depend_on_what_normalises_scores():
    some = scores()
    kept = boundary_negatives(some, "policy", None)
    assert torch.equal(kept, boundary_negatives(some.log_softmax(1), "policy", None))
    assert torch.allclose(pair_weights(some, kept), pair_weights(some.log_softmax(1), kept), atol=1e-4)


def test_all_negatives_with_one_beta_are_dmpo():
    """The same training by the equation of DMPO alone."""
    beta, (model, curve) = 0.7, train(boundary="all", dynamic=False, beta=0.7)
    settings, recipe = bench().plan("dynamic_po", **SMALL)
    encoder = bench().build("dynamic_po", **settings).module

    def plain(policy, reference, generator):
        gains = policy - reference
        return -torch.nn.functional.logsigmoid(beta * gains[:, 0] - (beta * gains[:, 1:]).mean(1)).mean()

    own = VectorRecommender(encoder, LastState(50), preferences(plain, negatives=15, candidates=at_positions(50)))
    sizes = {name: settings[name] for name in ("width", "layers", "max_length", "dropout")}
    start = bench().teacher("sasrec", **sizes).recommender().state()
    other = AfterTraining(own, start, name="dmpo", log=Log("none"))
    assert [row["loss"] for row in fit(other, recipe)] == pytest.approx([row["loss"] for row in curve], abs=1e-6)
    assert all(np.allclose(other.state()[key], value, atol=1e-3) for key, value in model.state().items())


def test_with_one_negative_all_losses_are_the_same():
    losses = [[row["loss"] for row in train(negatives=1, dynamic=False, loss=loss, boundary=boundary)[1]]
              for loss in ("dmpo", "s_dpo") for boundary in ("policy", "all")]  # fmt: skip
    # another name is another phase, with other negatives: of one loss the boundary of one negative is that one
    assert losses[0] == losses[1] and losses[2] == losses[3]


@pytest.mark.parametrize("loss", ["dmpo", "s_dpo", "ce"])
def test_training_begins_where_sasrec_ended(loss):
    model, curve = train(loss=loss, **STILL)
    settings = bench().plan("dynamic_po", **SMALL)[0]
    sizes = {name: settings[name] for name in ("width", "layers", "max_length", "dropout")}
    sasrec = bench().teacher("sasrec", **sizes).recommender().state()
    assert all(np.allclose(model.state()[key], value, atol=1e-6) for key, value in sasrec.items())
    if loss == "dmpo":  # a policy that is its reference, without dropout
        assert curve[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)


def test_what_is_logged_and_what_is_not_claimed():
    model, curve = train()
    assert 0 < curve[-1]["preference/boundary"] < 1 and 0.5 < curve[-1]["preference/beta"] < 1.5
    assert 0 < curve[-1]["preference/hit"] < 1 and not model.likelihood and train(loss="ce", **STILL)[0].likelihood


def test_negatives_are_all_items_but_the_next_one():
    targets = torch.tensor([1, 3, 5]).repeat(200)
    candidates = with_negatives(targets, 4, 5, torch.Generator().manual_seed(0))
    assert torch.equal(candidates[:, 0], targets) and not (candidates[:, 1:] == targets[:, None]).any()
    for target in (1, 3, 5):
        drawn = candidates[targets == target, 1:].ravel().bincount(minlength=6)
        assert drawn[0] == drawn[target] == 0 and drawn[drawn > 0].min() > 150 and (drawn > 0).sum() == 4


def test_easy_negatives_get_no_gradient():
    gaps, some = scores(k=11).requires_grad_(), scores()
    kept = boundary_negatives(some, "policy", None)
    (gradient,) = torch.autograd.grad(dmpo(gaps, kept), gaps)
    assert gradient[kept].all() and not gradient[~kept].any()


@pytest.mark.parametrize("changes, message", [
    ({"negatives": -1}, "negatives=-1"), ({"beta": 0.0}, "beta=0.0"), ({"loss": "dpo"}, "loss"),
    ({"boundary": "everything"}, "boundary"), ({"width": 3}, "multiple of 2"),
])  # fmt: skip
def test_bad_settings(changes, message):
    with pytest.raises(UserError, match=message):
        bench().build("dynamic_po", **SMALL | changes)


def hit_rate(model, split) -> float:
    """The share of test cases whose target is above 19 items drawn at random."""
    return evaluate_sampled(ByScore(model), split.test, split, n=19).metric("recall@1")


def hits_by_negatives(where: experiment.Bench, counts: tuple[int, ...], **changes) -> dict:
    """Hit rate at 1 of SASRec and, by number of negatives, of DMPO, DynamicPO and the placebo."""
    arms = {
        "dmpo": {"boundary": "all", "dynamic": False}, "dynamic_po": {}, "random": {"boundary": "random"},
    }  # fmt: skip
    found = {"sasrec": hit_rate(where.fit("sasrec").recommender(), where.split)}
    for name, arm in arms.items():
        found[name] = [hit_rate(where.fit("dynamic_po", negatives=n, **arm, **changes).recommender(), where.split)
                       for n in counts]  # fmt: skip
    return found


@pytest.mark.slow
def test_hits_against_the_number_of_negatives():
    """The paper's claim is printed, not asked for: only that all arms stay able to rank."""
    where = experiment.open_bench("synthetic", profile="smoke", options={"users": 600}, device="cpu")
    found = hits_by_negatives(where, (5, 10, 20, 50))
    print(found)
    assert all(0.1 < value < 1 for arm in ("dmpo", "dynamic_po", "random") for value in found[arm])
