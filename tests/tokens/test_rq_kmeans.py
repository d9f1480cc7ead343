"""RQ-KMeans: deterministic, each level reduces the residual, and invalid vectors raise specific errors."""
import logging

import numpy as np
import pytest
from sklearn.cluster import KMeans

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.tokens import RQKMeans


def blobs(n=1500, width=12, kinds=40, seed=0):
    """Vectors in clusters, off-centre, of unequal lengths."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(kinds, width)) * 2 + 1
    return (centres[rng.integers(0, kinds, n)] + rng.normal(size=(n, width)) * 0.5).astype(np.float32)


def unexplained(vectors, approximation):
    return ((vectors - approximation) ** 2).sum() / ((vectors - vectors.mean(0)) ** 2).sum()


def test_the_same_vectors_and_seed_give_the_same_codes():
    vectors = blobs()
    a, b, other = (RQKMeans(levels=3, size=16, seed=seed).fit(vectors) for seed in (0, 0, 1))
    assert np.array_equal(a.encode(vectors), b.encode(vectors)) and a.centroids.equal(b.centroids)
    assert not np.array_equal(a.encode(vectors), other.encode(vectors))


def test_each_level_reduces_the_residual_and_decode_agrees():
    vectors = blobs()
    tokenizer = RQKMeans(levels=4, size=16).fit(vectors)
    codes = tokenizer.encode(vectors)
    assert codes.shape == (1500, 4) and codes.dtype == np.int32 and 0 <= codes.min() and codes.max() < 16
    assert (np.diff(tokenizer.unexplained_variance) < 0).all() and tokenizer.unexplained_variance[0] < 0.5
    for levels in range(1, 5):
        shorter = RQKMeans(levels=levels, size=16).fit(vectors)
        assert np.array_equal(shorter.encode(vectors), codes[:, :levels]), "a further level changes none before it"
        result = unexplained(vectors, shorter.decode(codes[:, :levels]))
        assert result == pytest.approx(tokenizer.unexplained_variance[levels - 1], 1e-3)
    assert tokenizer.scales.tolist() == [1.0] * 4


def test_codes_are_the_nearest_centroids_of_what_is_left():
    vectors = blobs(200)
    tokenizer = RQKMeans(levels=3, size=8).fit(vectors)
    left, codes, tables = vectors.astype(np.float64), tokenizer.encode(vectors), tokenizer.centroids.numpy()
    for level in range(3):
        far = ((left[:, None] - tables[level]) ** 2).sum(2)
        assert np.allclose(far[np.arange(200), codes[:, level]], far.min(1), atol=1e-4)
        left = left - tables[level][codes[:, level]]


def test_the_first_level_is_about_as_good_as_sklearn():
    """Averaged over starts, on vectors of a catalogue."""
    vectors = open_bench("synthetic", profile="smoke", options={"users": 120}).vectors("text")[1:]
    ours = [RQKMeans(levels=1, size=32, seed=seed).fit(vectors).unexplained_variance[0] for seed in range(4)]
    fits = [KMeans(32, n_init=1, random_state=seed).fit(vectors) for seed in range(4)]
    theirs = [unexplained(vectors, fit.cluster_centers_[fit.labels_]) for fit in fits]
    assert np.mean(ours) <= 1.05 * np.mean(theirs)


def test_normalised_levels_keep_their_scales():
    rng = np.random.default_rng(0)
    vectors = blobs() * rng.uniform(0.8, 1.2, (1500, 1)).astype(np.float32)
    tokenizer = RQKMeans(levels=3, size=32, normalize=True).fit(vectors)
    codes = tokenizer.encode(vectors)
    assert tokenizer.scales[0] == pytest.approx(np.linalg.norm(vectors, axis=1).mean(), rel=1e-5)
    assert (np.diff(tokenizer.scales) < 0).all() and (np.diff(tokenizer.unexplained_variance) < 0).all()
    assert (tokenizer.centroids.norm(dim=2) < 1 + 1e-5).all(), "means of rows of length 1"
    tables = tokenizer.centroids.numpy()
    parts = [scale * table[codes[:, level]] for level, (scale, table) in enumerate(zip(tokenizer.scales, tables))]
    spread = [unexplained(vectors, sum(parts[:upto])) for upto in (1, 2, 3)]
    assert spread[0] > spread[1] > spread[2], "every level brings decode closer"
    assert unexplained(vectors, tokenizer.decode(codes)) == pytest.approx(spread[2], rel=1e-3)
    assert np.array_equal(tokenizer.encode(3 * vectors), codes), "the length of a vector is not read"


def test_new_rows_get_codes():
    vectors = blobs()
    tokenizer = RQKMeans(levels=2, size=16).fit(vectors[:1000])
    codes = tokenizer.encode(vectors[:1000])
    fresh = tokenizer.encode(vectors[1000:])
    assert fresh.shape == (500, 2) and unexplained(vectors[1000:], tokenizer.decode(fresh)) < 0.6
    assert np.array_equal(tokenizer.encode(vectors[5:6]), codes[5:6]), "a row alone has the code it has among others"


def test_refitting_is_independent_of_the_first_fit():
    tokenizer = RQKMeans(levels=2, size=8)
    first, second = (list(tokenizer.fit(blobs(300, seed=seed)).unexplained_variance) for seed in (0, 1))
    assert len(second) == 2 and first != second
    assert second == RQKMeans(levels=2, size=8).fit(blobs(300, seed=1)).unexplained_variance


def test_equal_rows_share_their_codes():
    vectors = np.concatenate([blobs(300)] * 3)
    for normalize in (False, True):
        codes = RQKMeans(levels=3, size=8, normalize=normalize).fit(vectors).encode(vectors)
        assert np.array_equal(codes[:300], codes[300:600]) and np.array_equal(codes[:300], codes[600:])


def test_fewer_distinct_rows_than_codes(caplog):
    vectors = np.repeat(blobs(6), 10, axis=0)
    with caplog.at_level(logging.WARNING, logger="workbench"):
        tokenizer = RQKMeans(levels=2, size=16).fit(vectors)
    assert "6 of 16 codes are used" in caplog.text
    codes = tokenizer.encode(vectors)
    assert len(np.unique(codes[:, 0])) == len(np.unique(codes, axis=0)) == 6
    assert tokenizer.unexplained_variance[-1] < 1e-6 and tokenizer.centroids.isfinite().all()


def test_fewer_items_than_codes(caplog):
    with caplog.at_level(logging.WARNING, logger="workbench"):
        codes = RQKMeans(levels=3, size=64).fit(blobs(10)).encode(blobs(10))
    assert "10 of 64 codes are used" in caplog.text and len(np.unique(codes, axis=0)) == 10


def test_zero_rows_share_codes_and_are_announced(caplog):
    vectors = blobs(200)
    vectors[[3, 50, 170]] = 0
    for normalize in (False, True):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="workbench"):
            tokenizer = RQKMeans(levels=3, size=8, normalize=normalize).fit(vectors)
        assert "3 of 200 items have a zero vector" in caplog.text
        assert len(np.unique(tokenizer.encode(vectors)[[3, 50, 170]], axis=0)) == 1


def poisoned(value):
    vectors = blobs(30)
    vectors[7, 2] = value
    return vectors


@pytest.mark.parametrize(("vectors", "complaint"), [
    (poisoned(np.nan), "vector of item 8 is NaN or infinite"),
    (poisoned(-np.inf), "vector of item 8 is NaN or infinite"),
    (np.ones((9, 4)), "all item vectors are equal"),
    (np.zeros((9, 4)), "all item vectors are equal"),
    (blobs(30) + 1e5, "subtract their mean, or scale them"),
    (blobs(30) * 1e19, "subtract their mean, or scale them"),
    (np.ones(4), r"shape \(4,\)"),
    (np.ones((0, 4)), r"shape \(0, 4\)"),
])  # fmt: skip
def test_vectors_that_cannot_be_clustered(vectors, complaint):
    with pytest.raises(UserError, match=complaint):
        RQKMeans(levels=2, size=4).fit(vectors)


def test_one_direction_is_nothing_to_cluster_where_lengths_are_taken_out():
    vectors = np.outer(np.random.default_rng(0).uniform(1, 2, 50), blobs(1)[0])
    RQKMeans(levels=2, size=4).fit(vectors)
    with pytest.raises(UserError, match="equal|float32 precision"):
        RQKMeans(levels=2, size=4, normalize=True).fit(vectors)


def test_bad_questions_to_a_tokenizer():
    with pytest.raises(UserError, match=r"has not been fitted; call fit\(vectors\) first"):
        RQKMeans().encode(blobs(5))
    tokenizer = RQKMeans(levels=2, size=4).fit(blobs(30))
    for vectors in (blobs(5, width=11), poisoned(np.nan), blobs(5)[0]):
        with pytest.raises(UserError, match="expected finite ones of 12 columns"):
            tokenizer.encode(vectors)


@pytest.mark.parametrize("settings", [{"levels": 0}, {"size": 1}, {"iterations": 0}, {"levels": 2.0}])
def test_bad_settings(settings):
    with pytest.raises(UserError, match="at least 1 level, 2 codes"):
        RQKMeans(**settings)
