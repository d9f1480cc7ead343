"""The k-core against its definition: remove one user or item below k at a time."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data.kcore import k_core


def one_at_a_time(events, k):
    events = list(enumerate(events))
    while True:
        for side in (0, 1):
            counts = {}
            for _, event in events:
                counts[event[side]] = counts.get(event[side], 0) + 1
            weak = next((code for code, n in sorted(counts.items(), reverse=True) if n < k), None)
            if weak is not None:
                events = [e for e in events if e[1][side] != weak]
                break
        else:
            return [at for at, _ in events]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=60), st.integers(1, 5))
def test_k_core_is_the_slow_definition(events, k):
    users, items = np.array(events).T
    assert np.flatnonzero(k_core(users, items, k)).tolist() == one_at_a_time(events, k)


def test_a_chain_has_an_empty_core_and_a_block_is_its_own():
    chain = np.arange(50)
    assert not k_core(np.repeat(chain, 2)[1:], np.repeat(chain, 2)[:-1], 2).any()
    users, items = np.repeat(np.arange(4), 4), np.tile(np.arange(4), 4)
    assert k_core(users.astype(np.int32), items.astype(np.int32), 4).all()
