"""The greatest of rows, against a stable sort: ties, rows without more, any shape."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.envs.greatest import greatest


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7))
def test_a_stable_sort_gives_the_same(seed, n):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (3, 5, 7)).astype(float)
    values[rng.random(values.shape) < 0.3] = -np.inf
    assert np.array_equal(greatest(values, n), np.argsort(-values, axis=-1, kind="stable")[..., :n])
