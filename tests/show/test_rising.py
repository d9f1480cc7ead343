"""Where validation still rose when training stopped, figures and tables of that run say so."""
import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.evaluate.compare import RISING, rising_note
from workbench.show.figures.code_levels import draw_position_attribution
from workbench.show.figures.contrast import _leader


@pytest.fixture(scope="module")
def rising(home):
    """One epoch of a network on the built-in world: the run is cut off by construction."""
    bench = wb.open_bench("synthetic", profile="smoke", options={"users": 200})
    run = bench.fit("sasrec", epochs=2, width=16, patience=9, valid_every=1)
    run.curve[:] = [{"epoch": 1, "loss": 2.0, "ndcg@10": 0.01}, {"epoch": 2, "loss": 1.0, "ndcg@10": 0.05}]
    assert run.still_rising
    return run


def test_strata_contrast_and_overlap_say_so(rising):
    bench = rising.bench()
    other, masked = bench.fit("popularity"), bench.variant(protocol={"mask_history": True}).fit("popularity")
    contrast = wb.contrast([rising, other, masked], by="mask_history")
    pair = [rising, other]
    for figure in (wb.show.plot_strata(pair), wb.show.plot_overlap(*pair), wb.show.plot_contrast(contrast)):
        assert RISING in figure.layout.title.text.replace("<br>", " ")
    assert RISING not in wb.show.plot_strata([other]).layout.title.text
    assert rising_note([other, other]) == ""


def test_tables_of_a_probe_say_so(rising):
    probe = wb.probe(rising)
    table = probe.noted(pd.DataFrame({"a": [1]}))
    assert RISING in repr(wb.show.table(table))
    captioned = table.assign(b=2)
    captioned.attrs["caption"] = "The finding."
    assert probe.noted(captioned).attrs["caption"].startswith("The finding. ")
    assert RISING not in probe.untrained().noted(pd.DataFrame({"a": [1]})).attrs["note"]


def test_figures_of_a_probe_say_so(rising):
    probe = wb.probe(rising)
    sae = probe.sae(k=4, latents=16, epochs=2)
    sweep = probe.sweep(kinds=("pca", "random"), ks=(2, 4))
    curves = probe.noted(pd.DataFrame({"intervention": "latent", "amount": [0, 1], "share": [0.1, 0.2]}))
    by_level = draw_position_attribution(np.ones((9, 3, 3)), note=probe.note)
    for figure in (wb.show.plot_sae_training(sae), wb.show.plot_pareto(sweep, ours="pca"), by_level,
                   wb.show.plot_dose_response(curves, "tea")):  # fmt: skip
        assert RISING in figure.layout.title.text.replace("<br>", " ")
    assert RISING in repr(wb.show.table_features(sae.features, rising.bench()))


def test_points_of_a_contrast_have_intervals(rising):
    bench = rising.bench()
    table = wb.contrast([bench.fit("popularity")], by="mask_history")
    values = bench.fit("popularity").per_case("ndcg@10")
    assert table.attrs["low"]["False"]["popularity"] <= values.mean() <= table.attrs["high"]["False"]["popularity"]
    assert table.attrs["cases"] == len(values)
    (trace,) = [each for each in wb.show.plot_contrast(table).data if each.mode == "markers"]
    assert np.isclose(trace.error_x.array[0], table.attrs["high"]["False"]["popularity"] - values.mean())


def test_a_leader_is_named_only_where_the_interval_says_so():
    rng = np.random.default_rng(0)
    base = (rng.random(400) < 0.2).astype(float)
    assert _leader({"a": base, "b": np.roll(base, 1)}).endswith("cannot be told apart on")
    assert _leader({"a": base, "b": base * 0.2}) == "a leads on"
    assert _leader({"a": base * 0, "b": base * 0}) == "no system finds" and _leader({"a": base}) == "a is alone on"
