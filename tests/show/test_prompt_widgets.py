"""A lettered prompt and its answers: what the run itself reads and lists, by shuffle; the table and its widgets."""
import numpy as np
import pytest
from canned import PAYLOADS
from hostile_titles import TABLE, Cells, log
from tiny_lm import save_tiny_model

import workbench as wb
from workbench.errors import UserError
from workbench.show.widgets.prompts import _lines, _widgets, explore_prompt

QUICK = {"epochs": 1, "n": 8, "width": 16, "batch_size": 64, "valid_cases": 20, "shuffles": 3}


@pytest.fixture(scope="module")
def bench(home):
    return wb.open_bench("synthetic", profile="smoke", options={"users": 150, "items": 90})


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("ulmrec", **QUICK)


@pytest.fixture(scope="module")
def prompts(bench, run):
    return bench.lettered_prompts(run)


@pytest.fixture(scope="module")
def user(bench):
    return int(bench.typical_users()[0])


def case(bench, user):
    histories = bench.split.test.histories
    return histories.take(np.flatnonzero(histories.users == user))


@pytest.mark.parametrize("users", ["own", "shuffled", "none"])
def test_the_mean_over_its_shuffles_is_the_run_s_own_score(bench, users):
    run = bench.fit("ulmrec", **QUICK, users=users)
    found, recommender, chosen = bench.lettered_prompts(run), run.recommender(), bench.typical_users(5).tolist()
    histories, candidates = found._case(chosen)
    masked = histories if bench.protocol.mask_history else None
    own = recommender.rescore(histories, recommender.candidates(histories, masked))
    np.testing.assert_allclose(found._mean(found._scores(histories, candidates, 5)), own, atol=1e-4)
    assert ("User" in found.text(chosen[0])) == (users != "none")


def test_letters_titles_and_places_belong_together(prompts, run, bench, user):
    frame, other = prompts.answers(user, 0), prompts.answers(user, 4)
    assert frame.index.tolist() == list("ABCDEFGH") and frame["probability"].sum() == pytest.approx(1)
    assert sorted(frame["before"]) == sorted(frame["after"]) == list(range(1, 9))
    assert frame["probability"].idxmax() == frame["after"].idxmin()
    assert sorted(frame["title"]) == sorted(other["title"]) and frame["title"].tolist() != other["title"].tolist()
    for title in set(frame["title"]):
        mine, theirs = frame[frame["title"] == title], other[other["title"] == title]
        assert sorted(mine["before"]) == sorted(theirs["before"]) and sorted(mine["in the run"]) == sorted(
            theirs["in the run"]), "whatever letter it stands behind"  # fmt: skip
    lines = prompts.text(user, 4).split("\n")
    assert [line[:1] for line in lines[-10:-2]] == list("ABCDEFGH")
    assert all(title in line for title, line in zip(other["title"], lines[-10:-2]))
    histories = case(bench, user)
    listed = run.recommender().recommend(histories, 8, histories if bench.protocol.mask_history else None).items[0]
    assert frame.sort_values("in the run")["title"].tolist() == bench.dataset.titles(listed).tolist()


def test_lists_by_shuffle(prompts, user):
    frame = prompts.lists(user, shuffles=2, k=8)
    assert frame.columns.tolist() == ["before", "shuffle 0", "shuffle 1", "the run"] and len(frame) == 8
    assert set(frame.attrs["same"].values()) == {8}, "all candidates, in other orders"
    assert frame["before"].tolist() == prompts.answers(user).sort_values("before")["title"].tolist()
    assert frame["shuffle 1"].tolist() == prompts.answers(user, 1).sort_values("after")["title"].tolist()


def test_the_letter_s_share(bench, run, prompts, monkeypatch):
    chosen = bench.typical_users(10).tolist()
    letters = prompts.by_letter(chosen, shuffles=3)
    assert letters["probability"].sum() == pytest.approx(1) and (letters["by chance"] == 1 / 8).all()
    assert (letters["least"] <= letters["probability"]).all() and (letters["probability"] <= letters["most"]).all()
    assert 0 < prompts.position_bias(chosen) < 1
    replaced = bench.lettered_prompts(run)
    slope = np.arange(8.0)
    monkeypatch.setattr(type(replaced), "_by_network", lambda self, histories, offered: np.tile(slope, (10, 1)))
    assert replaced.position_bias(chosen, 200) > 0.98, "only letters count"
    assert replaced.by_letter(chosen)["probability"].idxmax() == "H"
    monkeypatch.setattr(type(replaced), "_by_network", lambda self, histories, offered: offered * 0.1)
    assert replaced.position_bias(chosen) == pytest.approx(0, abs=1e-9), "only what stands behind them counts"


