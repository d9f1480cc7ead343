"""The greatest of rows, against a stable sort: ties, rows without more, any shape."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.envs.greatest import greatest


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7), columns=st.sampled_from([7, 113, 400]),
       most=st.sampled_from([2, 4, 10**6]), missing=st.sampled_from([0.0, 0.3, 0.99, 1.0]))  # fmt: skip
def test_a_stable_sort_gives_the_same(seed, n, columns, most, missing):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, most, (3, 5, columns)).astype(float)
    values[rng.random(values.shape) < missing] = -np.inf
    assert np.array_equal(greatest(values, n), np.argsort(-values, axis=-1, kind="stable")[..., :n])


def test_no_rows():
    assert greatest(np.zeros((0, 500)), 3).shape == (0, 3)
