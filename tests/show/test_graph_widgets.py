"""One user in the graph of train: who is reached, the list by layers, the figure and the sliders."""
import numpy as np
import pytest
from hostile_titles import TABLE, Cells

import workbench as wb
from workbench.errors import UserError
from workbench.experiment.browse.graph_neighbourhood import GraphNeighbourhood
from workbench.show.figures.neighbourhood import plot_neighbourhood
from workbench.show.widgets.layers import _widgets, explore_layers


@pytest.fixture(scope="module")
def bench(home):
    options = {"users": 150, "items": 90}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("lightgcn", epochs=3, width=16, layers=2)


@pytest.fixture(scope="module")
def found(bench):
    return GraphNeighbourhood(bench, int(bench.typical_users()[0]))


def test_hops_count_what_is_reached_first(found, bench):
    table, own = found.by_hops(), set(bench.split.train.row(found.user).tolist())
    assert table["nodes"].iloc[0] == 1 and table["nodes"].iloc[1] == len(own)
    dense = found.seen.toarray() > 0
    sharing = dense[:, sorted(own)].any(1)
    assert table["nodes"].iloc[2] == sharing.sum() - 1, "without the user"
    third = set(np.flatnonzero(dense[sharing].any(0)).tolist()) - own
    assert table["nodes"].iloc[3] == len(third)
    assert table["held out"].iloc[3] == len(third & set(found.held_out.tolist()))
    assert table["share"].iloc[[1, 3]].sum() <= 1


def test_the_list_of_as_many_layers_as_learnt_is_that_of_the_run(found, run):
    recommender = run.recommender()
    frame = found.by_layers(recommender, (0, 2), k=5)
    assert frame.attrs["same"]["2 layers"] == 5 and frame.shape == (5, 2)
    noisy = found.by_layers(recommender, (2,), noise=5.0, k=5)
    assert noisy.attrs["same"]["2 layers"] < 5 and noisy.equals(found.by_layers(recommender, (2,), noise=5.0, k=5))


def test_the_figure_draws_edges_of_train_alone(found, bench):
    figure = plot_neighbourhood(bench, found.user, n=6)
    own, users, others = found.nearest(6)
    edges = len(own) + int(found.seen[users][:, own].sum()) + int(found.seen[users][:, others].sum())
    assert sum(value is None for value in figure.data[0].x) == edges
    assert [len(trace.x) for trace in figure.data[1:]] == [1, len(own), len(users), len(others)]
    assert not set(others) & set(own) and found.user not in users
    with pytest.raises(UserError, match="1 to 30"):
        plot_neighbourhood(bench, found.user, n=0)


def test_the_list_follows_the_sliders(found, run, bench):
    shown = explore_layers(bench, run, found.user)._repr_html_()
    assert "0 layers" in shown and {tag for tag, _ in Cells(shown).tags} <= TABLE | {"p"}
    layers, noise, area = _widgets(found, run.recommender()).children
    layers.children[-1].value, noise.children[-1].value = 1, 5
    assert "1 layer" in area.value and "noise 0.5" in area.value


def test_a_recommender_without_a_graph(found, bench):
    with pytest.raises(UserError, match="those of lightgcn are"):
        found.by_layers(bench.fit("popularity").recommender())
    with pytest.raises(UserError, match="from 0"):
        found.by_layers(bench.fit("lightgcn", epochs=1, width=8).recommender(), (-1,))
    with pytest.raises(UserError, match="no test case"):
        GraphNeighbourhood(bench, 10**6)
