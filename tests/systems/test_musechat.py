"""What a remark on the last suggestion buys, and what is said."""
import numpy as np
import pytest
import torch
from small_clips import bench, fitted, measured, recall
from tiny_lm import save_tiny_model

from workbench.errors import UserError
from workbench.recommenders.music.reasons import conversation


def test_turn_two_is_above_turn_one_and_shuffled_remarks_remove_the_gain():
    first, second = (recall(query, "musechat") for query in ("video", "remarked"))
    assert second > first + 0.2
    placebo = [recall(query, "musechat", remarks="shuffled") for query in ("video", "remarked")]
    assert placebo[1] < placebo[0] + 0.05 and placebo[1] < second - 0.2


def test_the_query_holds_the_suggestion():
    """The same remark about another suggestion gives another query; before a suggestion there is none in it."""
    policy = fitted("musechat")
    world = policy.world("test")
    first = world.reset(np.arange(40), seed=0)
    policy.start(first)
    assert not policy.more(first).any()
    second = world.step(policy.act(first))[0]
    third = world.step(policy.act(second))[0]
    assert torch.equal(policy.more(third)[~third.said], torch.zeros_like(policy.more(third))[~third.said])
    elsewhere = third._replace(offered=np.roll(world.clips, 1)[:40])
    assert third.said.any() and not np.allclose(policy.act(third)[third.said], policy.act(elsewhere)[third.said])


def test_what_was_offered_and_is_wanted_is_not_remarked_on():
    policy = fitted("musechat")
    world, found = policy.world("test"), measured("musechat")
    taken = found["rank video"] == 1
    said = [world.remark(world.clips[[row]], world.clips[[row]]).any() for row in np.flatnonzero(taken)]
    assert taken.any() and not any(said)


def test_a_conversation_in_words():
    table = conversation(fitted("musechat"), np.arange(30))
    found = measured("musechat")
    assert table["rank, turn 1"].tolist() == found["rank video"][:30].tolist()
    assert table["rank, turn 2"].tolist() == found["rank remarked"][:30].tolist()
    assert (table["first"] == table["wanted"]).tolist() == (table["rank, turn 1"] == 1).tolist()
    asked = table[table["remark"] != "This is it."]
    assert asked["remark"].str.fullmatch(r"More \w+( and \w+)?, please\.").all()
    assert asked["reason"].str.contains("this has").mean() > 0.5, "most wishes are met"


def test_a_local_model_words_the_reasons_and_changes_nothing_else(tmp_path):
    pytest.importorskip("transformers", reason="the extra llm is not installed")
    folder = str(save_tiny_model(tmp_path / "model"))
    told, plain = (conversation(fitted("musechat"), np.arange(3), model=model) for model in (folder, ""))
    assert not told["reason"].equals(plain["reason"])
    assert told.drop(columns="reason").equals(plain.drop(columns="reason"))


@pytest.mark.parametrize("changes, message", [
    ({"weight": -1.0}, "musechat: weight=-1.0 is 0 or more"), ({"remarks": "lack"}, "did you mean 'lacking'"),
    ({"drop": 1.0}, "at drop=1 no text is ever read"),
])  # fmt: skip
def test_settings_out_of_range_are_one_error(changes, message):
    with pytest.raises(UserError, match=message):
        bench().build("musechat", **changes)
