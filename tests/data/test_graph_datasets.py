"""Datasets with links on the real files: counts that only the right join gives, links, traps; errors on small ones."""
import gzip
import io
import json

import numpy as np
import polars as pl
import pytest
from scipy.io import savemat

from workbench.data import Protocol, datasets, split
from workbench.data.datasets.graphs import rokomaribg
from workbench.data.formats.containers.number_arrays import read_mat, read_npy
from workbench.data.formats.file_lookup import Content
from workbench.data.lint.table_lints import table_findings
from workbench.errors import UserError

BOOKS = Protocol(split="ratio", ratios=(0.7, 0.15, 0.15))


@pytest.fixture(scope="module")
def loaded(real):
    """Each dataset, loaded once by name and options."""
    cache = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_OFFLINE", "1")

        def load(name, **options):
            key = (name, *options.values())
            return cache[key] if key in cache else cache.setdefault(key, datasets.load(name, **options))

        yield load


def raw_pairs(dataset):
    """The set of (user, item) in raw ids."""
    events = dataset.interactions
    users, items = dataset.users["raw_id"][events["user"]], dataset.items["raw_id"][events["item"]]
    return set(zip(users, items, strict=True))


@pytest.mark.parametrize("name, published", [
    ("filmtrust", ["RATINGS", "TRUST"]), ("ciao", ["RATINGS", "TRUST"]), ("kg-bookcrossing", ["RATINGS", "GRAPH"])])
def test_files_are_the_published_ones(loaded, name, published):
    module = datasets.REGISTRY.load(name)
    files = [getattr(module, each) for each in published]
    assert loaded(name).about["files"] == {file.path: file.sha256 for file in files}


@pytest.mark.parametrize("name", ["filmtrust", "ciao", "kg-bookcrossing", "rokomaribg"])
def test_no_pair_is_repeated_and_the_lint_finds_no_fault_in_the_links(loaded, name):
    dataset = loaded(name)
    assert dataset.order == "none" and not dataset.has_times
    assert not dataset.interactions.duplicated(["user", "item"]).any()
    found = {each.check: each.value for each in table_findings(dataset)}
    faults = [each for each in found if each.endswith(("self links", "duplicated links", "duplicated triples"))]
    assert len(faults) == 2 and not any(found[each] for each in faults)


