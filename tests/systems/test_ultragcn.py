"""UltraGCN: degree weights and item neighbours of a small matrix by hand, and what the loss asks of whom."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix

import workbench as wb
from workbench.errors import UserError
from workbench.systems.graph.ultragcn import degree_weights, neighbour_weights

SEEN = csr_matrix(np.array([[0, 1, 1, 0], [0, 1, 0, 1], [0, 1, 1, 0]], float))  # items 1..3, column 0 is padding


def test_degree_weights_by_hand():
    """Users have 2 items each, items 3, 2 and 1 users: beta_ui = sqrt((2 + 1) / (d_i + 1)) / 2."""
    of_user, of_item = degree_weights(SEEN)
    beta = of_user[:, None] * of_item[None, 1:]
    assert np.allclose(beta, np.sqrt(3 / np.array([4, 3, 2])) / 2)


def test_neighbour_weights_by_hand():
    """G = [[3, 2, 1], [2, 2, 0], [1, 0, 1]], g = 6, 4, 2, so omega_12 = 2 / 3 sqrt(6 / 4), omega_13 = 1 / 3 sqrt(3)."""
    nearest, omega = neighbour_weights(SEEN, 2)
    assert nearest[1].tolist() == [2, 3] and np.allclose(omega[1], [2 / 3 * np.sqrt(1.5), np.sqrt(3) / 3])
    assert nearest[2].tolist() == [1, 0] and np.allclose(omega[2], [2 / 2 * np.sqrt(4 / 6), 0])
    assert nearest[0].tolist() == [0, 0] and omega[0].sum() == 0, "padding"
    assert neighbour_weights(SEEN, 1)[0].tolist() == [[0], [2], [1], [1]]


@pytest.fixture(scope="module")
def bench():
    options = {"users": 120, "items": 60}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


def test_one_negative_and_several_are_the_same_loss_in_shape(bench):
    runs = [bench.fit("ultragcn", epochs=2, negatives=n, width=16) for n in (1, 20)]
    assert all(np.isfinite(run.curve[-1]["loss"]) for run in runs)
    assert runs[0].metrics["ndcg@10"] != runs[1].metrics["ndcg@10"]


def test_tables_start_as_small_as_asked(bench):
    ego = bench.build("ultragcn", start=1e-2).module.ego
    assert all(abs(table.weight.std().item() - 1e-2) < 1e-6 for table in (ego.user, ego.item))
    assert not ego.item.weight[0].any(), "padding"


def test_the_weight_without_degrees_counts_beside_theirs(bench):
    assert bench.fit("ultragcn", epochs=1, plain=0.0).metrics != bench.fit("ultragcn", epochs=1, plain=1.0).metrics
    off = [bench.fit("ultragcn", epochs=1, degrees=False, plain=plain).metrics for plain in (0.0, 1.0)]
    assert off[0] == off[1], "without degrees every pair weighs 1"


WRONG = [("negatives", 0), ("plain", -1.0), ("neighbours", -1.0), ("weight", -1.0), ("start", 0.0),
         ("start", float("nan")), ("width", 0)]  # fmt: skip


@pytest.mark.parametrize("changes", [dict([each]) for each in WRONG], ids=str)
def test_bad_settings(bench, changes):
    with pytest.raises(UserError, match="ultragcn: "):
        bench.build("ultragcn", **changes)
