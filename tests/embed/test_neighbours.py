"""Nearest neighbours against a loop, their placebo, and mean vectors of histories."""
import numpy as np
import pytest
from toys import make_histories

from workbench.embed import neighbours
from workbench.embed.neighbours import mean_vectors, nearest, neighbour_table, neighbours_of_items
from workbench.errors import UserError


@pytest.fixture
def vectors(home):
    """50 rows, of which two are zeros and two nearly equal."""
    made = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    made[[7, 30]] = 0
    made[20] = made[21] + 0.001
    return made


def test_neighbours_are_those_of_a_loop(vectors, monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 16)  # several blocks
    found = nearest(vectors, 5)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)[:, None]
    for row in set(range(50)) - {7, 30}:
        others = [i for i in range(50) if i not in (row, 7, 30)]
        cosine = unit[others] @ unit[row]
        assert found[row].tolist() == [others[i] for i in np.argsort(-cosine, kind="stable")[:5]]
    assert found[20][0] == 21 and found[21][0] == 20
    everything = nearest(vectors, 100)
    assert everything.shape == (50, 47) and not np.isin(everything, [7, 30]).any(), "a row of zeros is near nothing"


def test_the_placebo_keeps_how_often_each_is_a_neighbour_but_not_whose(vectors):
    near, given = nearest(vectors, 5), neighbour_table(vectors, 5, np.random.default_rng(1))
    own = np.arange(50)[:, None]
    assert not (near == own).any() and not (given == own).any(), "nobody is her own neighbour"
    rows = np.random.default_rng(1).permutation(50)
    changed = near[rows] == own
    assert np.array_equal(given[~changed], near[rows][~changed])
    assert np.mean([len(np.intersect1d(a, b)) for a, b in zip(near, given)]) < 1.5
    assert np.array_equal(neighbour_table(vectors, 5), near)


def test_items_have_ids_from_1_and_none_without_a_vector_is_replaced(vectors):
    table = np.concatenate([np.zeros((1, 4), np.float32), vectors])
    ids, near = neighbours_of_items(table, 3), nearest(vectors, 3)
    assert (ids[0] == 0).all() and (ids[8] == 8).all() and (ids[31] == 31).all()
    assert np.array_equal(np.delete(ids[1:], [7, 30], 0), np.delete(near + 1, [7, 30], 0))


def test_there_may_be_fewer_neighbours_than_asked_for(home):
    assert nearest(np.eye(3, dtype=np.float32), 10).shape == (3, 2)
    with pytest.raises(UserError, match="neighbours"):
        nearest(np.zeros((3, 2), np.float32), 10)


def test_the_vector_of_a_history_is_the_mean_of_its_items():
    vectors = np.array([[0, 0], [1, 2], [3, 4]], np.float32)
    means = mean_vectors(make_histories([1, 2, 2], [], [2]), vectors)
    assert np.allclose(means, [[7 / 3, 10 / 3], [0, 0], [3, 4]])
