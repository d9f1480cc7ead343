"""Words of items: which are kept, their weights by hand, and their sums over rows."""
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from workbench.data import assemble
from workbench.embed.words import item_words, words_of_rows
from workbench.errors import UserError


def titled(*titles):
    """A dataset of items with these titles, ordered by id as they are given."""
    n = len(titles)
    events = pd.DataFrame({"user": [0] * n, "item": range(n)})
    dataset = assemble("titled", events, items=pd.DataFrame({"raw_id": range(n), "title": titles}), order="sequence")
    return dataset, dataset.items["raw_id"].to_numpy(int)


def test_words_that_items_share_are_weighed_by_hand():
    titles = ["red pen 1999", "Pen, red", "blue ink", "the blue ink of 1999", "unique", "", "red red", "green"]
    dataset, raw = titled(*titles)
    table, names = item_words(dataset)
    assert names == ["", "blue", "ink", "pen", "red"], "no numbers, no stop words, none of a single item"
    assert table.shape == (len(titles) + 1, len(names)) and table.dtype == np.float32
    row = {int(raw_id): table[item].toarray()[0] for item, raw_id in enumerate(raw, start=1)}
    idf = {"pen": np.log(9 / 3) + 1, "red": np.log(9 / 4) + 1}  # smoothed: one more document that has every word
    length = np.hypot(idf["pen"], idf["red"])
    assert np.allclose(row[0], [0, 0, 0, idf["pen"] / length, idf["red"] / length])
    assert np.array_equal(row[0], row[1]) and np.allclose(row[6], [0, 0, 0, 0, 1])
    assert not row[4].any() and not row[5].any() and not row[7].any() and not table[0].nnz and not table[:, 0].nnz


def test_words_of_most_items_are_left_out_and_the_most_frequent_are_kept():
    dataset, _ = titled("office pen", "office ink", "office pen", "office ink", "pad pen", "pad", "clip")
    assert item_words(dataset)[1] == ["", "ink", "pad", "pen"], "office: more than half of seven"
    assert item_words(dataset, limit=1)[1] == ["", "pen"]


@pytest.mark.parametrize("titles", [("one", "two", "three"), ("12", "34", "12")])
def test_no_word_in_common_is_refused(titles):
    with pytest.raises(UserError, match="titled: no two items"):
        item_words(titled(*titles)[0])


def test_words_of_a_row_are_a_unit_sum():
    words = csr_matrix(np.array([[0, 0, 0], [0, 1, 0], [0, 0.6, 0.8], [0, 0, 0]], np.float32))
    rows = csr_matrix(np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 1]], np.float32))
    length = np.hypot(1.6, 0.8)
    expected = [[0, 1.6 / length, 0.8 / length], [0, 0, 0], [0, 0, 0], [0, 0.6, 0.8]]
    assert np.allclose(words_of_rows(rows, words).toarray(), expected)
