"""Figures and tables of a dictionary: what they say is what was measured, titles literal."""
import numpy as np
import pandas as pd
import pytest
from hostile_titles import TABLE, Cells, check_literal

from workbench import show
from workbench.errors import UserError
from workbench.experiment.probing import causal_tests, train_sae
from workbench.experiment.probing.compare_dictionaries import compare_dictionaries, comparison_caption
from workbench.experiment.probing.feature_table import feature_table
from workbench.probing.activations.hooks import Site
from workbench.show.figures.sae import draw_training, top_activations

SMALL = {"latents": 64, "epochs": 4, "batch": 128}


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("sasrec", epochs=2, width=32, layers=1)


@pytest.fixture(scope="module")
def activations(run):
    return train_sae.read_activations(run, Site("blocks.0.out"))


@pytest.fixture(scope="module")
def sae(run, activations):
    return train_sae.train_dictionary(run, activations, k=4, **SMALL)


@pytest.fixture(scope="module")
def features(run, activations, sae):
    return train_sae.concept_table(run, activations, sae, draws=19)


@pytest.fixture(scope="module")
def described(run, activations, sae):
    return feature_table(run, activations, sae, draws=19)


def test_the_whole_of_a_dictionary_is_kept(run, activations, sae, described):
    assert len(described) == sae.latents and described.index.name == "latent"
    columns = {"concept", "source", "q", "significant", "f1", "baseline_f1", "ap", "flag", "confound", "confound_q",
               "name"}  # fmt: skip
    assert columns <= set(described)
    pd.testing.assert_frame_equal(feature_table(run, activations, sae, draws=19), described)
    assert described.loc[described["p"].notna(), "name"].notna().all()
    assert described.loc[described["density"] == 0, "p"].isna().all()


def test_training_shows_its_curve(sae):
    figure = draw_training(sae.about["curve"])
    check_literal(figure)
    assert list(figure.data[0].y) == [point["fvu"] for point in sae.about["curve"]]


def test_a_comparison_needs_two_sparsities(run, activations):
    sweep = train_sae.sparsity_sweep(run, activations, kinds=("topk", "pca"), ks=(2, 4), **SMALL)
    figure = show.plot_pareto(sweep, ours="topk")
    check_literal(figure)
    assert [trace.name for trace in figure.data] == ["topk", "pca"] and "of 2 sparsities" in figure.layout.title.text
    wins = sum(group.loc[group["fvu"].idxmin(), "kind"] == "topk" for _, group in sweep.groupby("k"))
    title = figure.layout.title.text.replace("<br>", " ")
    assert f"at {wins} of 2" in title and "(one training each)" in title
    with pytest.raises(UserError, match="pca was measured at one sparsity only"):
        show.plot_pareto(sweep.drop(sweep.index[-1]), ours="topk")


def test_tables_are_literal_and_true(bench, activations, sae, features):
    z = sae.encode_sparse(activations.x)
    strongest = int(features["activation_share"].idxmax())
    tables = [show.table_features(features.assign(significant=True), bench),
              top_activations(bench, activations, z, strongest)]  # fmt: skip
    for table in tables:
        assert {tag for tag, _ in Cells(table._repr_html_()).tags} == {*TABLE, "p"}
    fires = [float(line[0]) for line in tables[1].cells]
    assert fires == sorted(fires, reverse=True) and fires[0] == pytest.approx(z[:, strongest].max(), abs=0.01)
    with pytest.raises(UserError, match="latents 0 to 63"):
        top_activations(bench, activations, z, 64)


def test_interpretable_is_claimed_only_with_a_significant_lead(run, activations, sae):
    def comparison(ours, rival, by, low):
        return pd.DataFrame(
            {"activation in significant latents": [ours, rival], "difference": [np.nan, by], "low": [np.nan, low],
             "high": [np.nan, by + 0.1], "interpretable": [low > 0, False]}, index=["topk", "pca"],
        )  # fmt: skip

    assert "topk is called interpretable" in comparison_caption(comparison(0.6, 0.3, 0.3, 0.2))
    unclear = comparison_caption(comparison(0.6, 0.5, 0.1, -0.1))
    assert "not significantly: it is not called" in unclear
    worse = comparison_caption(comparison(0.3, 0.6, -0.3, -0.4))
    assert "pca has as much activation in significant latents" in worse
    assert "-0.30 [-0.40, -0.20]" in worse

    pca = train_sae.train_dictionary(run, activations, kind="pca", k=4)
    rivals = {"topk": [(activations, sae)], "pca": [(activations, pca)]}
    table = compare_dictionaries(run, rivals, draws=19, splits=2)
    assert set(table.index) == {"topk", "pca"} and np.isnan(table["difference"]["topk"])
    assert "interpretable" in comparison_caption(table)
    with pytest.raises(UserError, match="topk cannot be compared"):
        compare_dictionaries(run, {"topk": [(activations, sae)]})
    with pytest.raises(UserError, match="did you mean 'pca'|pca"):
        compare_dictionaries(run, rivals, ours="pc")