def test_a_network_before_training_is_another_one(bench, run, prompts, user):
    before = bench.lettered_prompts(run, trained=False)
    assert before.text(user) == prompts.text(user)
    assert not np.allclose(before.answers(user)["probability"], prompts.answers(user)["probability"])


def test_a_language_model_reads_the_same_words(home, tmp_path):
    bench = wb.open_bench("synthetic", profile="smoke", options={"users": 25, "items": 60})
    model, user = str(save_tiny_model(tmp_path / "model", layers=1, width=16)), int(bench.typical_users()[0])
    run, network = bench.fit("ulmrec", n=8, shuffles=1, model=model), bench.fit("ulmrec", **QUICK)
    found, stand_in = bench.lettered_prompts(run), bench.lettered_prompts(network)
    assert found.reads_words and not stand_in.reads_words and found.text(user, 2) == stand_in.text(user, 2)
    histories, candidates = found._case([user])
    second = run.recommender().second
    np.testing.assert_allclose(found._scores(histories, candidates, 1)[0], second.rescore(histories, candidates))
    order = np.argsort(found.answers(user)["before"].to_numpy())
    offered = np.take_along_axis(candidates, np.argsort(order)[None], axis=1)
    assert second.prompts(histories, offered) == [found.text(user)]
    assert "answered by a language model" in explore_prompt(found, user).caption


def test_the_table_follows_the_button_the_number_and_the_menu(prompts, user):
    shown = explore_prompt(prompts, user)
    assert "small network of ours" in shown.caption and shown.names[:3] == ["letter", "title", "probability"]
    menu, button, shuffle, area = _widgets(prompts, user, 0, 5).children
    start = area.value
    button.click()
    assert shuffle.children[0].value == 1 and area.value != start and "Shuffle 1 of" in area.value
    shuffle.children[0].value = 9
    button.click()
    assert shuffle.children[0].value == 0 and area.value == start, "it begins anew"
    menu.value = menu.options[-1][1]
    assert area.value != start and button.description == "shuffle the letters"


def test_hostile_titles_are_shown_as_they_are(home, tmp_path):
    bench = wb.open_bench("csv", profile="smoke", options=log(tmp_path))
    prompts = bench.lettered_prompts(bench.fit("ulmrec", **QUICK | {"n": 20}))
    chosen = int(bench.typical_users()[0])
    menu, *_, area = _widgets(prompts, chosen, 0, 5).children
    cells = Cells(explore_prompt(prompts, chosen)._repr_html_() + area.value)
    assert {tag for tag, _ in cells.tags} <= TABLE | {"p"}
    assert all(name in ("class", "style", "data-value") for _, attributes in cells.tags for name in attributes)
    lines = prompts.text(chosen).split("\n")
    assert len(_lines(prompts, chosen, 0).cells) == len(lines) and len(PAYLOADS) > 1
    assert all(line.startswith(("- \"", *"ABCDEFGHIJKLMNOPQRST", "User", "Which", "What")) for line in lines)


def test_other_runs_and_other_users(bench, prompts):
    with pytest.raises(UserError, match="asks no lettered prompt"):
        bench.lettered_prompts(bench.fit("popularity"))
    with pytest.raises(UserError, match="asks no lettered prompt"):
        bench.lettered_prompts(bench.fit("ulmrec", n=0))
    with pytest.raises(UserError, match="no test case"):
        prompts.text(10**6)
    for users, shuffles in (([], 8), (bench.typical_users(2).tolist(), 1)):
        with pytest.raises(UserError, match="at least one user and 2 or more shuffles"):
            prompts.position_bias(users, shuffles)
    other = wb.open_bench("synthetic", profile="smoke", options={"users": 150, "items": 60})
    with pytest.raises(UserError, match="other data"):
        other.lettered_prompts(bench.fit("ulmrec", **QUICK))
