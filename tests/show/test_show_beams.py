"""Beam search: the prefixes in a beam, where the target is pruned, and the effect of its width; titles literal."""
import numpy as np
import pytest
from hostile_titles import TABLE, Cells, check_literal

from workbench import experiment, show
from workbench.diagnose.models import beam_search as diagnose
from workbench.errors import UserError
from workbench.experiment.browse.decoder_inspector import DecoderInspector
from workbench.show.figures.codes import level_names
from workbench.show.widgets import explorers


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("tiger", epochs=2, width=32, layers=1)


@pytest.fixture(scope="module")
def model(run):
    return run.recommender()


@pytest.fixture(scope="module")
def study(bench, model):
    return diagnose.beam_width_table(model, bench.split.test, widths=(2, 5, 50))


def held(bench, model, beam):
    found = diagnose.run_beam_search(model, bench.split.test.histories, beam=beam)
    return diagnose.in_beam(found, model.codes.trie, bench.split.test.targets)


def test_example_users_are_a_hit_and_a_pruned_one(bench, run, model):
    hit, miss = DecoderInspector(run, 200, 3).example_users()
    users = bench.split.test.histories.users.tolist()
    rows = held(bench, model, 3)
    assert rows[users.index(hit)].all() and not rows[users.index(miss)].all()
    both = DecoderInspector(run, 200, 60).example_users()
    assert held(bench, model, 60)[[users.index(user) for user in both]].all()


def test_the_title_says_what_the_beam_did(bench, run, model):
    hit, miss = DecoderInspector(run, 200, 3).example_users()
    kept, fell = (show.plot_beam_search(bench, model, user, beam=3) for user in (hit, miss))
    assert " decodes " in kept.layout.title.text and " loses " in fell.layout.title.text
    crosses = [trace for trace in fell.data if trace.text and "is pruned here" in trace.text[0]]
    row = bench.split.test.histories.users.tolist().index(miss)
    level = int(diagnose.level_pruned(held(bench, model, 3))[row])
    assert len(crosses) == 1 and crosses[0].x[0] == level
    symbols = [np.atleast_1d(trace.marker.symbol) for trace in kept.data]
    assert (np.concatenate(symbols) == "star").sum() == model.codes.levels
    for figure in (kept, fell):
        check_literal(figure)
        assert len(figure.to_json()) < 60_000


def test_the_table_of_a_level(bench, run, model):
    hit, miss = DecoderInspector(run, 200, 3).example_users()
    table = show.table_beam(bench, model, hit, model.codes.levels, beam=3)
    assert sum(row[0].startswith("▶") for row in table.cells) == 1 and "marked ▶" in table.caption
    last = show.table_beam(bench, model, miss, model.codes.levels, beam=3)
    assert not any("▶" in row[0] for row in last.cells) and "no longer in the beam" in last.caption
    row = bench.split.test.histories.users.tolist().index(miss)
    fell = int(diagnose.level_pruned(held(bench, model, 3))[row])
    assert last.caption.endswith(f"pruned at {level_names(model.codes)[fell - 1]}.")
    assert last.cells[-1][:3] == ["✕ pruned", model.codes.code_string(bench.split.test.targets[row]), "—"]
    assert len(last.cells) == 4 and not any("✕" in row[0] for row in table.cells + last.cells[:-1])
    assert {tag for tag, _ in Cells(table._repr_html_()).tags} == {*TABLE, "p"}
    with pytest.raises(UserError, match="levels 1 to"):
        show.table_beam(bench, model, hit, 9)
    with pytest.raises(UserError, match="decodes no semantic IDs"):
        show.plot_beam_search(bench, bench.fit("popularity").recommender(), hit)


def test_a_masked_history_is_not_decoded(bench):
    masked = experiment.open_bench("csv", profile="smoke", options=bench.options, protocol={"mask_history": True})
    model = masked.fit("tiger", epochs=1, width=32, layers=1).recommender()
    user = int(masked.typical_users()[0])
    row = masked.split.test.histories.users.tolist().index(user)
    own = {model.codes.code_string(item) for item in masked.split.test.histories.row(row)}
    rows = show.table_beam(masked, model, user, model.codes.levels, beam=20).cells
    assert rows and not own & {row[1] for row in rows if row[4] == "1"}


