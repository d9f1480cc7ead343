"""The memory of threads: what happens at each step, by hand; every part of the mechanism is seen at work."""
import numpy as np
import pytest

from workbench.errors import UserError
from workbench.recommenders.screens.threads import MemoryRules, NoMemory, ThreadMemory

NAMES = np.array(["", "flight", "dinner", "taxes"], object)


def run(screens: str, **rules) -> tuple[list[int], list[list[dict]]]:
    """What is suggested at each step, and the threads after it. screens: the intent that each speaks of, 0 for none."""
    memory = ThreadMemory(MemoryRules(**{"threads": 3, "need": 2, "patience": 4} | rules))
    memory.start(np.array([5]), 4, len(screens))
    said, threads = [], []
    for intent in screens:
        said.append(int(memory.update(np.eye(4)[[int(intent)]])[0]))
        threads.append(memory.table(0, NAMES))
    return said, threads


def test_interleaved_threads_gather_evidence_by_themselves():
    said, threads = run("1020120")
    assert said == [0, 0, 0, 0, 1, 2, 0]
    assert threads[3] == [{"id": 0, "description": "flight", "evidence": [0], "state": "forming"},
                          {"id": 2, "description": "dinner", "evidence": [2], "state": "forming"}]  # fmt: skip
    assert threads[-1] == [{"id": 0, "description": "flight", "evidence": [0, 4], "state": "suggested"},
                           {"id": 2, "description": "dinner", "evidence": [2, 5], "state": "suggested"}]  # fmt: skip


def test_one_summary_loses_one_of_two():
    clean, interleaved = (run(screens, threads=1)[0] for screens in ("111", "112212"))
    assert clean == [0, 1, 0]
    assert set(interleaved) == {0, 1}, "dinner never has more evidence than flight"
    assert set(run("112212")[0]) == {0, 1, 2}


def test_a_summary_that_turns_to_something_else_says_so():
    said, threads = run("1222", threads=1)
    assert said == [0, 0, 2, 0] and threads[-1][0]["evidence"] == [0, 1, 2, 3]


def test_a_summary_that_is_done_is_begun_anew():
    said, threads = run("111000010222", threads=1)
    assert said == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0] and threads[-1][0]["evidence"] == [7, 9, 10, 11]


def test_noise_suggests_nothing_as_reflection_deletes_what_it_started():
    noise = "1000020000300001"
    assert set(run(noise)[0]) == {0} and run(noise)[1][4] == [], "deleted after four steps without evidence"
    assert 1 in run(noise, patience=0)[0], "without reflection it adds up"


def test_what_was_suggested_is_done_and_not_suggested_again():
    said, threads = run("110000110")
    assert said == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert threads[5][0]["state"] == "done" and threads[-1][0]["state"] == "suggested"


def test_where_no_place_is_free_a_done_thread_gives_way_and_else_the_newest_takes_it():
    said, threads = run("110000230", threads=2)
    assert [each["description"] for each in threads[-1]] == ["dinner", "taxes"] and said[1] == 1
    merged = run("123", threads=2)[1][-1]
    assert [each["evidence"] for each in merged] == [[0], [1, 2]]


def test_threads_that_came_to_be_about_one_thing_are_merged():
    """Taxes go into the thread of dinner, as no place is free; when that is about taxes, and flight is dropped, a new
    thread of dinner turns into one too."""
    threads = run("12333", threads=2, patience=0, need=9)[1][-1]
    assert [each["description"] for each in threads] == ["flight", "taxes"]
    assert threads[1]["evidence"] == [1, 2, 3, 4]
    memory = ThreadMemory(MemoryRules(threads=2, need=9, patience=0))
    memory.start(np.array([0]), 4, 9)
    for intent in (1, 2, 3, 1, 1):
        memory.update(np.eye(4)[[intent]])
    memory.evidence[0, 1] = [0, 3, 3, 0]  # as many screens of flight as of dinner
    memory._merge(np.array([0]), np.array([1]), np.array([2]))
    (thread,) = memory.table(0, NAMES)
    assert thread == {"id": 0, "description": "flight", "evidence": [0, 1, 2, 3, 4], "state": "forming"}
    assert memory.evidence[0, 0].tolist() == [0, 6, 3, 0]


def test_random_threads_are_about_nothing():
    threads = run("1212121212", route="random", threads=8, need=3, patience=0)[1][-1]
    assert len(threads) > 2, "what is about one thing is all over the places, and is not merged"
    assert len(run("1212121212", threads=8, need=3, patience=0)[1][-1]) == 2


def test_a_screen_that_is_not_sure_is_no_evidence():
    memory = ThreadMemory(MemoryRules(need=1, sure=0.6))
    memory.start(np.array([0]), 3, 2)
    assert memory.update(np.array([[0.3, 0.5, 0.2]])).tolist() == [0]
    assert memory.update(np.array([[0.2, 0.7, 0.1]])).tolist() == [1]
    assert NoMemory(0.6).update(np.array([[0.3, 0.5, 0.2], [0.2, 0.1, 0.7]])).tolist() == [0, 2]


def test_episodes_do_not_touch_each_other():
    screens = np.random.default_rng(0).integers(0, 4, (6, 40))
    memory = ThreadMemory(MemoryRules(threads=2, need=2, patience=3))
    memory.start(np.arange(6), 4, 40)
    together = np.stack([memory.update(np.eye(4)[screens[:, step]]) for step in range(40)], axis=1)
    for row, each in enumerate(screens):
        assert run("".join(map(str, each)), threads=2, need=2, patience=3)[0] == together[row].tolist()


@pytest.mark.parametrize("rules, message", [
    ({"threads": 0}, "threads=0 and need=3 are 1 or more"), ({"patience": -1}, "patience=-1 0 or more"),
    ({"sure": 1.5}, "sure=1.5 from 0 to 1"), ({"route": "intents"}, "did you mean 'intent'"),
])  # fmt: skip
def test_rules_out_of_range_are_one_error(rules, message):
    with pytest.raises(UserError, match=message):
        ThreadMemory(MemoryRules(**rules))


def test_also_without_a_memory():
    with pytest.raises(UserError, match="sure=7.0 from 0 to 1"):
        NoMemory(7.0)
