"""Two stages: the head of the first list is ordered anew, the rest stands; what retrieval allows is said."""
import numpy as np
import pytest

import workbench as wb
from workbench.errors import UserError
from workbench.evaluate.candidates import was_retrieved
from workbench.interfaces import Recommendations, Recommender, Retrieves
from workbench.recommenders.reranked import ByScore, Reranked
from workbench.verb_interfaces import Reranker


class Ordered:
    """Recommends 1, 2, 3 ... to everybody, and scores an item by its id."""

    def recommend(self, histories, k, exclude=None):
        items = np.tile(np.arange(1, k + 1), (len(histories), 1))
        return Recommendations(items, -items.astype(float))

    def score(self, histories):
        return np.tile(np.arange(21.0), (len(histories), 1))


def test_below_n_the_order_of_the_first_stage_stands():
    two = Reranked(Ordered(), ByScore(Ordered()), n=4)
    assert isinstance(two, Recommender) and isinstance(two, Retrieves) and isinstance(two.second, Reranker)
    assert two.recommend(range(2), 6).items.tolist() == [[4, 3, 2, 1, 5, 6]] * 2
    assert two.recommend(range(1), 3).items.tolist() == [[4, 3, 2]], "a shorter list is a prefix of a longer one"
    assert Reranked(Ordered(), ByScore(None), n=0).recommend(range(1), 3).items.tolist() == [[1, 2, 3]]


@pytest.fixture(scope="module")
def bench(home):
    return wb.open_bench("synthetic", profile="smoke", options={"users": 200})


def test_ceiling_and_metrics_within(bench):
    run = bench.fit("two_stage", second="popularity", n=30)
    split, model = bench.split, run.recommender()
    lists = model.first.recommend(split.test.histories, 30).items
    retrieved = (lists == split.test.targets[:, None]).any(axis=1)
    assert np.array_equal(was_retrieved(model, split, batch=7), retrieved)
    assert run.metrics["ceiling@30"] == retrieved.mean() >= run.metrics["recall@20"]
    assert run.metrics["ndcg@10 within retrieved"] == pytest.approx(run.per_case("ndcg@10")[retrieved].mean())
    assert "ceiling@0" not in bench.fit("two_stage", n=0).metrics


def test_off_is_its_parent(bench):
    assert np.array_equal(bench.fit("two_stage", n=0).ranks, bench.fit("item_transitions").ranks)


@pytest.mark.parametrize("changes, message", [
    ({"n": -1}, "n=-1 candidates"), ({"second": "graph_walks"}, "did you mean 'graph_walk'"),
    ({"second": "graph_heuristic"}, "gives no scores to order by"),
])  # fmt: skip
def test_bad_settings(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.fit("two_stage", **changes)
