"""A probe in front of a person: lines and tables that say what was measured, titles literal."""
import numpy as np
import pandas as pd
import pytest
from hostile_shop import TABLE, Cells, check_literal

from workbench import show
from workbench.errors import UserError
from workbench.experiment.probing import train_sae
from workbench.experiment.probing.compare_dictionaries import claims
from workbench.experiment.probing.feature_table import latents
from workbench.probing.activations.hooks import Site

SMALL = {"latents": 64, "epochs": 4, "batch": 128}


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("sasrec", epochs=2, width=32, layers=1)


@pytest.fixture(scope="module")
def read(run):
    return train_sae.read(run, Site("blocks.0.out"))


@pytest.fixture(scope="module")
def found(run, read):
    return train_sae.dictionary(run, read, k=4, **SMALL)


@pytest.fixture(scope="module")
def certified(run, read, found):
    return train_sae.certified(run, read, found, draws=19)


@pytest.fixture(scope="module")
def described(run, read, found):
    return latents(run, read, found, draws=19)


def test_the_whole_of_a_dictionary_is_kept(run, read, found, described):
    assert len(described) == found.latents and described.index.name == "latent"
    columns = {"concept", "source", "q", "certified", "f1", "floor", "ap", "flag", "mark", "mark_q", "name"}
    assert columns <= set(described)
    pd.testing.assert_frame_equal(latents(run, read, found, draws=19), described)
    assert described.loc[described["p"].notna(), "name"].notna().all()
    assert described.loc[described["density"] == 0, "p"].isna().all()


def test_training_shows_its_curve(found):
    figure = show.training(found)
    check_literal(figure)
    assert list(figure.data[0].y) == [point["fvu"] for point in found.about["curve"]]


def test_a_comparison_needs_two_sparsities(run, read):
    sweep = train_sae.sweep(run, read, kinds=("topk", "pca"), ks=(2, 4), **SMALL)
    figure = show.pareto(sweep, ours="topk")
    check_literal(figure)
    assert [trace.name for trace in figure.data] == ["topk", "pca"] and "of 2 sparsities" in figure.layout.title.text
    wins = sum(group.loc[group["fvu"].idxmin(), "kind"] == "topk" for _, group in sweep.groupby("k"))
    assert f"at {wins} of 2" in figure.layout.title.text
    with pytest.raises(UserError, match="pca was measured at one sparsity only"):
        show.pareto(sweep.drop(sweep.index[-1]), ours="topk")


def test_tables_are_literal_and_true(bench, read, found, certified):
    z = found.latents_of(read.x)
    strongest = int(certified["mass"].idxmax())
    tables = [show.concepts(certified.assign(certified=True), bench), show.firing(bench, read, z, strongest)]
    for table in tables:
        assert {tag for tag, _ in Cells(table._repr_html_()).tags} == {*TABLE, "p"}
    fires = [float(line[0]) for line in tables[1].cells]
    assert fires == sorted(fires, reverse=True) and fires[0] == pytest.approx(z[:, strongest].max(), abs=0.01)
    with pytest.raises(UserError, match="latents 0 to 63"):
        show.firing(bench, read, z, 64)


def test_the_word_is_earned_or_not(run, read, found):
    def told(ours, rival, by, low):
        return pd.DataFrame(
            {"certified activation": [ours, rival], "by": [np.nan, by], "low": [np.nan, low],
             "high": [np.nan, by + 0.1], "interpretable": [low > 0, False]}, index=["topk", "pca"],
        )  # fmt: skip

    assert "topk is called interpretable" in show.verdict(told(0.6, 0.3, 0.3, 0.2)).caption
    assert "not for sure, so it is not called" in show.verdict(told(0.6, 0.5, 0.1, -0.1)).caption
    worse = show.verdict(told(0.3, 0.6, -0.3, -0.4))
    assert "of pca as much is certified" in worse.caption and "-0.30 [-0.40, -0.20]" in worse.caption

    rivals = {"topk": [(read, found)], "pca": [(read, train_sae.dictionary(run, read, kind="pca", k=4))]}
    table = claims(run, rivals, draws=19, ways=2)
    assert set(table.index) == {"topk", "pca"} and np.isnan(table["by"]["topk"])
    assert "interpretable" in show.verdict(table).caption
    with pytest.raises(UserError, match="topk alone proves nothing"):
        claims(run, {"topk": [(read, found)]})
    with pytest.raises(UserError, match="did you mean 'pca'|pca"):
        claims(run, rivals, ours="pc")


