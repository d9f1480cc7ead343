"""Portraits of latents by hand: which latents, which units, which bins, which neighbours, which items."""
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, random

from workbench.errors import UserError
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.dashboard import feature_stats
from workbench.probing.dashboard.tables import Atlas, chosen, tables_of


def units_of(last, place=None):
    n = len(last)
    place = np.zeros(n) if place is None else place
    arrays = {name: np.zeros(n, np.int32) for name in ("user", "length", "next", "level")}
    last, place = np.asarray(last, np.int32), np.asarray(place, np.int32)
    x = np.zeros((n, 2), np.float32)
    return Activations(x=x, last=last, place=place, site=Site("a"), fingerprint="b", **arrays)


def test_units_show_an_item_once_the_strongest_first_and_every_fifth():
    rng = np.random.default_rng(0)
    cached = units_of(rng.integers(1, 60, 900))
    z = random(900, 3, 0.5, "csr", random_state=1)
    found = feature_stats.units(cached, z, np.array([0, 2]))
    for latent, rows in found.groupby("latent"):
        assert rows["last"].is_unique
        top = rows[rows["kind"] == "top"]
        assert len(top) == feature_stats.TOP and top["value"].is_monotonic_decreasing
        assert top["value"].iloc[0] == z[:, latent].max()
        means = rows[rows["kind"] == "quantile"].groupby("band", sort=False)["value"].mean()
        assert means.index.tolist() == ["80-100 %", "60-80 %", "40-60 %", "20-40 %", "0-20 %"]
        assert means.is_monotonic_decreasing
    one_item = feature_stats.units(units_of([5, 5, 5, 5]), csr_matrix(np.ones((4, 1))), np.array([0]))
    assert one_item["last"].tolist() == [5]


def test_profiles_and_histograms_by_hand():
    z = csr_matrix(np.array([[1.0, 0], [3.0, 0], [0, 2.0], [0, 0]]))
    table = feature_stats.profile(z, np.array([0, 1]), np.array([0, 1, 1, 1]), ["a", "b"], "popularity")
    assert table["share"].tolist() == [0.25, 0.75, 0.0, 1.0] and table["base"].tolist() == [0.25, 0.75] * 2
    counts = feature_stats.histograms(z, np.array([0, 1]))
    assert counts.groupby("latent")["count"].sum().tolist() == [2, 1]
    first = counts[counts["latent"] == 0]
    assert first["high"].max() == 3 and first.loc[first["count"] > 0, "high"].tolist() == pytest.approx([1.125, 3.0])
    bins, names = feature_stats.popularity_bins(np.array([4, 1]), np.array([0, *range(29, 0, -1)]))
    assert [names[at] for at in bins] == ["9", "10"], "items are sorted from the most popular"
    group, names = feature_stats.place_bins(units_of([1] * 4, place=[0, 4, 5, 60]))
    assert [names[at] for at in group] == ["1", "5-6", "5-6", "50+"]
    codes = feature_stats.prefixes(z, np.array([0, 1]), np.array([4, 0, 1, 1]))
    assert codes[["latent", "bin", "share"]].to_numpy().tolist() == [[0, "0", 0.75], [0, "4", 0.25], [1, "1", 1.0]]


def test_neighbours_and_items_by_hand():
    decoder = np.array([[1, 0], [0, 1], [0.6, 0.8], [5, 5]])
    found = feature_stats.near(decoder, np.array([2]), np.array([0, 1, 2]))
    assert found["other"].tolist() == [1, 0] and found["cosine"].tolist() == pytest.approx([0.8, 0.6])
    change = np.array([[0.0, 3, -1, 2, -4]])
    found = feature_stats.moved(change, np.array([7]))
    assert found["item"].tolist() == [1, 3, 4, 2] and found["rank"].tolist() == [1, 2, -1, -2]
    assert found["change"].tolist() == [3, 2, -4, -1]
    assert not len(feature_stats.moved(None, np.array([7])))


def test_the_sample_is_of_all_that_fire_and_the_order_is_by_certified_effect():
    certified = pd.DataFrame({"certified": [False, True, False, True, False], "effect": [9.0, 1, 2, 5, np.nan],
                              "p": [0.5, 0.01, 0.5, 0.01, np.nan]})  # fmt: skip
    fires = np.array([3, 3, 3, 3, 0])
    assert chosen(certified, fires, latents=9, sample=0, seed=0).index.tolist() == [3, 1, 0, 2]
    drawn = [chosen(certified, fires, latents=0, sample=1, seed=seed).index.tolist() for seed in range(40)]
    assert {row[0] for row in drawn} == {0, 1, 2, 3} and all(len(row) == 1 for row in drawn)
    both = chosen(certified, fires, latents=2, sample=2, seed=3)
    assert both.index[:2].tolist() == [3, 1] and both["sampled"].sum() == 2


def test_an_atlas_comes_back_as_it_was_saved(tmp_path):
    table = pd.DataFrame({"latent": [4, 4, 5], "value": [1.0, 2.0, np.nan]})
    rest = dict.fromkeys([name for name in tables_of(Atlas) if name != "latents"], table)
    atlas = Atlas(about={"site": "a", "recovered": {"low": None}}, latents=table[1:].set_index("latent"), **rest)
    atlas.save(tmp_path)
    again = Atlas.load(tmp_path)
    assert again.about == atlas.about
    for name in tables_of(Atlas):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(atlas, name))
    assert again.of(4)["curves"]["value"].tolist() == [1.0, 2.0]
    with pytest.raises(UserError, match="latent 6 is not among the 2"):
        again.of(6)
