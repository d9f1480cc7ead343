"""The same recommender on the codes of every tokenizer."""
import numpy as np
import pandas as pd
import pytest

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.tokenizer_scores import figures_with_scores, tokenizer_scores

KINDS = ("rq-kmeans", "category", "random")


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile="smoke")


@pytest.mark.slow
def test_each_kind_has_its_own_score_and_card(bench):
    frame = tokenizer_scores(bench, KINDS, seeds=2, epochs=3, width=32, layers=1)
    assert set(frame.index) == set(KINDS)
    assert frame["ndcg@10"].is_monotonic_decreasing
    assert ((frame["lowest"] <= frame["ndcg@10"]) & (frame["ndcg@10"] <= frame["highest"])).all()
    run = bench.fit("tiger", codes="category", epochs=3, width=32, layers=1)
    assert run.metrics["ndcg@10"] in frame.loc["category", ["lowest", "highest"]].tolist()
    assert frame.loc["category", "purity"] > frame.loc["random", "purity"]
    assert set(frame.attrs["cards"].codes) == set(KINDS)


def test_the_figure_that_orders_kinds_as_the_score_does_is_first():
    columns = {"ndcg@10": [5, 4, 3, 2, 1], "lowest": 0, "highest": 9, "with": [9, 8, 7, 6, 5],
               "against": [1, 2, 4, 3, 5], "half": [1, 2, np.nan, np.nan, 3], "equal": 1}  # fmt: skip
    frame = figures_with_scores(pd.DataFrame(columns, index=list("abcde")))
    assert frame.index.tolist() == ["with", "against"]
    assert frame["spearman"].tolist() == pytest.approx([1.0, -0.9]) and (frame["kinds"] == 5).all()


@pytest.mark.parametrize(
    "wrong, said",
    [({"kinds": ["rq-kmean"]}, "rq-kmeans"), ({"system": "sasrec"}, "codes"), ({"seeds": 0}, "seeds")],
)
def test_wrong_arguments_are_one_error(bench, wrong, said):
    with pytest.raises(UserError, match=said):
        tokenizer_scores(bench, **wrong)
