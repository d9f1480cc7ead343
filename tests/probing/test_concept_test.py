"""The concept test: true concepts are significant, a single popular item is not, and false discoveries are
controlled."""
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.sparse import csr_matrix, hstack

from workbench.data import datasets
from workbench.data.protocol import protocol_for
from workbench.data.splits import split
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import concept_test, mean_by_item
from workbench.probing.concepts.concepts import Concepts, item_concepts, popularity_deciles
from workbench.probing.concepts.permutation_test import benjamini_hochberg, permute_within_strata, popularity_strata

ITEMS, N = 400, 12_000


def activations(seed):
    """N positions at items of which few are popular; the next item is another draw."""
    rng = np.random.default_rng(seed)
    rate = np.arange(1, ITEMS + 1) ** -0.8
    last, following = rng.choice(ITEMS, (2, N), p=rate / rate.sum()) + 1
    zero = np.zeros(N, np.int32)
    return Activations(np.zeros((N, 1), np.float32), zero, zero, zero, last, following, zero, Site("x"), "")


def concepts(seed=0, count=12, least=10):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, count, ITEMS)
    members = csr_matrix((np.ones(ITEMS, np.float32), (1 + np.arange(ITEMS), label)), shape=(ITEMS + 1, count))
    names = np.array([f"category: {at}" for at in range(count)], object)
    return Concepts(names, np.array(["category"] * count, object), members)


KNOWN = concepts()
COUNTS = np.bincount(activations(9).last, minlength=ITEMS + 1)


def table(make, source="last", draws=199):
    """The test of latents whose activations are the columns `make(items, rng)`, (N,) each."""
    sides = []
    for seed in (1, 2):
        found = activations(seed)
        rng = np.random.default_rng(100 + seed)
        columns = make(getattr(found, source), rng)
        sides.append((found, hstack([csr_matrix(c.astype(np.float32)[:, None]) for c in columns]).tocsr()))
    return concept_test(*sides, KNOWN, COUNTS, source=source, draws=draws)


def of(concept, items):
    return np.asarray(KNOWN.members[items, concept].todense()).ravel() > 0


@pytest.mark.parametrize("source", ["last", "next"])
def test_a_true_concept_is_significant_and_one_item_is_not(source):
    popular = np.argsort(-COUNTS)[:3]  # one item each, read thousands of times

    def make(items, rng):
        noise = rng.random(N)
        return [of(3, items) * (noise < 0.6), *[(items == item) * noise for item in popular], (noise < 0.1) * noise]

    found = table(make, source)
    assert found["concept"][0] == "category: 3" and found["significant"][0] and found["p"][0] == 1 / 200
    assert not found["significant"][1:].any() and np.isnan(found["p"][1:4]).all(), "one item is in one half only"
    assert found["effective_items"][1:4].max() < 1.01 and found["effective_items"][0] > 10
    assert found["top_item"][1:4].tolist() == popular.tolist()


def test_popular_items_are_not_significant():
    """Labels are permuted among items of similar popularity, so activity on popular items alone has no effect."""
    found = table(lambda items, rng: [(COUNTS[items] > np.quantile(COUNTS[1:], 0.9)) * rng.random(N) for _ in range(8)])
    assert not found["significant"].any()


def test_p_values_of_noise_are_uniform():
    """Latents that are active on a random third of the items each."""

    def make(items, rng):
        own = np.random.default_rng(7)
        return [(own.random(ITEMS + 1) < 0.33)[items] * (0.5 + rng.random(N)) for _ in range(120)]

    found = table(make)
    assert stats.kstest(found["p"], "uniform").pvalue > 0.01
    assert found["significant"].sum() <= 2


def test_popularity_itself_is_never_significant():
    top = popularity_deciles(COUNTS) == 9
    members = csr_matrix(np.where(top, 1, 0)[:, None].astype(np.float32))
    known, sides = Concepts(np.array(["popular"], object), np.array(["popularity"]), members), []
    for seed in (1, 2):
        found = activations(seed)
        sides.append((found, csr_matrix(top[found.last][:, None].astype(np.float32))))
    told = concept_test(*sides, known, COUNTS, draws=99)
    assert told["concept"].isna()[0] and not told["significant"][0]


def test_inactive_latents_are_left_out():
    found = table(lambda items, rng: [np.zeros(N), of(5, items) * 1.0])
    assert np.isnan(found["p"][0]) and pd.isna(found["concept"][0]) and not found["significant"][0]
    assert found["significant"][1] and found["activation_share"].tolist() == [0, 1]


def test_means_by_item():
    z = csr_matrix(np.array([[1.0, 0], [3, 0], [0, 4], [2, 2]], np.float32))
    means = mean_by_item(z, csr_matrix((np.ones(4), (np.arange(4), [2, 2, 1, 4])), shape=(4, 5)))
    assert means.tolist() == [[0, 0], [0, 4], [2, 0], [0, 0], [2, 2]]


def test_permutations_stay_within_strata():
    stratum = popularity_strata(COUNTS, np.arange(1, ITEMS + 1))
    assert np.bincount(stratum).tolist() == [40] * 10
    order = permute_within_strata(stratum, np.random.default_rng(0))
    assert sorted(order) == list(range(ITEMS)) and (stratum[order] == stratum).all()
    assert (order != np.arange(ITEMS)).mean() > 0.9


def test_benjamini_hochberg_by_hand():
    p = np.array([0.001, 0.02, 0.03, 0.8])
    assert benjamini_hochberg(p) == pytest.approx([0.004, 0.04, 0.04, 0.8])


def test_item_concepts_of_a_dataset():
    dataset = datasets.load("synthetic", users=200)
    known = item_concepts(dataset, split(dataset, protocol_for(dataset)))
    families = set(known.families)
    assert {"category 1", "category 2", "brand", "popularity"} <= families
    size = np.asarray(known.members.sum(axis=0)).ravel()
    assert size.min() >= 10 and known.members[0].nnz == 0 and set(np.unique(known.members.data)) == {1.0}
    name = next(n for n in known.names if n.startswith("brand: "))
    mine = dataset.items.index[dataset.items["brand"] == name.removeprefix("brand: ")]
    assert known.members[:, known.names.tolist().index(name)].nonzero()[0].tolist() == sorted(mine)
    columns = pd.Series(known.names)
    assert columns.is_unique and not columns.str.contains("nan").any()
