"""A beam in front of a person: what it holds, where the true item falls out, and what width buys, titles literal."""
import numpy as np
import pytest
from hostile_shop import TABLE, Cells, check_literal

from workbench import experiment, show
from workbench.diagnose.models import beam_search as diagnose
from workbench.errors import UserError
from workbench.show.figures.beams import level_names
from workbench.show.widgets import explorers


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("tiger", epochs=2, width=32, layers=1)


@pytest.fixture(scope="module")
def model(run):
    return run.recommender()


@pytest.fixture(scope="module")
def study(bench, model):
    return diagnose.study(model, bench.split.test, widths=(2, 5, 50))


def held(bench, model, beam):
    found = diagnose.search(model, bench.split.test.histories, beam=beam)
    return diagnose.kept(found, model.codes.trie, bench.split.test.targets)


def test_telling_users_are_of_both_sorts(bench, model):
    found, lost = show.telling_users(bench, model, beam=3)
    users = bench.split.test.histories.users.tolist()
    rows = held(bench, model, 3)
    assert rows[users.index(found)].all() and not rows[users.index(lost)].all()
    both = show.telling_users(bench, model, beam=60)
    assert held(bench, model, 60)[[users.index(user) for user in both]].all()


def test_the_figure_says_what_the_beam_did(bench, model):
    found, lost = show.telling_users(bench, model, beam=3)
    kept, fell = (show.spelling(bench, model, user, beam=3) for user in (found, lost))
    assert " spells " in kept.layout.title.text and " loses " in fell.layout.title.text
    crosses = [trace for trace in fell.data if trace.text and "falls out here" in trace.text[0]]
    row = bench.split.test.histories.users.tolist().index(lost)
    level = int(diagnose.where_lost(held(bench, model, 3))[row])
    assert len(crosses) == 1 and crosses[0].x[0] == level
    symbols = [np.atleast_1d(trace.marker.symbol) for trace in kept.data]
    assert (np.concatenate(symbols) == "star").sum() == model.codes.levels
    for figure in (kept, fell):
        check_literal(figure)
        assert len(figure.to_json()) < 60_000


def test_the_table_of_a_level(bench, model):
    found, lost = show.telling_users(bench, model, beam=3)
    table = show.spelled(bench, model, found, model.codes.levels, beam=3)
    assert sum(row[0].startswith("▶") for row in table.cells) == 1 and "marked ▶" in table.caption
    last = show.spelled(bench, model, lost, model.codes.levels, beam=3)
    assert not any("▶" in row[0] for row in last.cells) and "no longer in the beam" in last.caption
    row = bench.split.test.histories.users.tolist().index(lost)
    fell = int(diagnose.where_lost(held(bench, model, 3))[row])
    assert last.caption.endswith(f"fell out at {level_names(model.codes)[fell - 1]}.")
    assert last.cells[-1][:3] == ["✕ lost", model.codes.name(bench.split.test.targets[row]), "—"]
    assert len(last.cells) == 4 and not any("✕" in row[0] for row in table.cells + last.cells[:-1])
    assert {tag for tag, _ in Cells(table._repr_html_()).tags} == {*TABLE, "p"}
    with pytest.raises(UserError, match="levels 1 to"):
        show.spelled(bench, model, found, 9)
    with pytest.raises(UserError, match="spells nothing"):
        show.spelling(bench, bench.fit("popularity").recommender(), found)


def test_a_masked_history_is_not_spelled(bench):
    masked = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"mask_history": True})
    model = masked.fit("tiger", epochs=1, width=32, layers=1).recommender()
    user = int(show.typical_users(masked)[0])
    row = masked.split.test.histories.users.tolist().index(user)
    own = {model.codes.name(item) for item in masked.split.test.histories.row(row)}
    rows = show.spelled(masked, model, user, model.codes.levels, beam=20).cells
    assert rows and not own & {row[1] for row in rows if row[4] == "1"}


def test_figures_of_the_study(bench, model, study):
    recall, width = show.prefix_recall(study, model.codes), show.widths(study)
    assert [trace.name for trace in recall.data] == ["beam 2", "beam 5", "beam 50"]
    assert recall.data[0].y[0] == study["kept_1"]["beam 2"] and list(recall.data[2].y) == [1] * model.codes.levels
    assert list(width.data[0].x) == study["ndcg@10"].drop("exact").tolist()
    loss = show.level_loss(diagnose.loss_by_level(model, bench.split.test), model.codes)
    assert {trace.name for trace in loss.data} == {"the network", "knows the catalogue alone"}
    for figure in (recall, width, loss):
        check_literal(figure)


def test_learning_curves_of_the_codes(bench, run, model):
    figure = show.level_curves(run)
    check_literal(figure)
    levels = range(1, model.codes.levels + 1)
    assert [list(trace.y) for trace in figure.data] == [
        [point[f"nats/{level}"] for point in run.curve if f"nats/{level}" in point] for level in levels
    ]
    last = diagnose.loss_by_level(model, bench.split.valid)["loss"].tolist()
    best = max((point for point in run.curve if "ndcg@10" in point), key=lambda point: point["ndcg@10"])
    assert [best[f"nats/{level}"] for level in levels] == pytest.approx(last, rel=1e-5)
    assert "spells nothing" in show.level_curves(bench.fit("popularity")).layout.title.text


def test_the_stepper_follows_its_menus(bench, model):
    found, lost = show.telling_users(bench, model, beam=3)
    who, graph, level, page = explorers._steps(bench, model, [found, lost], found, 3).children
    first, drawn = page.value, graph.outputs
    level.value = model.codes.levels
    assert page.value == show.spelled(bench, model, found, model.codes.levels, beam=3)._repr_html_() != first
    assert graph.outputs == drawn
    who.value = lost
    assert " loses " in graph.outputs[0]["data"]["text/plain"] and " spells " in drawn[0]["data"]["text/plain"]
    assert page.value == show.spelled(bench, model, lost, model.codes.levels, beam=3)._repr_html_()
