"""The table of pruned graphs: a row for every share and way, at equal sparsity, beside the whole graph."""
import numpy as np
import pytest

import workbench as wb
from workbench.experiment.study.pruning import pruning_table


@pytest.fixture(scope="module")
def bench():
    options = {"users": 80, "items": 50}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


def test_rows_are_of_equal_sparsity(bench):
    changes = {"epochs": 1, "rounds": 1, "width": 8, "layers": 1, "distillation": 0.0, "contrast": 0.0}
    table = pruning_table(bench, shares=(0.25, 0.75), kinds=("magnitude", "random"), changes=changes)
    assert table["by"].tolist() == ["lightgcn", *["magnitude", "random"] * 2] and (table["entries"] == 1).all()
    assert table["edges"].round(2).tolist() == [1.0, 0.75, 0.75, 0.25, 0.25]
    whole = bench.fit("lightgcn", epochs=1, width=8, layers=1).metrics["ndcg@10"]
    assert table["ndcg@10"][0] == whole and table["lost"][0] == 0
    assert np.allclose(table["lost"], 1 - table["ndcg@10"] / whole)
