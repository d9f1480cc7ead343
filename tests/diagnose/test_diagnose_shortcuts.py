"""Shortcut diagnostics against values by hand, and against synthetic data that plant one shortcut each."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from toys import make_histories

from workbench import experiment
from workbench.data import Protocol, Split
from workbench.data.graph import BEYOND_MAX_HOPS, last_items, pair_hop_distances
from workbench.data.splits import Cases
from workbench.diagnose.data import branching, predictability
from workbench.diagnose.shortcuts import feature_smoothness, graph_distance, hard_subset, memorization
from workbench.errors import UserError
from workbench.evaluate.intervals import mean_interval


def split_of(train: list[list[int]], test: list[tuple[list[int], int]], n_items: int) -> Split:
    cases = Cases(make_histories(*(history for history, _ in test)), np.array([target for _, target in test], np.int32))
    return Split(make_histories(*train), cases, cases, len(train), n_items, Protocol(), "")


def bench(world: str):
    return experiment.open_bench(world, profile="smoke", protocol={"ties": "file"})


# 1 -> 2 twice, 1 -> 3 -> 4 -> 5 -> 6 -> 7; 8 follows itself
TRAIN = [[1, 2], [1, 2], [1, 3, 4, 5, 6, 7], [8, 8]]
CASES = [([1], target) for target in (2, 3, 4, 5, 6, 7, 1)] + [([8], 8), ([2], 1)]


def test_hops_between_items_by_hand():
    split = split_of(TRAIN, CASES, 9)
    assert graph_distance.target_distances(split).tolist() == [1, 1, 2, 3, 4, BEYOND_MAX_HOPS, 0, 1, BEYOND_MAX_HOPS]
    graph = branching.train_graph(split)
    assert graph_distance.neighborhood_sizes(graph, np.array([1, 8, 2, 1]), 3).tolist() == [
        [2, 1, 1],
        [1, 0, 0],
        [0, 0, 0],
        [2, 1, 1],
    ]
    assert last_items(make_histories([4, 5], [], [6]), 1).tolist() == [4, 0, 0]
    assert pair_hop_distances(graph, np.zeros(0, int), np.zeros(0, int)).tolist() == []


def test_hops_agree_with_a_one_sided_search():
    from workbench.data.graph import hop_distances

    split = bench("synthetic").split
    graph, before = branching.train_graph(split), last_items(split.test.histories)
    steps = hop_distances(graph, before, 4)[np.arange(len(before)), split.test.targets]
    own = before == split.test.targets
    assert np.array_equal(pair_hop_distances(graph, before, split.test.targets)[~own], steps[~own])


def test_hop_and_path_shares_add_up():
    split = split_of(TRAIN, CASES, 9)
    card = graph_distance.hop_coverage(split)
    assert [card[f"CR_{hop}"].value for hop in (1, 2, 3)] == pytest.approx([3 / 9, 1 / 9, 1 / 9])
    assert card["CR_<=3"].value == pytest.approx(5 / 9) == card.tables["hops"]["ceiling"][3]
    assert card["size_1"].value == 2
    paths = graph_distance.transition_coverage(split).tables["paths"]
    assert paths["share"].sum() == pytest.approx(1) == paths["null"].sum()
    with pytest.raises(UserError, match="no transition in train"):
        graph_distance.hop_coverage(split_of([[1], [2]], [([1], 2)], 2))


def test_inclusion_probability_agrees_with_sampling():
    counts, rng = np.array([0, 50, 20, 10, 5, 5, 5, 3, 1, 1, *[2] * 40]), np.random.default_rng(0)
    share, n = counts[1:] / counts.sum(), 12
    drawn = np.mean([np.bincount(rng.choice(49, n, replace=False, p=share), minlength=49) for _ in range(4000)], axis=0)
    probability = graph_distance.inclusion_probability(counts, np.full(49, n), np.arange(1, 50))
    assert probability == pytest.approx(drawn, abs=0.05) and probability.sum() == pytest.approx(n, rel=1e-3)


def test_rewired_graphs_keep_degrees():
    graph = branching.train_graph(bench("synthetic").split)
    dealt = graph_distance.rewire_edges(graph, np.random.default_rng(0))
    edges = (graph > 0).astype(float)
    assert (dealt.sum(0) == edges.sum(0)).all() and (dealt.sum(1) == edges.sum(1)).all() and (dealt != edges).nnz


def test_effective_branching_by_hand():
    counts = csr_matrix([[0, 2, 1, 1], [0, 5, 0, 0], [0, 0, 0, 0]])
    assert branching.effective_branching(counts, corrected=False)[:2] == pytest.approx([2**1.5, 1])
    assert branching.effective_branching(counts)[0] == pytest.approx(2**1.5 * np.exp(2 / 8))
    assert np.isnan(branching.effective_branching(counts)[2])


def test_a_chain_branches_little_and_is_predictable():
    chain, none = bench("synthetic-chain").split, bench("synthetic-null").split
    low = branching.branching(chain)
    assert low["effective branching, median"].significant and low["effective branching, median"].value < 5
    assert not branching.branching(none)["plug-in branching, mean"].significant
    assert graph_distance.hop_coverage(chain)["lift_1"].value > 5 > graph_distance.hop_coverage(none)["lift_1"].value
    bits = predictability.predictability(chain, shuffles=19)
    assert bits["transition bits"].value > 2 and bits["order bits"].significant and bits["order p-value"].value == 0.05
    nothing = predictability.predictability(none, shuffles=5)
    assert abs(nothing["transition bits"].value) < 0.1 and not nothing["order bits"].significant


def test_smoothed_bigram_by_hand():
    split = split_of([[1, 2], [1, 2], [1, 3]], [([1], 2)], 3)
    chance = np.array([0, 0.5, 0.25, 0.25])
    bits = predictability.bigram_bits(branching.train_graph(split), split.test, chance, 1.0)
    assert bits == pytest.approx([np.log2((2 + 0.25) / (3 + 1) / 0.25)])


def test_similarity_by_hand():
    assert feature_smoothness.share_below(np.array([0.9, 0.5]),
                                          np.array([[0.5, 0.95], [0.5, np.nan]])).tolist() == [0.5, 0.5]
    table = np.array([[0, 0], [1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8], [0, 0]], np.float32)
    known = (table != 0).any(1)
    assert feature_smoothness.similarity_ranks(table, known, np.array([1, 1, 1]), np.array([2, 4, 3])).tolist() == [1,
                                                                                                                    2,
                                                                                                                    3]
    order, rng = np.arange(1, 400), np.random.default_rng(0)
    others = feature_smoothness.popularity_matched_negatives(order, np.array([1, 200, 399]), 5000, rng)
    assert (others != np.array([[1], [200], [399]])).all() and (others.min(), others.max()) == (2, 398)
    assert (others[1].min(), others[1].max()) == (100, 300)


def test_a_walk_in_feature_space_is_smooth_and_a_chain_is_not():
    walk, chain = bench("synthetic-walk"), bench("synthetic-chain")
    card = feature_smoothness.feature_smoothness(walk.split, walk.vectors("text"))
    assert card["AUC_f"].value > 0.85 and card["AUC_f beyond one hop"].significant and card["percentile"].significant
    assert card["AUC_f"].null == pytest.approx(0.5, abs=0.05) and card["excluded cases"].value < 0.1
    plain = feature_smoothness.feature_smoothness(chain.split, chain.vectors("text"))
    assert plain["AUC_f"].value == pytest.approx(0.5, abs=0.06)


def test_items_without_a_vector_are_excluded():
    part = bench("synthetic-walk")
    table = part.vectors("text").copy()
    table[::2] = 0
    assert 0.5 < feature_smoothness.feature_smoothness(part.split, table)["excluded cases"].value < 0.9
    for vectors, message in ((None, "no item features"), (0 * table, "no test case has vectors"), (table[1:], "rows")):
        with pytest.raises(UserError, match=message):
            feature_smoothness.feature_smoothness(part.split, vectors)


def test_generalization_kinds_by_hand():
    train = [[1, 2, 3], [4, 5], [6, 5], [9, 7], [9, 8]]
    asked = [([1], 2), ([2], 1), ([1, 9], 3), ([1], 3), ([4], 6), ([7], 8), ([3], 1), ([1], 10)]
    hops = memorization.generalization_hops(split_of(train, asked, 10))
    assert memorization.generalization_kinds(hops).tolist() == [
        "memorized", "symmetry", "substitutability", "transitivity", *["second-order symmetry"] * 3, "rest",
    ]  # fmt: skip
    assert hops.loc[3].tolist() == [0, 2, 0, 1, 0], "1 -> 2 -> 3 needs one hop; 3 two events after 1 needs two"
    assert hops.loc[2].tolist() == [0, 2, 0, 2, 0], "it follows the item before the last by two events"
    shares = memorization.kind_shares(hops)
    assert shares["labelled"].sum() == pytest.approx(1) and shares.loc["memorized", "holds"] == 1 / 8


def test_metrics_by_kind():
    names = np.array(["a", "b", "b", "a", "b"])
    table = memorization.metric_by_kind({"x": np.array([1.0, 0, 0, 0, 0]), "y": np.ones(5)}, names)
    assert table.loc[("a", "x"), ["mean", "n", "share"]].tolist() == [0.5, 2, 0.4]
    assert table.index.get_level_values("kind").unique().tolist() == ["all", "b", "a"]
    with pytest.raises(UserError, match="z has 1 cases, but 5 are labelled"):
        memorization.metric_by_kind({"z": np.ones(1)}, names)


def test_the_hard_subset_excludes_near_and_similar_targets():
    split = split_of(TRAIN, CASES, 9)
    assert hard_subset.hard_cases(split).tolist() == [False, False, False, True, True, True, False, False, True]
    table = np.ones((10, 2), np.float32)
    assert not hard_subset.hard_cases(split,
                                      table)[[3, 4, 5, 8]].any(), "all nine items are among the fifty most similar"


def test_random_subsets_match_size_and_popularity():
    rng = np.random.default_rng(0)
    popularity = rng.integers(0, 100, 2000)
    mask = rng.random(2000) < popularity / 200
    subsets = hard_subset.popularity_matched_subsets(mask, popularity, draws=50)
    assert (subsets.sum(1) == mask.sum()).all() and len(np.unique(subsets, axis=0)) == 50
    assert popularity[np.nonzero(subsets)[1]].mean() == pytest.approx(popularity[mask].mean(), rel=0.02)


def test_a_reversed_ranking_on_the_hard_subset_is_significant():
    rng = np.random.default_rng(0)
    mask, popularity = rng.random(3000) < 0.3, rng.integers(0, 50, 3000)
    good = {"easy": (0.4, 0.1), "middle": (0.3, 0.2), "deep": (0.2, 0.3)}
    values = {name: (rng.random(3000) < np.where(mask, low, high)).astype(float) for name, (high, low) in good.items()}
    card = hard_subset.ranking_agreement(values, mask, popularity=popularity)
    assert card["tau on the hard subset"].value == -1 and card["tau on the hard subset"].null > 0.9
    lead = card["lead on the hard subset"]
    assert lead.significant and "deep, the best system" in lead.note
    ranking = card.tables["ranking"]
    assert ranking["rank on hard"].tolist() == [3, 2, 1]
    assert ranking.loc["deep", ["hard low", "hard high"]].tolist() == list(mean_interval(values["deep"][mask]))
    assert (ranking["all low"] < ranking["all"]).all() and (ranking["all"] < ranking["all high"]).all()
    same = hard_subset.ranking_agreement({"a": np.ones(9), "b": np.zeros(9)}, np.arange(9) < 4, popularity=np.ones(9))
    assert same["tau on the hard subset"].value == 1 and not same["lead on the hard subset"].significant
    with pytest.raises(UserError, match="at least two systems"):
        hard_subset.ranking_agreement({"a": np.ones(9)}, np.ones(9, bool), popularity=np.ones(9))
    with pytest.raises(UserError, match="hard subset is empty"):
        hard_subset.ranking_agreement({"a": np.ones(9), "b": np.ones(9)}, np.zeros(9, bool), popularity=np.ones(9))


def test_an_interval_of_many_distinct_values_is_that_of_normal_theory():
    values = np.random.default_rng(0).gamma(2, 3, 20_000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert mean_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.05 * half)
