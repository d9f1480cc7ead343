"""Rewired links: every degree is kept, most links change, and none is repeated or leads to itself."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import datasets
from workbench.data.links import rewiring
from workbench.data.links.rewiring import changed, rewired_edges, rewired_relations, rewired_social
from workbench.errors import UserError


def rng(seed=0):
    return np.random.default_rng(seed)


def pairs(table):
    return set(zip(table["user"], table["friend"], strict=True))


def random_social(seed, n=60, mutual=150, one_sided=120):
    """Links without self links and repetitions: some in both directions, some in one, rows shuffled."""
    random, nodes = rng(seed), np.array([5, *range(100, 100 + n)])
    upper = np.argwhere(np.triu(np.ones((n, n)), 1))
    upper = upper[random.permutation(len(upper))[: mutual + one_sided]]
    turned = upper[mutual:]
    turned = np.where(random.random((len(turned), 1)) < 0.5, turned, turned[:, ::-1])
    rows = np.concatenate([upper[:mutual], upper[:mutual, ::-1], turned])
    table = pd.DataFrame(nodes[rows], columns=["user", "friend"]).sample(frac=1, random_state=seed)
    return table.assign(weight=np.arange(len(table))).reset_index(drop=True)


def degrees(table):
    """Of each user: mutual links, one-sided links to others, one-sided links from others."""
    links, counts = pairs(table), {}
    for user, friend in links:
        kinds = (0, 0) if (friend, user) in links else (1, 2)
        for node, kind in zip((user, friend), kinds, strict=True):
            counts.setdefault(node, [0, 0, 0])[kind] += 1
    return counts


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mutual, one_sided", [(150, 120), (150, 0), (0, 150), (900, 300), (1, 0), (0, 1)])
def test_social_links_keep_degrees_and_directions(seed, mutual, one_sided):
    table = random_social(seed, mutual=mutual, one_sided=one_sided)
    after = rewired_social(table, rng(seed))
    assert degrees(after) == degrees(table)
    assert not after.duplicated(["user", "friend"]).any() and (after["user"] != after["friend"]).all()
    assert after["weight"].tolist() == table["weight"].tolist() and after.dtypes.equals(table.dtypes)
    sparse = 1 < mutual + one_sided < 1_000
    assert changed(table, after) > 0.8 if sparse else changed(table, after) >= 0


def test_one_sided_links_keep_their_rows_and_users():
    table = random_social(1, mutual=0, one_sided=200)
    after = rewired_social(table, rng())
    assert after["user"].tolist() == table["user"].tolist()


def test_where_no_other_arrangement_exists_links_stay():
    n = 6
    whole = pd.DataFrame([(a, b) for a in range(n) for b in range(n) if a != b], columns=["user", "friend"])
    star = pd.DataFrame([(0, b) for b in range(1, n)], columns=["user", "friend"])
    for table in (whole, star, star[:0]):
        assert pairs(rewired_social(table, rng())) == pairs(table)
    heads, tails = np.divmod(np.arange(12), 4)
    assert set(zip(heads, rewired_edges(heads, tails, rng()), strict=True)) == set(zip(heads, tails, strict=True))


def test_self_links_are_never_made_and_a_repeated_link_is_refused():
    table = pd.DataFrame({"user": [1, 1, 3], "friend": [1, 2, 4]})
    for seed in range(20):
        after = rewired_social(table, rng(seed))
        assert (after["user"] == after["friend"]).sum() <= 1
        assert sorted(after["friend"]) == [1, 2, 4] and after["user"].tolist() == [1, 1, 3]
    with pytest.raises(UserError, match="a link is given twice"):
        rewired_social(pd.concat([table, table]), rng())


@pytest.mark.parametrize("seed", range(3))
def test_relations_keep_the_degrees_of_both_ends_by_relation(seed):
    random = rng(seed)
    table = pd.DataFrame({
        "head": random.integers(1, 200, 900), "relation": random.choice(list("abc"), 900, p=[0.8, 0.19, 0.01]),
        "tail": random.integers(150, 300, 900), "source": np.arange(900),
    })  # fmt: skip
    table = table.drop_duplicates(["head", "relation", "tail"])
    after = rewired_relations(table, rng(seed))
    for end in ("head", "tail"):
        counts = [each.groupby("relation")[end].value_counts().to_dict() for each in (table, after)]
        assert counts[0] == counts[1]
    assert not after.duplicated(["head", "relation", "tail"]).any()
    assert not ((after["head"] == after["tail"]) & (table["head"] != table["tail"])).any()
    assert changed(table, after) > 0.9 and after["source"].equals(table["source"])


def test_bipartite_edges_keep_degrees_and_may_share_a_number():
    random = rng(3)
    edges = np.unique(np.stack([random.integers(0, 80, 600), random.integers(0, 40, 600)], axis=1), axis=0)
    tails = rewired_edges(edges[:, 0], edges[:, 1], rng())
    assert np.array_equal(np.bincount(tails), np.bincount(edges[:, 1]))
    assert len(np.unique(np.stack([edges[:, 0], tails], axis=1), axis=0)) == len(edges)
    assert (tails != edges[:, 1]).mean() > 0.7 and (tails == edges[:, 0]).any()


def test_the_same_seed_gives_the_same_links_and_another_one_others():
    table = random_social(0)
    same = [pairs(rewired_social(table, rng(seed))) for seed in (7, 7, 8)]
    assert same[0] == same[1] != same[2]


def test_no_arrangement_is_preferred():
    """Groups of three links 0->3, 1->4, 2->5: each of the six matchings comes equally often."""
    groups, heads, tails = np.repeat(np.arange(600), 3), np.tile([0, 1, 2], 600), np.tile([3, 4, 5], 600)
    after = rewired_edges(heads, tails, rng(), groups=groups).reshape(-1, 3)
    found = np.unique(after, axis=0, return_counts=True)[1]
    assert len(found) == 6 and found.min() > 65 and found.max() < 135


def test_a_repeated_edge_is_not_multiplied():
    heads, tails = np.array([0, 0, 1, 2]), np.array([5, 5, 6, 7])
    for seed in range(10):
        after = rewired_edges(heads, tails, rng(seed))
        assert sorted(after) == [5, 5, 6, 7]
        assert len(set(zip(heads, after, strict=True))) >= 3


@pytest.mark.parametrize("name, table, most", [
    ("lastfm", "social", 0.15), ("filmtrust", "social", 0.15), ("ciao", "social", 0.1),
    ("lastfm", "relations", 0.2), ("kg-bookcrossing", "relations", 0.02)])
def test_bundled_links_are_nearly_all_changed(real, monkeypatch, name, table, most):
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    before = datasets.load(name).tables[table]
    rewire = rewired_social if table == "social" else rewired_relations
    after = rewire(before, rng())
    ends = ["user", "friend"] if table == "social" else ["head", "tail"]
    for end in ends:
        assert np.array_equal(np.sort(before[end]), np.sort(after[end]))
    assert changed(before, after) > 1 - most
    if table == "social":
        mutual = [len(links & {(b, a) for a, b in links}) for links in map(pairs, (before, after))]
        assert mutual[0] == mutual[1] and (after["user"] != after["friend"]).all()


def test_rounds_are_enough(monkeypatch):
    """Twice as many change no more: the links are mixed."""
    table = random_social(5, n=200, mutual=400, one_sided=400)
    share = changed(table, rewired_social(table, rng()))
    monkeypatch.setattr(rewiring, "ROUNDS", 2 * rewiring.ROUNDS)
    assert changed(table, rewired_social(table, rng())) == pytest.approx(share, abs=0.02)