def test_figures_of_beam_widths(bench, model, study):
    recall, width = show.plot_prefix_recall(study, model.codes), show.plot_beam_widths(study)
    assert [trace.name for trace in recall.data] == ["beam 2", "beam 5", "beam 50"]
    assert recall.data[0].y[0] == study["prefix_recall_1"]["beam 2"]
    assert list(recall.data[2].y) == [1] * model.codes.levels
    assert list(width.data[0].x) == study["ndcg@10"].drop("exact").tolist()
    n = f"{len(bench.split.test.targets):,}"
    title = recall.layout.title.text
    assert f"n = {n};" in width.layout.title.subtitle.text
    assert f"of {n} targets at code " in title or title.endswith(f"of {n} targets")
    assert recall.data[0].customdata[0].endswith("] in the beam") and "search error" in width.data[0].customdata[0]
    assert recall.data[0].error_y.array[0] == study["prefix_recall_1 high"]["beam 2"] - recall.data[0].y[0]
    loss = show.plot_level_loss(diagnose.loss_by_level(model, bench.split.test), model.codes)
    assert {trace.name for trace in loss.data} == {"the network", "uniform over the catalogue"}
    for figure in (recall, width, loss):
        check_literal(figure)


def test_titles_claim_what_the_intervals_allow(model, study):
    row = study.loc[["exact", "beam 2"]].assign(cases=100)
    columns, names = [f"prefix_recall_{n}" for n in range(1, model.codes.levels + 1)], level_names(model.codes)
    row[columns] = [np.linspace(0.5, 0.4, model.codes.levels)] * 2
    title = show.plot_prefix_recall(row.loc[["beam 2"]], model.codes).layout.title.text
    assert title == f"Beam 2 loses most at {names[0]}: 50% [40%, 60%] of 100 targets"
    row[columns] = [np.linspace(0.7, 0.7 - 0.27 * (model.codes.levels - 1), model.codes.levels)] * 2
    assert "is not shown" in show.plot_prefix_recall(row.loc[["beam 2"]], model.codes).layout.title.text
    for lost, words in (([0.1, 0.05, 0.15], "Beam 2 costs 0.10"), ([0.1, -0.05, 0.15], "No cost of beam 2"),
                        ([-0.1, -0.15, -0.05], "Beam 2 scores higher")):
        row.loc["beam 2", ["ndcg@10 lost", "ndcg@10 lost low", "ndcg@10 lost high"]] = lost
        assert show.plot_beam_widths(row).layout.title.text.startswith(words)


def test_learning_curves_of_the_codes(bench, run, model):
    figure = show.plot_learning_curve(run, by="level")
    check_literal(figure)
    levels = range(1, model.codes.levels + 1)
    assert [list(trace.y) for trace in figure.data] == [
        [point[f"nats/{level}"] for point in run.curve if f"nats/{level}" in point] for level in levels
    ]
    last = diagnose.loss_by_level(model, bench.split.valid)["loss"].tolist()
    best = max((point for point in run.curve if "ndcg@10" in point), key=lambda point: point["ndcg@10"])
    assert [best[f"nats/{level}"] for level in levels] == pytest.approx(last, rel=1e-5)
    assert "decodes no semantic IDs" in show.plot_learning_curve(bench.fit("popularity"), by="level").layout.title.text


def test_the_menus_of_the_beam_update(bench, run, model):
    hit, miss = DecoderInspector(run, 200, 3).example_users()
    who, graph, level, page = explorers._beam_widgets(bench, model, [hit, miss], hit, 3).children
    first, drawn = page.value, graph.outputs
    level.value = model.codes.levels
    assert page.value == show.table_beam(bench, model, hit, model.codes.levels, beam=3)._repr_html_() != first
    assert graph.outputs == drawn
    who.value = miss
    assert " loses " in graph.outputs[0]["data"]["text/plain"] and " decodes " in drawn[0]["data"]["text/plain"]
    assert page.value == show.table_beam(bench, model, miss, model.codes.levels, beam=3)._repr_html_()
