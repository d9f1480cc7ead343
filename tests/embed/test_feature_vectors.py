"""Dense features of items: they follow the items under the ids of the house, and have the controls that texts have."""
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench import experiment
from workbench.data import assemble, datasets, protocol_for, split
from workbench.data.formats.attributes.feature_arrays import feature_columns, features_of_items, read_features
from workbench.data.formats.file_lookup import Content
from workbench.data.tables import attach_tables, follow_tables
from workbench.embed.features import feature_vectors
from workbench.errors import UserError
from workbench.experiment.bench_data import content_hash
from workbench.train import PROFILES


def packed(array: np.ndarray) -> Content:
    file = io.BytesIO()
    np.save(file, array)
    return Content(file.getvalue(), "features.npy")


def small(features: np.ndarray):
    """Six items i0..i5 of three users, with a row of features each."""
    events = pd.DataFrame({"user": list("aabbcc"), "item": [f"i{n}" for n in range(6)]})
    table = read_features(packed(features), np.array([f"i{n}" for n in range(len(features))]))
    return attach_tables(assemble("small", events), {"image": table})


@pytest.fixture(scope="module")
def bench(real):
    return experiment.open_bench("tiktok-mm", profile=PROFILES["smoke"], protocol={"split": "published"})


def test_features_follow_their_items():
    features = np.arange(18, dtype=np.float64).reshape(6, 3) ** 2
    data = small(features)
    number = data.items["raw_id"].str.removeprefix("i").astype(int).to_numpy()
    assert number.tolist() != sorted(number), "ids are not in the order of the file"
    found = features_of_items(data, "image")
    assert found.dtype == np.float32 and not found[0].any() and np.array_equal(found[1:], features[number])
    some = data.interactions[data.interactions["item"] > 2]
    kept = follow_tables(data, assemble("fewer", pd.DataFrame({
        "user": data.users["raw_id"][some["user"]].to_numpy(), "item": data.items["raw_id"][some["item"]].to_numpy()})))
    left = kept.items["raw_id"].str.removeprefix("i").astype(int).to_numpy()
    assert len(left) == 4 and np.array_equal(features_of_items(kept, "image")[1:], features[left])


def test_vectors_are_unit_rows_about_the_mean_of_the_items():
    data = small(np.array([[1.0, 5], [3, 5], [1, 7], [3, 7], [0, 0], [2, 16]]))
    rows = pd.DataFrame(feature_vectors(data, "image")[1:], index=data.items["raw_id"])
    assert rows.loc["i4"].tolist() == [0, 0], "a row of zeros stands for unknown, and is in no mean"
    assert rows.loc["i0"].to_numpy() == pytest.approx(np.array([-1, -3]) / np.sqrt(10))  # the mean is (2, 8)
    assert rows.loc["i5"].tolist() == [0, 1]


def test_numbers_of_half_precision_do_not_overflow():
    data = small(np.full((6, 4), 300, np.float16) * np.arange(6, dtype=np.float16)[:, None] / 2)
    lengths = np.linalg.norm(feature_vectors(data, "image")[1:], axis=1)
    assert sorted(lengths.round(5)) == [0, 0, 1, 1, 1, 1], "unknown, the mean, and four others"


@pytest.mark.parametrize(("array", "message"), [
    (np.zeros((2, 3)), "a row of numbers for each of 6 items expected"), (np.zeros(6), r"an array \(6,\)"),
    (np.array([["a"]] * 6), "a row of numbers"), (np.full((6, 2), np.nan), "row 0 has a number that is missing"),
    (np.array([[1e9], [1e300], [0], [0], [0], [0]]), "row 1 has a number that is missing or infinite"),
    (np.array([None] * 6, object), "not a plain numpy array"),
])  # fmt: skip
def test_a_bad_array_is_one_error(array, message):
    with np.errstate(over="ignore"), pytest.raises(UserError, match=message):
        read_features(packed(array), np.arange(6))


def test_a_bad_table_is_one_error():
    data = small(np.eye(6))
    table = data.tables["image"]
    named = table.rename(columns={"2": "x"})
    assert feature_columns(table) == [str(n) for n in range(6)] and not feature_columns(named)
    for wrong, message in ((named, "numbers in the columns 0, 1, 2"),
                           (table.assign(**{"2": "much"}), "numbers in the columns"),
                           (pd.concat([table, table[:1]]), "two rows for one item")):  # fmt: skip
        with pytest.raises(UserError, match=message):
            features_of_items(replace(data, tables={"image": wrong}), "image")
    with pytest.raises(UserError, match="unknown table 'audio'.*bundled with tiktok-mm"):
        feature_vectors(data, "audio")


def test_other_features_are_other_content():
    one, same, other = (small(np.eye(6) * scale) for scale in (1, 1, 2))
    without = replace(one, tables={})
    assert content_hash(one) == content_hash(same) != content_hash(other)
    assert content_hash(without) not in (content_hash(one), content_hash(other))


def test_tiktok_is_the_published_split(real):
    data = datasets.load("tiktok-mm")
    assert (data.n_users, data.n_items, len(data.interactions), data.order) == (9_308, 6_710, 68_722, "none")
    assert data.interactions["part"].value_counts().to_dict() == {"train": 59_541, "test": 6_130, "validation": 3_051}
    assert (data.interactions["held_out"] == (data.interactions["part"] == "test")).all()
    cut = split(data, protocol_for(data, split="published"))
    assert len(cut.test.targets) == 6_125 and len(cut.train.items) + len(cut.valid.targets) == 62_592
    for name in ("image", "audio"):
        raw = np.load(real / "tiktok_mm" / f"{name}_feat.npy").astype(np.float32)
        assert np.array_equal(features_of_items(data, name)[1:], raw[data.items["raw_id"].astype(int)])


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_the_bench_gives_vectors_and_their_controls(bench, kind):
    vectors, permuted = bench.vectors(kind), bench.vectors(f"permuted-{kind}")
    assert vectors.shape == permuted.shape == (6_711, 128) and vectors.dtype == np.float32
    assert np.array_equal(vectors, feature_vectors(bench.dataset, kind)) and not permuted[0].any()
    assert not np.array_equal(vectors, permuted)
    assert np.array_equal(np.sort(vectors[1:], axis=0), np.sort(permuted[1:], axis=0)), "the same rows, of other items"
    assert bench.vectors("random", dim=128).shape == vectors.shape
    log = bench.dataset.interactions.sort_values("user")
    user, item = log["user"].to_numpy(), log["item"].to_numpy()
    pairs = np.flatnonzero(user[1:] == user[:-1])
    alike = [float((made[item[pairs]] * made[item[pairs + 1]]).sum(1).mean()) for made in (vectors, permuted)]
    assert alike[0] > alike[1] + 0.01, f"videos of one user are alike, and only by their own features: {alike}"


def test_a_dataset_without_features_says_which_have_them():
    bench = experiment.open_bench("synthetic", profile=PROFILES["smoke"], options={"users": 60})
    for kind, table in (("image", "image"), ("permuted-audio", "audio")):
        with pytest.raises(UserError, match=f"unknown table '{table}'.*bundled with tiktok-mm"):
            bench.vectors(kind)
