"""What holds for every tokenizer that learns from vectors: planted structure, seeds, new items, errors, and kinds."""
import logging

import numpy as np
import pytest

from workbench import tokens
from workbench.data import datasets
from workbench.errors import UserError
from workbench.tokens.balanced_kmeans import BalancedKMeans
from workbench.tokens.code_usage import warn_of_unused_codes
from workbench.tokens.fsq import FSQ
from workbench.tokens.pq import PQ
from workbench.tokens.rq_vae import RQVAE

KINDS = ("rq-vae", "balanced-kmeans", "fsq", "pq")
QUICK = {"steps": 150, "hidden": (32,)}


def make(kind, *, levels=2, size=8, **settings):
    """An untrained tokenizer of toy size."""
    if kind == "rq-vae":
        return RQVAE(levels=levels, size=size, **{"width": 8} | QUICK | settings)
    if kind == "fsq":
        return FSQ(levels=levels, size=size, **QUICK | settings)
    return {"balanced-kmeans": BalancedKMeans, "pq": PQ}[kind](levels=levels, size=size, **settings)


def planted(n=400, width=12, seed=0):
    """Vectors of 8 groups of 4 sub-groups each, off-centre, and the group and sub-group of each; groups lie apart."""
    rng = np.random.default_rng(seed)
    group, sub = np.arange(n) % 8, np.arange(n) // 8 % 4
    centres, shifts = rng.normal(size=(8, width)) * 3, rng.normal(size=(4, width)) * 0.7
    return (centres[group] + shifts[sub] + 1 + rng.normal(size=(n, width)) * 0.05).astype(np.float32), group, sub


def unexplained(vectors, approximation):
    return ((vectors - approximation) ** 2).sum() / ((vectors - vectors.mean(0)) ** 2).sum()


def purity(codes, group):
    """The share of items whose group is the most common one of their code."""
    return sum(np.bincount(group[codes == code]).max() for code in np.unique(codes)) / len(codes)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    return request.param, make(request.param).fit(planted()[0])


def test_planted_groups_are_recovered(fitted):
    vectors, group, _ = planted()
    kind, tokenizer = fitted
    codes = tokenizer.encode(vectors)
    assert codes.shape == (400, 2) and codes.dtype == np.int32 and codes.min() >= 0 and codes.max() < 8
    prefix = codes[:, 0] if kind == "balanced-kmeans" else codes[:, 0] * 8 + codes[:, 1]
    assert purity(prefix, group) > 0.9 > purity(np.random.default_rng(0).permutation(prefix), group) + 0.3


def test_the_error_falls_by_level_and_is_below_that_of_random_codes(fitted):
    vectors = planted()[0]
    kind, tokenizer = fitted
    codes = tokenizer.encode(vectors)
    error = unexplained(vectors, tokenizer.decode(codes))
    assert error == pytest.approx(tokenizer.unexplained_variance[-1], abs=2e-3)
    assert 1 > tokenizer.unexplained_variance[0] > tokenizer.unexplained_variance[1]
    assert error < {"rq-vae": 0.2, "balanced-kmeans": 0.05, "fsq": 0.45, "pq": 0.1}[kind]
    assert unexplained(vectors, tokenizer.decode(np.random.default_rng(0).permutation(codes))) > 1
    assert [len(np.unique(codes[:, level])) for level in (0, 1)] == tokenizer.used
    assert all(1 < each <= 8 for each in tokenizer.perplexity)


def test_new_items_get_the_codes_of_their_like(fitted):
    vectors, new = planted()[0], planted(seed=0)[0]
    _, tokenizer = fitted
    new = new + np.random.default_rng(9).normal(size=new.shape).astype(np.float32) * 0.01
    codes, fresh = tokenizer.encode(vectors), tokenizer.encode(new)
    assert (codes == fresh).mean() > 0.9
    assert unexplained(new, tokenizer.decode(fresh)) < 1.1 * unexplained(vectors, tokenizer.decode(codes)) + 0.01
    assert np.array_equal(tokenizer.encode(new[7:8]), fresh[7:8]), "a row alone has the code it has among others"


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(kind):
    vectors = planted(150)[0] + np.random.default_rng(0).normal(size=(150, 12)).astype(np.float32)
    quick = {"steps": 20} if kind in ("rq-vae", "fsq") else {}
    a, b, other = (make(kind, seed=seed, **quick).fit(vectors).encode(vectors) for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, other)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_equal_vectors_share_their_codes(kind, normalize):
    vectors = np.concatenate([planted(100)[0]] * 3)
    tokenizer = make(kind, normalize=normalize, **({"steps": 20} if kind in ("rq-vae", "fsq") else {})).fit(vectors)
    codes = tokenizer.encode(vectors)
    assert np.array_equal(codes[:100], codes[100:200]) and np.array_equal(codes[:100], codes[200:])
    if normalize:
        assert (tokenizer.encode(3 * vectors) == codes).mean() > 0.99, "the length of a vector is not read"


