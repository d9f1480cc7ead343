"""Top-k lists against a full stable sort, with ties, exclusions and error messages."""
import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix, random_array

from workbench.data import Histories
from workbench.errors import UserError
from workbench.evaluate import sparse_top_k as sparse
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


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("distinct", [1, 2, 50])
@pytest.mark.parametrize("k", [1, 7, 30])
def test_sparse_scores_give_the_same_lists_to_the_last_bit(k, distinct, masked, monkeypatch):
    """With many ties, in scores and in floors, empty rows, excluded items and several blocks."""
    monkeypatch.setattr(sparse, "BLOCK", 100)
    rng = np.random.default_rng(distinct * 10 + k)
    above = random_array((40, 41), density=0.15, format="csr", rng=rng).tocsr()
    above.data = rng.integers(0, distinct + 1, above.nnz) / 7
    scores = sparse.SparseScores(above, rng.integers(0, distinct, 41) * 1e-9)
    rows = [rng.integers(1, 41, rng.integers(0, 10)).tolist() for _ in range(40)] if masked else None
    found, full = (function(value, k, rows and excluded(rows)) for function, value in
                   ((sparse.sparse_top_k, scores), (top_k, scores.dense())))  # fmt: skip
    assert (found.items == full.items).all() and (found.scores == full.scores).all()
    assert found.scores.dtype == full.scores.dtype and found.items.dtype == full.items.dtype


def test_sparse_scores_meet_the_same_errors_and_negative_ones_are_scored_in_full():
    scores = sparse.SparseScores(csr_matrix((1, 6)), np.ones(6))
    for k, rows, message in ((6, [[]], "between 1 and 5"), (4, [[1, 2]], "fewer than 4"), (0, [[]], "between 1 and 5")):
        with pytest.raises(UserError, match=message):
            sparse.sparse_top_k(scores, k, excluded(rows))
    negative = sparse.SparseScores(csr_matrix([[0, 0, -2.0, 0, 0, 0]]), np.array([0, 1, 5, 1, 1, 4.0]))
    assert sparse.sparse_top_k(negative, 3).items.tolist() == [[5, 2, 1]]
    with pytest.raises(UserError, match="NaN"):
        sparse.sparse_top_k(sparse.SparseScores(csr_matrix([[0, np.nan]]), np.zeros(2)), 1)
