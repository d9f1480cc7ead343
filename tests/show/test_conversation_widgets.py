"""A conversation by turns: the simulated user's, and a game whose answers are those of the buttons."""
from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from workbench.envs.conversation import YES
from workbench.errors import UserError
from workbench.show import explore_conversation
from workbench.show.widgets.policies.conversation import _widgets
from workbench.train import PROFILES


@pytest.fixture(scope="module")
def bench():
    return wb.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 200})


@pytest.fixture(scope="module")
def conversations(bench):
    return bench.conversations(bench.fit("greatest_entropy"))


def test_the_simulated_conversation_is_the_evaluated_one(bench, conversations):
    run = bench.fit("greatest_entropy")
    for user in conversations.users(5):
        frame, episode = conversations.simulated(user), conversations.episode(user)
        assert len(frame) == run.per_case("turns")[episode] or not run.per_case("success@15")[episode]
        assert frame["candidates left"].is_monotonic_decreasing and frame["the policy"].str.len().min() > 5
        if run.per_case("success@15")[episode]:
            assert frame["the user"].iloc[-1] == "I take it" and frame.attrs["target"] in frame["the policy"].iloc[-1]


def test_a_game_with_the_simulated_user_s_answers_is_the_same_conversation(conversations):
    user = conversations.users(1)[0]
    frame, game = conversations.simulated(user), conversations.game(user)
    words = {"yes": "yes", "no": "no", "I take it": "yes", "none of these": "no"}
    for said in frame["the user"]:
        game.answer(words[said])
    assert game.over and game.transcript.equals(frame) and game.said == "you took it"
    with pytest.raises(UserError, match="over; begin another"):
        game.answer("yes")


def test_answers_rule_items_out(conversations):
    game = conversations.game(conversations.users(1)[0])
    start = game.observation.candidates.sum()
    assert game.asks and game.said.startswith("Is it ")
    attribute = game.action[0, 0] - 1
    game.answer("no answer")
    assert game.observation.candidates.sum() == start and game.observation.asked[0, attribute]
    attribute = game.action[0, 0] - 1
    game.answer("yes")
    assert conversations.world.has[attribute][game.observation.candidates[0]].all()
    assert game.observation.outcome[0] == YES and game.observation.known[0, attribute] == 1
    with pytest.raises(UserError, match="unknown answer 'maybe'"):
        game.answer("maybe")
    while not game.over:
        game.answer("no")
    assert game.said in ("patience has ended", "no item fits all that you said") and len(game.transcript) <= 15


def test_the_buttons_play_and_the_menu_begins_anew(conversations):
    users = conversations.users(3)
    assert "has this in mind" in explore_conversation(conversations, users[0]).caption
    menu, yes, no, silent, anew, area, simulated = _widgets(conversations, users[0], 3).children
    start = area.value
    assert "Is it" in start
    no.click()
    assert area.value != start
    anew.click()
    assert area.value == start
    for _ in range(20):
        silent.click()
    for _ in range(20):
        yes.click()
    assert "you took it" in area.value or "patience has ended" in area.value or "no item fits" in area.value
    menu.value = users[1]
    assert "you took it" not in area.value and conversations.simulated(users[1]).attrs["target"] in simulated.value


def test_attributes_are_those_of_greatest_entropy(conversations):
    frame = conversations.attributes
    assert frame["bits"].is_monotonic_decreasing and frame["bits"].between(0, 1).all()
    first = conversations.game(conversations.users(1)[0]).said.removeprefix("Is it ").removesuffix("?")
    assert np.isclose(frame["bits"].iloc[0], frame.loc[first, "bits"], atol=0.05)


def test_other_runs_and_users_without_a_conversation(bench, conversations):
    with pytest.raises(UserError, match="holds no conversations"):
        bench.conversations(bench.fit("popularity"))
    with pytest.raises(UserError, match="has no conversation"):
        conversations.simulated(10**6)


@pytest.fixture(scope="module")
def critiqued(bench):
    return bench.conversations(bench.fit("bot_play", learnt=False))


def test_a_policy_that_hears_critiques_is_played_with_what_is_wrong(critiqued):
    """Words of the simulated user said by a person give the same conversation, and no other one disturbs it."""
    user = critiqued.users(1)[0]
    frame, game, other = critiqued.simulated(user), critiqued.game(user), critiqued.game(user)
    assert frame["the user"].str.contains("none of these: not ").any() and not game.asks
    for said in frame["the user"]:
        word, _, wrong = said.partition(": not ")
        assert set(filter(None, wrong.split(", "))) <= set(game.faults)
        game.answer({"I take it": "yes", "none of these": "no"}[word], wrong.split(", ") if wrong else [])
        if not other.over:
            other.answer("no")
    assert game.over and game.transcript.equals(frame)
    assert other.rows[1][0] != game.rows[1][0], "what is wrong changes the next list"


def test_faults_are_of_the_list_and_few(critiqued, conversations):
    game = critiqued.game(critiqued.users(1)[0])
    has, items = critiqued.inner.has, game.action[0, 1:]
    assert game.faults and all(has[critiqued.names.index(name), items].any() for name in game.faults)
    missing = next(name for name in critiqued.names if name not in game.faults)
    with pytest.raises(UserError, match="fault of this list"):
        game.answer("no", missing)
    with pytest.raises(UserError, match="4 faults; at most 3"):
        game.answer("no", game.faults[:4])
    with pytest.raises(UserError, match="fault of this list"):
        game.answer("yes", game.faults[:1])
    assert not game.rows, "a wrong answer is no turn"
    asking = conversations.game(conversations.users(1)[0])
    assert asking.faults == []


def test_the_menu_of_faults_names_them(critiqued):
    menu, faults, yes, no, silent, anew, area, simulated = _widgets(critiqued, critiqued.users(1)[0], 2).children
    chosen = faults.options[1]
    faults.value = chosen
    no.click()
    assert f"none of these: not {chosen}" in area.value.replace("&#x27;", "'") and faults.value == faults.options[0]
