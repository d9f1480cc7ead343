"""SCPR: questions that divide the candidates, the walk and the weights by hand, the learned choice, the placebo."""

import numpy as np
import pytest
from small_policies import HAS, measured, observe, small_bench

from workbench.envs.conversation import REJECTED, YES
from workbench.envs.streams import uniform
from workbench.errors import UserError
from workbench.recommenders.conversation.asking import actions, best_items, unasked
from workbench.recommenders.conversation.outcome_states import OutcomeStates
from workbench.recommenders.conversation.weighted_asking import Asking, neighbours, rewired_attributes, score_weights


def left_after(world, ask, *, turns=3):
    """(turns,) the mean share of the candidates that is left after each question."""
    observation, shares = world.reset(np.arange(200), seed=0), []
    for turn in range(turns):
        before = observation.candidates.sum(axis=1)
        attribute = ask(observation, turn)
        observation, *_ = world.step(actions(np.ones(200, bool), attribute, np.zeros((200, world.k), int)))
        shares.append((observation.candidates.sum(axis=1) / before).mean())
    return np.array(shares)


def test_a_question_divides_the_candidates_better_than_a_random_one():
    policy = small_bench().build("scpr")
    world, asking = policy.world("test"), policy.view.asking

    def at_random(observation, turn):
        chance = uniform(0, "random", turn, observation.episodes, world.has.shape[0])
        return unasked(observation, chance).argmax(axis=1)

    chosen = left_after(world, lambda observation, turn: asking.gains(observation).argmax(axis=1))
    assert (chosen < 0.65).all(), "0.5 is what a question with even odds leaves"
    assert (left_after(world, at_random) > chosen + 0.2).all()


def test_weights_by_hand():
    weights = score_weights(observe([2, 3, 5]))[0]
    scores = np.array([2, 3, 5.0])
    standard = (scores - scores.mean()) / scores.std()
    np.testing.assert_allclose(weights[[2, 3, 5]], 1 / (1 + np.exp(-standard)), rtol=1e-6)
    flat = score_weights(observe([2, 3], scores=(0, 1, 7, 7, 1, 1)))[0]
    assert flat[2] == flat[3] == 0.5, "equal scores weigh alike"


def test_what_is_asked_by_hand():
    """Of candidates 2, 3, 5 one has the second attribute and one the third; item 5 with both is the likely one."""
    alike = Asking(HAS, walk=False, weighted=False).gains(observe([1, 2, 3, 5]))[0]
    assert alike == pytest.approx([0.8113, 0.8113, 1.0], abs=1e-4) and alike.argmax() == 2
    weighted = Asking(HAS, walk=False, weighted=True).gains(observe([2, 3, 5], scores=(0, 0, 0, 0, 0, 9)))[0]
    w = score_weights(observe([2, 3, 5], scores=(0, 0, 0, 0, 0, 9)))[0]
    p = np.array([w[2] + w[5], w[3] + w[5], w[3] + w[5]]) / w[[2, 3, 5]].sum()
    assert weighted == pytest.approx(-p * np.log2(p) - (1 - p) * np.log2(1 - p), abs=1e-5)
    assert weighted[0] != pytest.approx(alike[0], abs=0.03)


def test_neighbours_by_hand():
    """Of candidates 1 and 4, the one with the first attribute has the second one, and not the third."""
    seen = observe([1, 4])
    assert neighbours(seen, HAS, np.array([0])).tolist() == [[True, True, False]]
    assert neighbours(seen, HAS, np.array([2])).tolist() == [[False, False, True]]
    assert neighbours(seen, HAS, np.array([-1])).all()
    asking = Asking(HAS, weighted=False)
    asking.gains(observe([1, 2, 3, 4]))
    after = asking.gains(observe([1, 4], turn=2, known=(1, 0, 0), outcome=YES))[0]
    assert np.isfinite(after).tolist() == [False, True, False], "asked already; a neighbour; none"
    later = asking.gains(observe([1, 4], turn=3, known=(1, -1, 0)))[0]
    assert np.isfinite(later).tolist() == [False, False, False], "a no leaves it where it is"
    anew = asking.gains(observe([1, 4]))[0]
    assert np.isfinite(anew).all(), "a new conversation"


def test_the_state_is_what_happened_turn_by_turn():
    view = OutcomeStates(Asking(HAS), k=2, patience=4)
    view.start(observe([1, 2, 3, 5]))
    first = view.state(observe([1, 2, 3, 5]))
    assert first["outcomes"].tolist() == [[0, 0, 0, 0]] and first["count"].tolist() == [4] and first["may_ask"].all()
    view.state(observe([1, 2, 5], turn=2, known=(1, 0, 0), outcome=YES))
    third = view.state(observe([2], turn=3, known=(1, 0, 0), outcome=REJECTED))
    assert third["outcomes"].tolist() == [[YES, REJECTED, 0, 0]] and not third["may_ask"].any(), "nothing divides one"
    last = view.state(observe([1, 2, 5], turn=4, known=(1, 0, 0), outcome=REJECTED))
    assert not last["may_ask"].any(), "at the last turn an answer comes too late"
    assert view.actions(np.array([0])).tolist() == [[0, 5, 2]] and view.actions(np.array([1]))[0, 1:].tolist() == [0, 0]


def test_the_walk_leaves_out_nothing_that_divides_the_candidates():
    parent = measured("greatest_entropy")
    walks = measured("scpr", weighted=False, learnt=False)
    assert all(np.array_equal(parent[name], walks[name]) for name in parent)
    misled = measured("scpr", weighted=False, learnt=False, rewired=True)
    assert misled["turns"].mean() > parent["turns"].mean() + 0.5


@pytest.mark.slow
def test_the_learned_choice_is_better_than_the_rule_and_than_the_placebo():
    learnt, rule, placebo = measured("scpr"), measured("greatest_entropy"), measured("scpr", rewired=True)
    assert learnt["return"].mean() > rule["return"].mean() + 0.01
    assert learnt["turns"].mean() < rule["turns"].mean()
    assert measured("always_recommend")["return"].mean() < placebo["return"].mean() < learnt["return"].mean()


def test_the_placebo_has_the_degrees_of_the_graph_and_the_user_answers_by_the_true_one():
    rewired, plain = small_bench().build("scpr", rewired=True), small_bench().build("scpr")
    true, other = plain.view.asking.matrix, rewired.view.asking.matrix
    for axis in (0, 1):
        assert np.array_equal(true.sum(axis=axis), other.sum(axis=axis))
    assert other.max() == 1 and (true.multiply(other)).sum() < 0.6 * true.sum()
    assert np.array_equal(rewired.world("test").has, plain.world("test").has)
    again = rewired_attributes(true, small_bench().rng("rewired"))
    assert (again != other).nnz == 0


def test_a_list_is_the_best_candidates():
    assert best_items(observe([1, 2, 5]), 2).tolist() == [[5, 2]]
    with pytest.raises(UserError, match="width=0"):
        small_bench().build("scpr", width=0)