@pytest.mark.parametrize(("spoil", "complaint"), [
    (lambda x: np.where(np.arange(12) == 2, np.nan, x), "vector of item 1 is NaN or infinite"),
    (lambda x: np.ones_like(x), "all item vectors are equal"),
    (lambda x: x + 1e5, "subtract their mean, or scale them"),
    (lambda x: x[0], r"shape \(12,\)"),
    (lambda x: x[:0], r"shape \(0, 12\)"),
])  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_vectors_that_cannot_be_quantised(kind, spoil, complaint):
    with pytest.raises(UserError, match=complaint):
        make(kind).fit(spoil(planted(30)[0]))


def test_bad_questions_to_a_tokenizer(fitted):
    kind, tokenizer = fitted
    with pytest.raises(UserError, match=r"has not been fitted; call fit\(vectors\) first"):
        make(kind).encode(planted(5)[0])
    for vectors in (planted(5, width=11)[0], np.full((2, 12), np.nan), planted(5)[0][0]):
        with pytest.raises(UserError, match="expected finite ones of 12 columns"):
            tokenizer.encode(vectors)


@pytest.mark.parametrize("settings", [{"levels": 0}, {"size": 1}, {"levels": 2.0}])
@pytest.mark.parametrize("kind", KINDS)
def test_bad_settings(kind, settings):
    with pytest.raises(UserError, match="at least 1 level, 2 codes"):
        make(kind, **settings)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_make_codes_of_a_dataset(kind, monkeypatch):
    monkeypatch.setattr(RQVAE.__init__, "__kwdefaults__", RQVAE.__init__.__kwdefaults__ | QUICK | {"steps": 40})
    monkeypatch.setattr(FSQ.__init__, "__kwdefaults__", FSQ.__init__.__kwdefaults__ | QUICK | {"steps": 40})
    dataset = datasets.load("synthetic", users=120)
    vectors = np.random.default_rng(0).normal(size=(dataset.n_items + 1, 12)).astype(np.float32)
    made = tokens.make_codes(kind, dataset, vectors, levels=2, size=16, seed=3)
    assert not made.has_collisions and made.sizes[:2] == (16, 16) and made.about["kind"] == kind
    assert made.about["seed"] == 3 and made.about["collided"] >= 0
    for figure in ("unexplained_variance", "used", "perplexity"):
        assert len(made.about[figure]) == 2
    if tokens.REGISTRY.literal(kind, "DISTANCES", False):
        near = tokens.make_codes(kind, dataset, vectors, levels=2, size=16, seed=3, policy="nearest")
        assert len(np.unique(near.codes[1:], axis=0)) > dataset.n_items - made.about["collided"]
        leaf = tokens.make_codes(kind, dataset, vectors, levels=2, size=32, seed=3, policy="empty-leaf", normalize=True)
        assert not leaf.has_collisions
    else:
        with pytest.raises(UserError, match="needs distances"):
            tokens.make_codes(kind, dataset, vectors, size=16, policy="nearest")
    with pytest.raises(UserError, match="need item vectors"):
        tokens.make_codes(kind, dataset)
    with pytest.raises(UserError, match="more codes per level than items"):
        tokens.make_codes(kind, dataset, vectors, size=100_000)


def test_a_codebook_that_is_hardly_used_is_said(caplog):
    with caplog.at_level(logging.WARNING, logger="workbench"):
        warn_of_unused_codes("rq-vae", [64, 6, 7], (64, 64, 64))
    assert [each.getMessage() for each in caplog.records] == [
        "rq-vae: level 2 uses 6 of 64 codes (9 %): choose a smaller size or fewer levels, or balanced-kmeans, which "
        "fills every code"
    ]