class TestRokomariBG:
    def test_both_joins_have_the_counts_of_the_files(self, loaded):
        """205,924 pairs by every book of a user's reviews; 175,692 where a dict keeps one book and user a review."""
        pairs, last = loaded("rokomaribg"), loaded("rokomaribg", join="last-wins")
        lengths = pairs.interactions["user"].value_counts()
        assert (len(pairs.interactions), (lengths >= 3).sum(), (lengths >= 5).sum(), lengths.max()) == (
            205_924, 18_610, 9_695, 414)  # fmt: skip
        assert len(last.interactions) == 175_692 and (last.interactions["user"].value_counts() >= 3).sum() == 15_427
        assert raw_pairs(last) < raw_pairs(pairs)
        assert any("31143 of these rows show a review at a further book" in note for note in pairs.about["notes"])
        assert not any("further book" in note for note in last.about["notes"])
        with pytest.raises(UserError, match="unknown join of rokomaribg 'last'; did you mean 'last-wins'"):
            datasets.load("rokomaribg", join="last")

    def test_the_joins_equal_loops_over_the_rows(self, real):
        """A naive join is 302,548 rows; on the first reviews, pairs and dicts are joined by hand."""
        rows = {name: json.loads(gzip.decompress((real / "rokomaribg" / f"{name}.json.gz").read_bytes()))
                for name in ("user_to_review", "book_to_review")}  # fmt: skip
        written, reviewed = (pl.DataFrame(each).cast(pl.String) for each in rows.values())
        assert len(written.join(reviewed, on="review_id")) == 302_548
        some = written["review_id"].value_counts(sort=True)["review_id"][:300]
        written, reviewed = (table.filter(pl.col("review_id").is_in(some.implode())) for table in (written, reviewed))
        by_user, user_of, book_of = {}, {}, {}
        for user, review in written.select("user_id", "review_id").iter_rows():
            by_user.setdefault(review, set()).add(user)
            user_of[review] = user
        expected = set()
        for book, review in reviewed.select("book_id", "review_id").iter_rows():
            expected |= {(user, book) for user in by_user[review]}
            book_of[review] = book
        for join, by_hand in (("pairs", expected), ("last-wins", {(user_of[r], book_of[r]) for r in user_of})):
            pairs, notes = rokomaribg.join_reviews(written, reviewed, join)
            assert set(pairs.iter_rows()) == by_hand and len(pairs) == len(by_hand)
            assert notes[0].startswith(f"join={join}: ")

    def test_attributes_and_edges_say_the_same(self, loaded):
        dataset = loaded("rokomaribg")
        known = (dataset.items[["author", "publisher", "category"]] != "").mean().round(3).tolist()
        assert known == [0.822, 0.914, 0.885]
        edges = dataset.tables["relations"]
        assert edges["relation"].value_counts().to_dict() == {"category": 42_334, "author": 21_339, "publisher": 16_148}
        assert (edges["head"] <= dataset.n_items).all() and (edges["tail"] > dataset.n_items).all()
        assert edges.groupby("tail")["relation"].nunique().max() == 1, "an author's number is no publisher's"
        assert dataset.about["dropped"] == {"edges of books without a review": 427_927 - len(edges)}
        for kind in ("author", "publisher", "category"):
            heads = edges["head"][edges["relation"] == kind]
            assert set(heads) == set(dataset.items.index[dataset.items[kind] != ""])
        publisher = edges[edges["relation"] == "publisher"].set_index("head")["tail"]
        by_name = dataset.items["publisher"][publisher.index].groupby(publisher.to_numpy()).nunique()
        assert by_name.max() == 1
        assert not dataset.items["category"].str.contains("Rokomari.com").any()

    def test_the_ratio_split_gives_each_part_its_share(self, loaded):
        cut = split(loaded("rokomaribg"), BOOKS)
        assert len(cut.test.histories) == len(cut.valid.histories) == 18_610
        assert len(cut.train.items) + len(cut.valid.targets) + len(cut.test.targets) == 205_924
        assert not cut.test.in_history().any()

    @pytest.mark.parametrize("join, copies", [("pairs", 0.305), ("last-wins", 0.018)])
    def test_a_random_split_of_pairs_has_copies_of_a_review_on_both_sides(self, loaded, join, copies):
        """One review stands at several editions: of three test books one has a sibling in the user's history."""
        dataset = loaded("rokomaribg", join=join)
        group, test = np.concatenate([[-1], dataset.items["review_group"]]), split(dataset, BOOKS).test
        known = set(zip(test.histories.rows(), group[test.histories.items], strict=True))
        siblings = [pair in known for pair in zip(test.rows(), group[test.targets], strict=True)]
        assert np.mean(siblings) == pytest.approx(copies, abs=0.001)

    def test_books_that_share_reviews_are_one_group(self):
        rows = [("a", 1), ("b", 1), ("b", 2), ("c", 2), ("d", 3), ("e", 4), ("d", 3)]
        table = rokomaribg.review_groups(pl.DataFrame(rows, ["book_id", "review_id"], orient="row").cast(pl.String))
        groups = dict(table.iter_rows())
        assert groups["a"] == groups["b"] == groups["c"] and len(set(groups.values())) == 3 and len(table) == 5

    @pytest.mark.parametrize("text, message", [
        ("[{", "not a JSON list"), ("", "not a JSON list"), ("[1]", "not a JSON list"), ("[]", "the list is empty"),
        ("{}", "record 1 has no book_id"), ('[{"book_id": 1}]', "record 1 has no review_id"),
        ('[{"book_id": 1, "review_id": 2}, {"book_id": "", "review_id": 2}]', "record 2 has no book_id"),
        ('[{"book_id": [1], "review_id": 2}]', "not a JSON list"),
    ])  # fmt: skip
    def test_errors_name_the_record(self, text, message):
        with pytest.raises(UserError, match=message):
            rokomaribg.read_records(Content(text.encode(), "book_to_review.json.gz"), "book_id", "review_id")


def test_filmtrust_ratings_and_trust(loaded, real):
    dataset = loaded("filmtrust")
    assert dataset.about["read"] == {"ratings": 35_497, "trust links": 1_853}
    assert sorted(dataset.interactions["rating"].unique()) == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
    links = np.loadtxt(real / "filmtrust" / "trust.txt", dtype=int)[:, :2]
    raters = set(dataset.users["raw_id"])
    known = {(str(a), str(b)) for a, b in links if {str(a), str(b)} <= raters}
    social = dataset.tables["social"]
    ours = zip(dataset.users["raw_id"][social["user"]], dataset.users["raw_id"][social["friend"]], strict=True)
    assert set(ours) == known and len(social) == len(known) == 1_632
    assert dataset.about["dropped"] == {"ratings of a film that the user has rated already": 3,
                                        "rows of social about unknown ids": 221}  # fmt: skip


