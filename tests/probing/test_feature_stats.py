"""Feature statistics by hand: selected latents, example positions, profiles, neighbors, score changes."""
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, random

from workbench.errors import UserError
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.dashboard import feature_stats
from workbench.probing.dashboard.tables import FeatureTables, select_latents, table_names


def activations_of(last, place=None):
    n = len(last)
    place = np.zeros(n) if place is None else place
    arrays = {name: np.zeros(n, np.int32) for name in ("user", "length", "next", "level")}
    last, place = np.asarray(last, np.int32), np.asarray(place, np.int32)
    x = np.zeros((n, 2), np.float32)
    return Activations(x=x, last=last, position=place, site=Site("a"), fingerprint="b", **arrays)


def test_example_positions_are_distinct_items_from_every_band():
    rng = np.random.default_rng(0)
    cached = activations_of(rng.integers(1, 60, 900))
    z = random(900, 3, 0.5, "csr", random_state=1)
    found = feature_stats.example_positions(cached, z, np.array([0, 2]))
    for latent, rows in found.groupby("latent"):
        assert rows["last"].is_unique
        top = rows[rows["kind"] == "top"]
        assert len(top) == feature_stats.TOP and top["value"].is_monotonic_decreasing
        assert top["value"].iloc[0] == z[:, latent].max()
        means = rows[rows["kind"] == "quantile"].groupby("band", sort=False)["value"].mean()
        assert means.index.tolist() == ["80-100 %", "60-80 %", "40-60 %", "20-40 %", "0-20 %"]
        assert means.is_monotonic_decreasing
    one_item = feature_stats.example_positions(activations_of([5, 5, 5, 5]), csr_matrix(np.ones((4, 1))), np.array([0]))
    assert one_item["last"].tolist() == [5]


def test_profiles_and_histograms_by_hand():
    z = csr_matrix(np.array([[1.0, 0], [3.0, 0], [0, 2.0], [0, 0]]))
    table = feature_stats.activation_profile(z, np.array([0, 1]), np.array([0, 1, 1, 1]), ["a", "b"], "popularity")
    assert table["share"].tolist() == [0.25, 0.75, 0.0, 1.0] and table["base"].tolist() == [0.25, 0.75] * 2
    counts = feature_stats.activation_histograms(z, np.array([0, 1]))
    assert counts.groupby("latent")["count"].sum().tolist() == [2, 1]
    first = counts[counts["latent"] == 0]
    assert first["high"].max() == 3 and first.loc[first["count"] > 0, "high"].tolist() == pytest.approx([1.125, 3.0])
    bins, names = feature_stats.popularity_bins(np.array([4, 1]), np.array([0, *range(29, 0, -1)]))
    assert [names[at] for at in bins] == ["9", "10"], "items are sorted from the most popular"
    group, names = feature_stats.position_bins(activations_of([1] * 4, place=[0, 4, 5, 60]))
    assert [names[at] for at in group] == ["1", "5-6", "5-6", "50+"]
    codes = feature_stats.code_profile(z, np.array([0, 1]), np.array([4, 0, 1, 1]))
    assert codes[["latent", "bin", "share"]].to_numpy().tolist() == [[0, "0", 0.75], [0, "4", 0.25], [1, "1", 1.0]]


def test_neighbours_and_items_by_hand():
    decoder = np.array([[1, 0], [0, 1], [0.6, 0.8], [5, 5]])
    found = feature_stats.nearest_latents(decoder, np.array([2]), np.array([0, 1, 2]))
    assert found["other"].tolist() == [1, 0] and found["cosine"].tolist() == pytest.approx([0.8, 0.6])
    change = np.array([[0.0, 3, -1, 2, -4]])
    found = feature_stats.score_changes(change, np.array([7]))
    assert found["item"].tolist() == [1, 3, 4, 2] and found["rank"].tolist() == [1, 2, -1, -2]
    assert found["change"].tolist() == [3, 2, -4, -1]
    assert not len(feature_stats.score_changes(None, np.array([7])))


def test_selected_latents_are_sorted_by_significance_and_effect():
    features = pd.DataFrame({"significant": [False, True, False, True, False], "effect": [9.0, 1, 2, 5, np.nan],
                              "p": [0.5, 0.01, 0.5, 0.01, np.nan]})  # fmt: skip
    fires = np.array([3, 3, 3, 3, 0])
    assert select_latents(features, fires, latents=9, sample=0, seed=0).index.tolist() == [3, 1, 0, 2]
    drawn = [select_latents(features, fires, latents=0, sample=1, seed=seed).index.tolist() for seed in range(40)]
    assert {row[0] for row in drawn} == {0, 1, 2, 3} and all(len(row) == 1 for row in drawn)
    both = select_latents(features, fires, latents=2, sample=2, seed=3)
    assert both.index[:2].tolist() == [3, 1] and both["sampled"].sum() == 2


def test_feature_tables_are_saved_and_loaded(tmp_path):
    table = pd.DataFrame({"latent": [4, 4, 5], "value": [1.0, 2.0, np.nan]})
    rest = dict.fromkeys([name for name in table_names(FeatureTables) if name != "latents"], table)
    about = {"site": "a", "recovered": {"low": None}}
    tables = FeatureTables(about=about, latents=table[1:].set_index("latent"), **rest)
    tables.save(tmp_path)
    again = FeatureTables.load(tmp_path)
    assert again.about == tables.about
    for name in table_names(FeatureTables):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(tables, name))
    assert again.of_latent(4)["dose_response"]["value"].tolist() == [1.0, 2.0]
    with pytest.raises(UserError, match="latent 6 is not among the 2"):
        again.of_latent(6)
