"""Domains filled by nearest items: which events get one, which item it is, and what stays as it was."""
import numpy as np
import pytest
from toys import make_histories

from workbench.data import Histories
from workbench.recommenders.domains.filling import fill_domains, nearest, spread

DOMAINS = np.array([0, 0, 0, 0, 0, 1, 1, 1])  # items 1 to 4, and 5 to 7
# 5 is the nearest of its domain to 1 and 2, 6 to 3, 7 to 4; of the first domain 1 is to 5, 3 to 6, 4 to 7
VECTORS = np.array([[0, 0], [10, 1], [4, 1], [1, 4], [-3, 0], [1, 0], [0, 2], [-1, 0.1]], np.float32)


@pytest.mark.parametrize("wanted, expected", [
    (0, [0, 0, 0, 0, 0]), (1, [0, 0, 0, 0, 1]), (2, [0, 0, 1, 0, 1]), (5, [1, 1, 1, 1, 1]), (9, [1, 1, 1, 1, 1]),
])  # fmt: skip
def test_events_are_chosen_evenly(wanted, expected):
    assert spread(np.zeros(5, int), np.array([wanted])).astype(int).tolist() == expected
    of_second = spread(np.array([0, 0, 2, 2, 2, 2, 2]), np.array([1, 3, wanted]))
    assert of_second.astype(int).tolist() == [0, 1, *expected]


def test_the_nearest_of_a_domain():
    assert nearest(VECTORS, np.array([1, 2, 3, 4]), np.array([5, 6, 7])).tolist() == [0, 5, 5, 6, 7, 0, 0, 0]


def filled(rows: list[list[int]], share: float, vectors=VECTORS) -> list[list[int]]:
    given = make_histories(*rows)
    result = fill_domains(given, DOMAINS, vectors, share)
    assert result.users.tolist() == given.users.tolist() and result.items.dtype == given.items.dtype
    return [result.row(row).tolist() for row in range(len(result))]


def test_a_domain_with_few_events_gets_items_beside_those_they_are_near_to():
    assert filled([[1, 3, 4, 2], [1, 3, 5, 4], [], [1]], 0.5) == [[1, 3, 6, 4, 2, 5], [1, 3, 5, 4], [], [1]]


def test_nothing_is_inserted_twice_or_known_already():
    assert filled([[5, 1, 2, 3]], 1.0) == [[5, 1, 2, 3, 6]], "5 is known; the other two events have the same nearest"
    assert filled([[1, 2, 4]], 1.0) == [[1, 5, 2, 4, 7]]


def test_the_larger_domain_is_the_user_s_own():
    assert filled([[7, 6, 5], [5, 6, 1, 7]], 0.67) == [[7, 6, 3, 5, 1], [5, 6, 1, 7, 4]]


def test_share_0_and_items_without_a_vector_fill_nothing():
    rows = [[1, 3, 4, 2], [5]]
    assert filled(rows, 0.0) == rows
    assert filled(rows, 1.0, np.where(DOMAINS[:, None] == 1, 0, VECTORS)) == rows
    missing = VECTORS.copy()
    missing[6] = 0
    assert 6 not in sum(filled(rows, 1.0, missing), [])


def test_an_inserted_item_has_the_time_of_its_event():
    given = make_histories([1, 3, 4, 2])
    given = Histories(given.offsets, given.items, given.users, {"timestamp": np.array([10, 20, 30, 40])})
    result = fill_domains(given, DOMAINS, VECTORS, 0.5)
    assert result.items.tolist() == [1, 3, 6, 4, 2, 5] and result.times.tolist() == [10, 20, 20, 30, 40, 40]
