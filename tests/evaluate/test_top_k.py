"""Top-k lists against a full stable sort, with ties, exclusions and error messages."""
import numpy as np
import pytest
import torch

from workbench.data import Histories
from workbench.errors import UserError
from workbench.evaluate import top_k


def excluded(rows):
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
    return Histories(offsets, np.array([i for r in rows for i in r], np.int32), np.arange(len(rows), dtype=np.int32))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("distinct", [2, 5, 1000])
@pytest.mark.parametrize("k", [1, 7, 30])
def test_equal_to_a_stable_sort(dtype, distinct, k):
    rng = np.random.default_rng(distinct + k)
    scores = rng.integers(0, distinct, (40, 31)).astype(np.float64)
    order = 1 + np.argsort(-scores[:, 1:], axis=1, kind="stable")[:, :k]
    result = top_k(torch.from_numpy(scores.copy()).to(dtype), k)
    assert (result.items == order).all()
    assert (result.scores == np.take_along_axis(scores, order, 1)).all()


def test_excluded_items_are_never_recommended():
    rows = [[1, 2], [], [5]]
    result = top_k(torch.ones(3, 6), 3, excluded(rows))
    assert result.items.tolist() == [[3, 4, 5], [1, 2, 3], [1, 2, 3]]


def test_invalid_input_raises():
    with pytest.raises(UserError, match="between 1 and 5"):
        top_k(torch.ones(1, 6), 6)
    with pytest.raises(UserError, match="fewer than 4"):
        top_k(torch.ones(1, 6), 4, excluded([[1, 2]]))
    with pytest.raises(UserError, match="NaN"):
        top_k(torch.tensor([[0.0, float("nan"), 1.0]]), 1)
