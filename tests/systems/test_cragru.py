"""CRAGRU: candidates in an order to which what is left of a history adds, and histories without forgotten events."""
import numpy as np
from small_unlearning import make_bench, network
from tiny_lm import save_tiny_model
from toys import make_histories, random_histories

from workbench import systems
from workbench.recommenders.prompts import local_model
from workbench.recommenders.unlearning.remaining import FromRemaining, drawn, newest


class Fixed:
    """A base that scores items by their id, the first highest."""

    def score(self, histories):
        return np.tile(-np.arange(8.0), (len(histories), 1))

    def state(self):
        return {}


def around(rows, judge, *, weight=1.0, retrieve=None):
    train = make_histories([1, 2, 3, 4], [5, 6])
    found = FromRemaining(Fixed(), train, np.array(rows, np.int64), n=4, retrieve=retrieve or newest(9), judge=judge,
                          weight=weight)  # fmt: skip
    return train, found


def test_what_is_forgotten_is_not_retrieved_and_only_the_candidates_change_places():
    """Items of the history, which are most like themselves, are no candidates."""
    asked = []

    def judge(slices, candidates):
        asked.append([slices.row(n).tolist() for n in range(len(slices))])
        return candidates.astype(float)  # the highest id first

    train, model = around([1, 3], judge)
    lists = model.recommend(train, 6)
    assert asked == [[[1, 3], [5, 6]]] and lists.items.tolist() == [[1, 2, 3, 4, 7, 6], [4, 3, 2, 1, 5, 6]]
    assert np.array_equal(np.sort(model.score(train), axis=1), np.sort(Fixed().score(train), axis=1))
    train, nobody = around([0, 1, 2, 3], judge)
    assert nobody.recommend(train, 4).items.tolist() == [[1, 2, 3, 4], [4, 3, 2, 1]], "nothing left: the base's order"
    assert around([], judge, weight=0.0)[1].recommend(train, 4).items.tolist() == [[1, 2, 3, 4]] * 2
    mixed = around([], lambda slices, candidates: (candidates == 4).astype(float), weight=0.8)[1]
    order = mixed.recommend(train, 4).items.tolist()  # by .8 * (1, 2, 3, 0) + .2 * (0, 1, 2, 3)
    assert order == [[1, 2, 3, 4], [4, 1, 2, 3]]


def test_slices_are_of_the_size_that_was_asked_for():
    histories = random_histories(40, 50, longest=9)
    for retrieve in (newest(3), drawn(3, 0)):
        found = retrieve(histories)
        assert np.array_equal(found.lengths, np.minimum(histories.lengths, 3))
        assert all(set(found.row(n)) <= set(histories.row(n)) for n in range(40))
    assert not np.array_equal(drawn(3, 0)(histories).items, drawn(3, 1)(histories).items)


def test_a_model_of_language_judges_what_is_left(tmp_path):
    bench = make_bench()
    folder = str(save_tiny_model(tmp_path / "tiny"))
    unlearner = systems.build("cragru", bench, base="bpr_mf", n=3, candidates="full", model=folder)
    served = unlearner.serve(network("bpr_mf"), bench.split.train, np.zeros(0, np.int64))
    histories = bench.split.test.histories.take(np.arange(2))
    base = network("bpr_mf").recommend(histories, 5).items
    lists = served.recommend(histories, 5).items
    assert np.array_equal(np.sort(lists[:, :3]), np.sort(base[:, :3])) and np.array_equal(lists[:, 3:], base[:, 3:])
    local_model._loaded.cache_clear()


def test_single_events_that_are_forgotten_are_in_no_history_that_is_served():
    bench, given = make_bench(), []
    unlearned = bench.build("untouched", base="item_knn", users=0.0, events=0.3)

    class Listening:
        def recommend(self, histories, k, exclude=None):
            given.append(histories)

    unlearned.served, train = Listening(), bench.split.train
    unlearned.recommend(train, 5)
    left = np.setdiff1d(np.arange(len(train.items)), unlearned.rows)
    assert np.array_equal(given[0].items, train.items[left]) and unlearned.forgotten == 0 < unlearned.events
