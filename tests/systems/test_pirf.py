"""What threads buy: interleaved intents are kept apart, noise suggests nothing; only train screens are learned from."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from tiny_lm import save_tiny_model

from workbench import experiment
from workbench.data import datasets
from workbench.errors import UserError
from workbench.recommenders.screens.asked_screens import AskedScreens
from workbench.recommenders.screens.assistant import ScreenAssistant
from workbench.recommenders.screens.mixed import mixed, noise_table
from workbench.recommenders.screens.threads import MemoryRules, ThreadMemory
from workbench.recommenders.screens.trajectories import trajectories


@lru_cache
def bench() -> experiment.Bench:
    return experiment.open_bench("synthetic-screens", profile="smoke", options={"users": 600})


@lru_cache
def fitted(system: str, **changes) -> ScreenAssistant:
    policy = bench().build(system, **changes)
    assert policy.fit(bench().split, None) == []
    return policy


def by_kind(system: str, **changes) -> dict:
    return fitted(system, **changes).by_kind().to_dict("index")


def test_interleaved_intents_keep_the_f1_of_clean_ones_and_one_summary_loses_some():
    threads, summary, random = by_kind("pirf"), by_kind("rolling_summary"), by_kind("pirf", route="random")
    assert threads["several"]["f1"] > threads["one"]["f1"] - 0.02 > 0.95
    assert summary["one"]["f1"] > 0.95 and summary["several"]["recall"] < threads["several"]["recall"] - 0.1
    assert random["one"]["f1"] < 0.6 and random["several"]["f1"] < 0.6


def test_noise_alone_suggests_next_to_nothing_and_every_screen_much():
    rates = [by_kind(system, **changes)["noise"]["anything_false"]
             for system, changes in (("pirf", {}), ("pirf", {"patience": 0}), ("every_screen", {}))]  # fmt: skip
    assert rates[0] <= 0.05 and rates[0] < rates[1] < rates[2] and rates[2] > 0.8


def clean_and_interleaved(system: str, **changes) -> list[set[int]]:
    """What is suggested in a trajectory of one intent, another of a second one, both interleaved among noise, and noise
    alone: built of screens of test, each as the responder reads it."""
    policy = fitted(system, **changes)
    data, noise = policy.data, "n" * 3
    rows = data.rows("test")
    label = data.evidence[rows].argmax(axis=1)
    found = []
    for pattern in ("aaaaa", "bbbbb", noise.join(["ab"] * 4), noise * 8):
        chosen = {"a": rows[label == 1], "b": rows[label == 2], "n": rows[label == 0]}
        screens = [chosen[each][step % len(chosen[each])] for step, each in enumerate(pattern)]
        policy.speaks_of = policy.responder.posterior()
        policy.memory.start(np.array([0]), len(data.names), len(screens))
        found.append({int(policy.memory.update(policy.speaks_of[[row]])[0]) for row in screens} - {0})
    return found


def test_two_threads_among_noise_are_both_suggested():
    assert clean_and_interleaved("pirf") == [{1}, {2}, {1, 2}, set()]
    summary = clean_and_interleaved("rolling_summary")
    assert summary[:2] == [{1}, {2}] and len(summary[2]) < 2 and summary[3] == set()


def test_among_half_noise_two_interleaved_intents_keep_the_f1_of_clean_ones():
    tables = {system: noise_table(fitted(system), (0.0, 0.5, 0.9)).set_index(["noise", "kind"])["f1"]
              for system in ("pirf", "rolling_summary")}  # fmt: skip
    threads, summary = tables["pirf"], tables["rolling_summary"]
    assert threads[0.5, "several"] > threads[0.0, "one"] - 0.02 > 0.95 and threads[0.5, "noise"] > 0.95
    assert summary[0.0, "one"] > 0.95 and max(summary[share, "several"] for share in (0.0, 0.5)) < 0.95
    assert threads[0.9, "several"] < threads[0.5, "several"] - 0.2, "so much noise is longer than the patience"


def test_what_is_put_together_keeps_the_evidence_and_has_the_share_of_noise():
    data = fitted("pirf").data
    clean, noisy = mixed(data, 0.0), mixed(data, 0.75)
    quiet = data.evidence[:, 0]
    for row in range(len(clean.screens)):
        one, other = (each.screens[row][each.screens[row] > 0] for each in (clean, noisy))
        if clean.wanted[row].any():
            assert not quiet[one].any() and sorted(other[~quiet[other]]) == sorted(one)
            assert quiet[other].mean() == pytest.approx(0.75, abs=0.02)
            for intent in np.flatnonzero(clean.wanted[row]):
                own = [screens[data.evidence[screens, intent]].tolist() for screens in (one, other)]
                assert own[0] == own[1] == sorted(own[0]), "in the order in which they were shown"
        else:
            assert quiet[one].all() and 20 <= len(one) <= 30
    assert (clean.wanted == noisy.wanted).all() and {*clean.kinds("test")} == {"noise", "one", "several"}
    assert {*clean.screens[clean.screens > 0]} <= {*data.rows("test")}
    with pytest.raises(UserError, match="at least 0 and below 1"):
        mixed(data, 1.0)
    with pytest.raises(UserError, match="1 intents have a trajectory of their own"):
        mixed(data._replace(wanted=np.arange(data.wanted.shape[1]) == np.ones((len(data.part), 1))), 0.5)


def test_the_table_is_learned_from_train_screens_alone():
    dataset = datasets.load("synthetic-screens", users=100)
    data = trajectories(experiment.open_bench("synthetic-screens", profile="smoke", options={"users": 100}))
    screens = dataset.tables["screens"]
    train = screens["trajectory"].isin(data.ids[data.part == 0])
    assert 0.5 < train.mean() < 0.7
    other = screens.assign(text=np.where(train, screens["text"], "utterly other words"),
                           intents=np.where(train, screens["intents"], "see a doctor"))  # fmt: skip
    changed = replace(bench(), given={"dataset": replace(dataset, tables=dataset.tables | {"screens": other})})
    state = [each.build("pirf") for each in (replace(bench(), given={"dataset": dataset}), changed)]
    for policy in state:
        policy.fit(None, None)
    first, second = (policy.state()["scores"] for policy in state)
    assert np.array_equal(first, second)


def test_a_trajectory_can_be_watched():
    table = fitted("pirf").watch(0)
    world = fitted("pirf").world("test")
    assert len(table) == (world.screens[0] > 0).sum() and set(table.columns) >= {"evidence of", "suggested", "threads"}
    wanted = set(fitted("pirf").data.names[world.wanted[0]])
    assert set(table["evidence of"]) - {""} == wanted


def test_a_local_model_can_be_asked_in_the_place_of_keywords(tmp_path):
    pytest.importorskip("transformers", reason="the extra llm is not installed")
    folder = str(save_tiny_model(tmp_path / "model"))
    policy = bench().build("pirf", model=folder)
    data = policy.data._replace(part=np.r_[np.zeros(599, np.int64), 2])  # one trajectory is asked about
    asked = AskedScreens(data, policy.responder.model)
    posterior, rows = asked.posterior(), data.rows("test")
    assert posterior.sum(axis=1) == pytest.approx(1) and posterior[rows].max() < 1
    assert (posterior[data.rows("train"), 0] == 1).all(), "train is not asked about"
    prompt = asked.prompt(data.texts[rows[0]])
    assert '"' + data.names[1] + '"' in prompt and prompt.endswith("Answer:")


def test_a_dataset_without_screens_and_settings_out_of_range_are_one_error():
    with pytest.raises(UserError, match="screens"):
        experiment.open_bench("synthetic", profile="smoke").build("pirf")
    with pytest.raises(UserError, match="need=0 are 1 or more"):
        bench().build("pirf", need=0)


def test_the_shares_of_threads_do_not_depend_on_the_number_of_places():
    rules = [ThreadMemory(MemoryRules(threads=n)) for n in (4, 9)]
    found = []
    for memory in rules:
        memory.start(np.arange(3), 4, 20)
        screens = np.random.default_rng(1).integers(0, 4, (3, 20))
        found.append([memory.update(np.eye(4)[screens[:, step]]).tolist() for step in range(20)])
    assert found[0] == found[1], "three intents never need a fourth place"