def test_a_stand_in_is_measured_and_an_untrained_network_is_another_site(run, activations, sae):
    table = train_sae.metric_recovered(run, activations, sae)
    assert table.index.tolist() == ["base", "spliced", "mean", "zero"]
    assert table["ndcg@10"]["base"] == pytest.approx(run.metrics["ndcg@10"])
    blank = train_sae.read_activations(run, Site("blocks.0.out"), trained=False)
    assert len(blank) == len(activations) and not np.allclose(blank.x, activations.x)
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        train_sae.metric_recovered(run, activations, train_sae.train_dictionary(run, blank, k=4, **SMALL))


def test_runs_in_folders_of_one_name_are_told_apart(bench, run, tmp_path):
    other = bench.fit("sasrec", epochs=2, width=32, layers=1, dropout=0.0)  # other weights, whichever epoch is kept
    copies = [made.copy(tmp_path / place / "mine") for made, place in ((run, "here"), (other, "there"))]
    first, second = (train_sae.read_activations(made, Site("blocks.0.out")) for made in copies)
    assert first.fingerprint != second.fingerprint and not np.allclose(first.x, second.x)


CURVES = pd.DataFrame([
    {"intervention": name, "amount": amount, "share": 0.1 + slope * amount, "ndcg@10": 0.05 - price * amount,
     "off target": 0.05}
    for name, slope, price in (("latent", 0.2, 0.02), ("probe", 0.1, 0.01), ("matched latent 0", 0.0, 0.01),
                              ("matched latent 1", 0.02, 0.01), ("score boost", 0.4, 0.01))
    for amount in (0.0, 1.0, 2.0)
])  # fmt: skip


def test_steering_is_drawn_with_its_band():
    figure = show.plot_dose_response(CURVES, "brand: <i>O'Neil</i> $5")
    check_literal(figure)
    assert {trace.name for trace in figure.data} == {"matched latents, 5 to 95 %", "latent", "probe"}
    assert "from 10% to 50%" in figure.layout.title.text and "probe to 30%" in figure.layout.title.text
    band = figure.data[0]
    assert len(band.x) == 6 and max(band.y) == pytest.approx(0.1 + 0.02 * 2 * 0.95)


def test_steering_claims_nothing_that_matched_latents_reach_as_well():
    def title(share: pd.Series) -> str:
        return show.plot_dose_response(CURVES.assign(share=share), "tea").layout.title.text.replace("<br>", " ")

    is_latent, share = CURVES["intervention"] == "latent", CURVES["share"]
    assert "Steering raises tea from 10% to 50%" in title(share) and "matched latents to 14%" in title(share)
    assert "Steering does not raise tea, 20%" in title(share.where(~is_latent, 0.2))
    weak = share.where(~is_latent, 0.1 + 0.01 * CURVES["amount"])
    assert "Steering shows nothing of tea: from 10% to 12%" in title(weak) and "get to 14% as well" in title(weak)


def test_costs_are_those_of_the_curves():
    costs = causal_tests.steering_costs(CURVES)
    assert "4.0 times" in show.table(costs).caption, "the latent .02 at 1, the boost .005 at a half"
    assert costs.index[0] == "score boost"
    far = CURVES.assign(share=CURVES["share"].where(CURVES["intervention"] != "latent", 0.1))
    assert "never raises it that much" in causal_tests.steering_costs(far).attrs["caption"]
    no_boost = CURVES[CURVES["intervention"] != "score boost"]
    assert "was not tried" in causal_tests.steering_costs(no_boost).attrs["caption"]
    free = CURVES.assign(**{"ndcg@10": CURVES["ndcg@10"].where(CURVES["intervention"] != "score boost", 0.05)})
    assert "no ratio" in causal_tests.steering_costs(free).attrs["caption"]


def test_names_and_ablations_say_what_they_count(bench, described):
    names = show.table_features(described, bench, names=True)
    confident = (described["confidence"].dropna() >= 0.8).mean()
    assert f"{confident:.0%} of {described['confidence'].notna().sum()}" in names.caption
    frame = pd.DataFrame({"concept": ["a", "b"], "users": [30, 5], "before": [0.2, np.nan], "change": [-0.1, np.nan],
                          "control": [0.01, np.nan], "p": [0.01, np.nan], "q": [0.01, np.nan],
                          "significant": [True, False]}).rename_axis("latent")  # fmt: skip
    assert causal_tests.ablation_caption(frame).startswith("1 of 1 latents")


def test_the_usual_place_is_what_leaves_the_middle_block(bench):
    usual = {"sasrec": ("blocks.0.out", {"layers": 2}), "tiger": ("blocks.1.out", {"layers": 3, "epochs": 1}),
             "gru4rec": ("norm", {}), "bpr_mf": ("user", {})}  # fmt: skip
    for system, (path, settings) in usual.items():
        assert train_sae.choose_site(bench.fit(system, **{"epochs": 1} | settings)).path == path
    with pytest.raises(UserError, match="popularity has no network to probe"):
        train_sae.choose_site(bench.fit("popularity"))
    with pytest.raises(UserError, match="did you mean 'norm'"):
        train_sae.choose_site(bench.fit("sasrec", layers=2, epochs=1), "nrm")
