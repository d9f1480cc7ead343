"""Category popularity against its formula, and on the books that it was made for."""
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from small_bench import N_ITEMS, SmallBench, fitted, make_histories, random_rows

from workbench.data import Protocol, datasets, split
from workbench.data.links.categories import category_names, item_categories
from workbench.evaluate import evaluate
from workbench.evaluate.intervals import estimate_difference

CATEGORIES = ["A > B", "A > C", "A", "D | A > B", "D", "D", "D|D", "E", "", None, "  ", "E | > "]


@dataclass(frozen=True)
class CategoryBench(SmallBench):
    items: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"category": CATEGORIES}, range(1, N_ITEMS + 1)))

    def rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, len(name)])


def test_categories_of_paths_lists_and_items_without_any():
    table = item_categories(CategoryBench(make_histories([1])).dataset).toarray()
    assert table.shape == (N_ITEMS + 1, 6) and not table[0].any() and set(np.unique(table)) == {0, 1}
    assert table.sum(axis=1).tolist() == [0, 2, 2, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1]
    assert (table[9] == table[10]).all() and (table[9] == table[11]).all(), "those without any are in one of their own"
    assert (table[8] == table[12]).all(), "an empty path is none"
    assert category_names("A > B | A > C") == ["A", "A > B", "A > C"]
    alone = SmallBench(make_histories([1]), items=pd.DataFrame(index=range(1, 13)))
    assert item_categories(alone).toarray()[1:].tolist() == [[1.0]] * 12


def test_scores_equal_the_formula_by_hand():
    """Train has item 1 twice, 2 and 5 once, 6 three times. Categories: A has 1, 2, 3, 4; D has 4, 5, 6, 7."""
    model = fitted("category_popularity", CategoryBench(make_histories([1, 1, 6], [2, 6, 5], [6])))
    scores = model.score(make_histories([1, 6], []))
    # of the pairs (1, A), (1, A > B), (6, D) each category has a third; A has 3 events, A > B two, D four
    expected = {1: (2 / 3 + 2 / 2) / 3, 2: 1 / 3 / 3, 5: 1 / 4 / 3, 6: 3 / 4 / 3}
    counts = np.zeros(N_ITEMS + 1)
    counts[[1, 2, 5, 6]] = 2, 1, 1, 3
    np.testing.assert_allclose(scores[0, 1:], [expected.get(item, 0) + 1e-9 * counts[item] for item in range(1, 13)])
    assert model.recommend(make_histories([]), 3).items.tolist() == [[6, 1, 2]], "without a history by popularity"


def test_without_categories_it_is_popularity_and_a_history_counts_each_event():
    rows, queries = random_rows(3), make_histories(*random_rows(4, 8))
    bench = SmallBench(make_histories(*rows), items=pd.DataFrame(index=range(1, 13)))
    lists = [fitted(name, bench).recommend(queries, 9).items for name in ("popularity", "category_popularity")]
    assert np.array_equal(*lists)
    model = fitted("category_popularity", CategoryBench(make_histories(*rows)))
    once, twice = model.score(make_histories([1, 5], [1, 5, 5]))
    assert twice[6] > once[6] and twice[3] < once[3]


@pytest.fixture(scope="module")
def books(real):
    """Bangla books, 70/15/15 per user at random, and the evaluation of a system on its test cases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_OFFLINE", "1")
        dataset = datasets.load("rokomaribg")
    cut = split(dataset, Protocol(split="ratio", ratios=(0.7, 0.15, 0.15)), users=12_000)

    def values(name, **changes):
        bench = BookBench(cut, dataset)
        model = fitted(name, bench, **changes)
        return evaluate(model, cut.test, cut, quiet=True).per_case("ndcg@10")

    return values


@dataclass(frozen=True)
class BookBench:
    """What baselines read of a bench."""

    split: object
    dataset: object

    def rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng(len(name))


def test_on_bangla_books_it_beats_popularity_and_categories_of_other_books(books):
    ours, popular = books("category_popularity"), books("popularity")
    assert len(ours) > 3_000 and estimate_difference(ours, popular).interval(0.99)[0] > 0.01
    assert ours.mean() > 1.4 * popular.mean()
    placebo = books("category_popularity", permuted=True)
    assert estimate_difference(ours, placebo).interval(0.99)[0] > 0.01
    assert np.array_equal(books("category_popularity", categories=False), popular)