def test_ciao_friends_rate_the_same_products(loaded):
    """Users and links share their numbers: who trusts whom has rated more of the same than two users at random."""
    dataset = loaded("ciao")
    assert dataset.about["read"] == {"ratings": 284_086, "trust links": 111_781}
    assert dataset.about["dropped"] == {"ratings of a product that the user has rated already": 1_436}
    assert dataset.items["category"].nunique() == 28 and dataset.items["category"].str.match(r"category \d+$").all()
    assert dataset.interactions["rating"].between(0, 5).all() and (dataset.interactions["rating"] == 0).sum() == 33
    social, rng = dataset.tables["social"].sample(4_000, random_state=0), np.random.default_rng(0)
    lists = dataset.interactions.groupby("user")["item"].agg(set)

    def shared(users, friends):
        return np.mean([len(lists[a] & lists[b]) for a, b in zip(users, friends, strict=True)])

    assert shared(social["user"], social["friend"]) > 1.5 * shared(social["user"], rng.permutation(social["friend"]))


def test_bookcrossing_keeps_positives_and_its_graph_fits_the_items(loaded, real):
    dataset = loaded("kg-bookcrossing")
    pairs = np.load(real / "kg_bookcrossing" / "ratings_final.npy")
    assert raw_pairs(dataset) == {(str(u), str(i)) for u, i, label in pairs if label == 1}
    assert dataset.about["dropped"] == {"pairs labelled 0, sampled by the authors as negatives": 69_873}
    edges = dataset.tables["relations"]
    between_others = (edges[["head", "tail"]] > dataset.n_items).all(axis=1).sum()
    assert len(edges) == 151_500 and between_others == 116_533 and edges["relation"].nunique() == 25
    items = edges[edges["head"] <= dataset.n_items]
    assert items["head"].nunique() == dataset.n_items, "each item is the head of a triple"
    tails = items.groupby("head")["tail"].agg(set)
    readers = dataset.interactions.groupby("user")["item"].agg(list)
    together = [(each[0], each[1]) for each in readers if len(each) > 1]
    first, second = map(np.array, zip(*together, strict=True))

    def common(a, b):
        return np.mean([len(tails[x] & tails[y]) for x, y in zip(a, b, strict=True)])

    assert common(first, second) > 3 * common(first, np.random.default_rng(0).permutation(second))


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return Content(file.getvalue(), "x.npy")


def mat(**arrays):
    file = io.BytesIO()
    savemat(file, arrays)
    return Content(file.getvalue(), "x.mat")


@pytest.mark.parametrize("read, message", [
    (lambda: read_npy(Content(b"no", "x.npy"), 3), "not a plain numpy array"),
    (lambda: read_npy(npy(np.array([[{}]], object)), 1), "not a plain numpy array"),
    (lambda: read_npy(npy(np.zeros((4, 2), int)), 3), r"an array \(4, 2\) of int64; 3 columns"),
    (lambda: read_npy(npy(np.zeros((0, 3), int)), 3), "at least one row"),
    (lambda: read_npy(npy(np.array([["a", "b"]])), 2), "of <U1"),
    (lambda: read_npy(npy(np.array([[1, 2], [3, -4]])), 2), "row 2 has no whole numbers"),
    (lambda: read_npy(npy(np.array([[1, 2.5]])), 2), "row 1 has no whole numbers"),
    (lambda: read_npy(npy(np.array([[1, 2], [1, np.nan]])), 2), "row 2"),
    (lambda: read_mat(Content(b"no", "x.mat"), "rating", 5), "x.mat: not a MATLAB 5 file"),
    (lambda: read_mat(Content(mat(rating=np.ones((9, 5))).data[:200], "x.mat"), "rating", 5), "x.mat: not a MATLAB 5"),
    (lambda: read_mat(mat(trust=np.ones((2, 2))), "rating", 5), "it has no matrix 'rating', but trust"),
    (lambda: read_mat(mat(rating=np.ones((2, 2))), "rating", 5), r"an array \(2, 2\)"),
    (lambda: read_mat(mat(rating=np.array([["a"]], object)), "rating", 1), "of object"),
])  # fmt: skip
def test_arrays_that_are_no_tables_of_whole_numbers_are_refused(read, message):
    with pytest.raises(UserError, match=message) as caught:
        read()
    assert caught.value.code == 3


def test_arrays_of_floats_that_are_whole_are_read():
    assert read_npy(npy(np.array([[1.0, 2.0]])), 2).tolist() == [[1, 2]]
    table = read_mat(mat(rating=np.array([[3, 4]], np.uint16)), "rating", 2)
    assert table.tolist() == [[3, 4]] and table.dtype == np.int64
