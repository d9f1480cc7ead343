"""Tests within prefixes: a copy of the prefix is not significant, a latent that distinguishes items of a prefix is."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.sparse import csr_matrix, hstack

from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.code_confound import prefix_conditional_test, prefix_test_power, summarize_by_level
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.concepts.permutation_test import standardize, z_scores
from workbench.probing.concepts.stratified_test import (
    center_within_strata,
    log_permutations,
    permutation_cells,
    stratified_effects,
)
from workbench.tokens import item_codes

ITEMS, N, PREFIXES = 480, 8_000, 12
RNG = np.random.default_rng(0)
CODE = np.arange(ITEMS) % PREFIXES
# the first four prefixes are of one category each; in the others it is drawn
CATEGORY = np.where(CODE < 4, CODE, RNG.integers(0, 4, ITEMS))
RAW = np.array([f"item {i}" for i in range(ITEMS)], object)
CODES = item_codes(np.column_stack([CODE, RNG.permutation(ITEMS) % 40]).astype(np.int32), (PREFIXES, 40), RAW)
MEMBERS = csr_matrix((np.ones(ITEMS, np.float32), (1 + np.arange(ITEMS), CATEGORY)), shape=(ITEMS + 1, 4))
KNOWN = Concepts(np.array([f"category: {c}" for c in range(4)], object), np.array(["category"] * 4, object), MEMBERS)
COUNTS = np.concatenate([[0], RNG.permutation(ITEMS) + 1])


def activations(seed):
    rng = np.random.default_rng(seed)
    following, zero = rng.integers(1, ITEMS + 1, N // 2).repeat(2), np.zeros(N, np.int32)
    level = np.tile([0, 1], N // 2).astype(np.int32)
    return Activations(np.zeros((N, 1), np.float32), zero, zero, zero, zero + 1, following, level, Site("x"), "")


def table(make, draws=199, concepts=KNOWN):
    """The test of latents whose activations are the columns `make(items, level, rng)`."""
    sides = []
    for seed in (1, 2):
        found = activations(seed)
        columns = make(found.next, found.level, np.random.default_rng(100 + seed))
        sides.append((found, hstack([csr_matrix(c.astype(np.float32)[:, None]) for c in columns]).tocsr()))
    return prefix_conditional_test(*sides, concepts, CODES, COUNTS, draws=draws).set_index(["level", "latent"])


def test_a_copy_of_the_prefix_is_distinguished_from_the_category():
    code, category, mixed = (np.concatenate([[-1], a]) for a in (CODE, CATEGORY, CODE >= 4))

    def make(items, level, rng):
        noise = rng.random(N)
        return [
            (code[items] == 1) & (level == 1),  # a copy of the code that was read, to the last digit
            (code[items] == 2) * (level == 1) * (0.5 + noise),  # and a noisy one
            (category[items] == 3) & (mixed[items] == 1) & (level == 1),  # the category, where the code does not tell
            (category[items] == 1) * (level == 0) * noise,  # foreseen before any code is read
        ]  # fmt: skip

    found = table(make)
    assert found["concept"][1].tolist()[:3] == ["category: 1", "category: 2", "category: 3"]
    assert found["significant"][1].tolist() == [True, True, True, False]
    assert found["beyond_prefix"][1].tolist() == [False, False, True, False]
    assert found["within"][1, 0] == 0 and found["p"][1, 0] == 1, "nothing varies inside the prefix"
    assert found["p"][1, 1] > 0.01 and abs(found["within"][1, 1]) < 3
    assert found["p"][1, 2] == 1 / 200 and found["within"][1, 2] > 5
    assert found["significant"][0].tolist() == found["beyond_prefix"][0].tolist() == [False, False, False, True]
    first = found.loc[0]
    assert np.allclose(first["within"], first["overall"]) and first["p"][3] == first["p_overall"][3] == 1 / 200
    assert np.isnan(found["p"][0, 0]) and pd.isna(found["concept"][0, 0]), "inactive at that level"
    told = summarize_by_level(found.reset_index())
    assert told.loc[1, ["significant", "tested", "beyond_prefix"]].tolist() == [3, 3, 1]
    assert told["share"].tolist() == pytest.approx([1, 1 / 3]) and told["activation_share"].tolist() == [1, 1]
    assert found["activation_share"][1].sum() == pytest.approx(1) and 0 < told["activation_share_beyond_prefix"][1] < 1


def test_p_values_of_noise_are_uniform_at_every_level():
    def make(items, level, rng):
        own = np.random.default_rng(7)
        return [own.random(ITEMS + 1)[items] * (0.5 + rng.random(N)) for _ in range(100)]

    found = table(make)
    for level in (0, 1):
        for p in ("p", "p_overall"):
            assert stats.kstest(found[p][level], "uniform").pvalue > 0.01
    assert found["beyond_prefix"].sum() <= 2


def test_a_function_of_the_prefix_is_never_beyond_the_prefix():
    """Random functions of the prefix: some are significant overall, as prefixes carry category information."""

    def make(items, level, rng):
        value = np.random.default_rng(3).random((PREFIXES, 60))[np.concatenate([[0], CODE])[items]]
        return list((value * (0.8 + 0.4 * rng.random((N, 1)))).T)

    found = table(make)
    assert found["significant"][1].mean() > 0.3 and found["beyond_prefix"][1].sum() <= 1


def test_a_concept_constant_within_prefixes_is_not_tested():
    """A concept that never divides a prefix has no distinct permutations within prefixes."""
    pure = csr_matrix((np.ones(ITEMS, np.float32), (1 + np.arange(ITEMS), CODE % 2)), shape=(ITEMS + 1, 2))
    names = np.array(["category: even", "category: odd"], object)
    category = np.concatenate([[-1], CODE % 2])
    found = table(lambda items, level, rng: [(category[items] == 1) * rng.random(N)],
                  concepts=Concepts(names, np.array(["category"] * 2, object), pure))  # fmt: skip
    assert found["significant"][1, 0] and np.isnan(found["p"][1, 0]) and found["informative_items"][1, 0] == 0
    assert not found["beyond_prefix"][1, 0] and summarize_by_level(found.reset_index())["tested"][1] == 0


def test_the_power_of_the_test():
    """Activations that contain the code and one category beyond it: a dense direction is significant for that
    category."""
    category, code = (np.concatenate([[-1], a]) for a in (CATEGORY, CODE))
    sides = []
    for seed in (1, 2):
        found, rng = activations(seed), np.random.default_rng(seed)
        x = 3 * np.eye(PREFIXES)[code[found.next], :6]
        x[:, 5] += category[found.next] == 2
        x = x * found.level[:, None] + rng.standard_normal((N, 6))
        sides.append(replace(found, x=x.astype(np.float32)))
    found = prefix_test_power(*sides, KNOWN, CODES, COUNTS, draws=199).set_index(["level", "concept"])
    assert (found["p_oracle"] == 1 / 200).all(), "with forty items per prefix the test has power for every concept"
    assert found["q"][1, "category: 2"] < 0.05 and found["within"][1, "category: 2"] > 4
    assert (found["q"][0] > 0.05).all() and abs(found["within"][0]).max() < 3.5, "and none for level 0"


def test_one_stratum_is_the_plain_difference():
    rng = np.random.default_rng(0)
    rows, members = rng.random((90, 5)), csr_matrix((rng.random((90, 3)) < 0.3).astype(np.float32))
    plain = z_scores(standardize(rows, np.arange(90)), members)
    stratified = stratified_effects(center_within_strata(rows, np.zeros(90)), members, np.zeros(90))
    assert np.allclose(stratified, plain * (89 / 90) ** 0.5, atol=1e-4)
    moved = rows + np.repeat(rng.random((3, 5)) * 50, 30, axis=0)  # strata far apart
    stratum = np.repeat([0, 1, 2], 30)
    near, far = (stratified_effects(center_within_strata(a, stratum), members, stratum) for a in (rows, moved))
    assert np.allclose(near, far, atol=1e-6)


def test_effects_have_unit_variance_under_permutation():
    rng = np.random.default_rng(1)
    stratum, rows = np.repeat(np.arange(6), 15), rng.random((90, 1)) + np.repeat(rng.random(6), 15)[:, None]
    left, label = center_within_strata(rows, stratum), rng.random(90) < np.repeat(rng.random(6), 15)

    def permuted():
        blocks = [rng.permutation(label[start : start + 15]) for start in range(0, 90, 15)]
        return csr_matrix(np.concatenate(blocks).astype(float)[:, None])

    drawn = [stratified_effects(left, permuted(), stratum)[0, 0] for _ in range(600)]
    assert abs(np.mean(drawn)) < 0.15 and np.std(drawn) == pytest.approx(1, abs=0.1)


def test_cells_are_of_one_prefix_and_of_like_popularity():
    prefix, popularity = np.repeat([3, 1, 2], [45, 9, 230]), np.random.default_rng(0).permutation(284)
    found = permutation_cells(prefix, popularity)
    for p, bands in ((3, 4), (1, 1), (2, 10)):
        mine = found[prefix == p]
        assert len(np.unique(mine)) == bands and np.bincount(mine)[np.unique(mine)].min() >= 9
        assert (np.diff(mine[np.argsort(popularity[prefix == p])]) >= 0).all()
    assert len(np.unique(found)) == 15
    label = csr_matrix(np.array([[1], [0], [0], [1], [0]], float))
    assert np.exp(log_permutations(label, np.array([0, 0, 0, 1, 1]))) == pytest.approx([6]), "3 times 2"