def test_a_stand_in_is_measured_and_an_untrained_network_is_another_site(run, read, found):
    table = train_sae.stand_in(run, read, found)
    assert table.index.tolist() == ["base", "spliced", "mean", "zero"]
    assert table["ndcg@10"]["base"] == pytest.approx(run.metrics["ndcg@10"])
    blank = train_sae.read(run, Site("blocks.0.out"), trained=False)
    assert len(blank) == len(read) and not np.allclose(blank.x, read.x)
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        train_sae.stand_in(run, read, train_sae.dictionary(run, blank, k=4, **SMALL))


def test_runs_in_folders_of_one_name_are_told_apart(bench, run, tmp_path):
    other = bench.fit("sasrec", epochs=2, width=32, layers=1, dropout=0.0)  # other weights, whichever epoch is kept
    copies = [made.copy(tmp_path / place / "mine") for made, place in ((run, "here"), (other, "there"))]
    first, second = (train_sae.read(made, Site("blocks.0.out")) for made in copies)
    assert first.fingerprint != second.fingerprint and not np.allclose(first.x, second.x)


CURVES = pd.DataFrame([
    {"arm": arm, "amount": amount, "share": 0.1 + slope * amount, "ndcg@10": 0.05 - price * amount, "off target": 0.05}
    for arm, slope, price in (("the latent", 0.2, 0.02), ("probe", 0.1, 0.01), ("like it, 0", 0.0, 0.01),
                              ("like it, 1", 0.02, 0.01), ("score boost", 0.4, 0.01))
    for amount in (0.0, 1.0, 2.0)
])  # fmt: skip


def test_steering_is_drawn_with_its_band():
    figure = show.dose(CURVES, "brand: <i>O'Neil</i> $5")
    check_literal(figure)
    assert {trace.name for trace in figure.data} == {"latents like it, 5 to 95 %", "the latent", "probe"}
    assert "from 10% to 50%" in figure.layout.title.text and "probe to 30%" in figure.layout.title.text
    band = figure.data[0]
    assert len(band.x) == 6 and max(band.y) == pytest.approx(0.1 + 0.02 * 2 * 0.95)


def test_prices_are_those_of_the_curves():
    told = show.prices(CURVES)
    assert "4.0 times" in told.caption, "the latent .02 at 1, the boost .005 at a half"
    assert [row[0] for row in told.cells][:1] == ["score boost"]
    far = CURVES.assign(share=CURVES["share"].where(CURVES["arm"] != "the latent", 0.1))
    assert "never raises it so far" in show.prices(far).caption
    assert "was not tried" in show.prices(CURVES[CURVES["arm"] != "score boost"]).caption
    free = CURVES.assign(**{"ndcg@10": CURVES["ndcg@10"].where(CURVES["arm"] != "score boost", 0.05)})
    assert "no ratio" in show.prices(free).caption


def test_names_and_ablations_say_what_they_count(described):
    told = show.names(described)
    confident = (described["confidence"].dropna() >= 0.8).mean()
    assert f"{confident:.0%} of {described['confidence'].notna().sum()}" in told.caption
    frame = pd.DataFrame({"concept": ["a", "b"], "users": [30, 5], "before": [0.2, np.nan], "change": [-0.1, np.nan],
                          "control": [0.01, np.nan], "p": [0.01, np.nan], "q": [0.01, np.nan],
                          "used": [True, False]}).rename_axis("latent")  # fmt: skip
    assert show.ablations(frame).caption.startswith("1 of 1 latents")


def test_the_usual_place_is_what_leaves_the_middle_block(bench):
    usual = {"sasrec": ("blocks.0.out", {"layers": 2}), "tiger": ("blocks.1.out", {"layers": 3, "epochs": 1}),
             "gru4rec": ("norm", {}), "bpr_mf": ("user", {})}  # fmt: skip
    for system, (path, settings) in usual.items():
        assert train_sae.site(bench.fit(system, **{"epochs": 1} | settings)).path == path
    with pytest.raises(UserError, match="popularity has no network to read"):
        train_sae.site(bench.fit("popularity"))
    with pytest.raises(UserError, match="did you mean 'norm'"):
        train_sae.site(bench.fit("sasrec", layers=2, epochs=1), "nrm")
