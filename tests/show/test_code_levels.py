"""Figures of a semantic ID decoder: what they say is what was measured, nothing below the diagonal, titles literal."""
import numpy as np
import pandas as pd
import pytest
from hostile_titles import check_literal

from workbench.errors import UserError
from workbench.experiment.probing import by_code_level, train_sae
from workbench.experiment.probing.probe import SAE, Probe
from workbench.probing.activations.hooks import Site
from workbench.probing.interventions.per_level import mean_attribution
from workbench.show.dashboard import levels
from workbench.show.figures import code_levels

SMALL = {"latents": 48, "epochs": 3, "batch": 128}


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("tiger", epochs=2, width=32, layers=1)


@pytest.fixture(scope="module")
def activations(run):
    return train_sae.read_activations(run, Site("blocks.0.out"))


def test_attribution_says_what_was_measured(run, activations):
    rise = by_code_level.position_attribution(run, activations)
    figure = code_levels.draw_position_attribution(rise)
    check_literal(figure)
    shown, L = np.asarray(figure.data[0].z, float), rise.shape[1]
    assert np.isnan(shown[np.tril_indices(L, -1)]).all()
    assert np.allclose(shown[np.triu_indices(L)], rise.mean(axis=0)[np.triu_indices(L)])
    by_hand = np.zeros((5, 2, 2))
    by_hand[:, 0, 0], by_hand[:, 0, 1], by_hand[:, 1, 1] = 1, 0.5, 2.5
    assert code_levels.draw_position_attribution(by_hand).layout.title.text.startswith("88% of the effect of ablating")
    assert "code 2, 2.50 nats" in code_levels.draw_position_attribution(by_hand).layout.title.text.replace("<br>", " ")
    assert "does not matter" in code_levels.draw_position_attribution(by_hand * 0).layout.title.text
    assert mean_attribution(by_hand)["low"].tolist() == [1, 0.5, 0, 2.5]


def test_levels_recovered_draws_every_dictionary(run, activations):
    kinds = {
        "topk": by_code_level.shared_dictionaries(run, activations, k=4, **SMALL),
        "pca": by_code_level.shared_dictionaries(run, activations, k=4, kind="pca"),
    }
    table = by_code_level.fvu_by_level(
        activations, kinds | {"topk, each": by_code_level.separate_dictionaries(run, activations, k=4, **SMALL)}
    )
    kept = {kind: by_code_level.recovered_by_level(run, activations, made) for kind, made in kinds.items()}
    figure = code_levels.draw_levels_recovered(table, kept, ours="topk", rival="pca")
    check_literal(figure)
    assert [trace.name for trace in figure.data] == ["topk", "topk", "pca", "pca", "topk, each"]
    assert np.allclose(figure.data[0].y, table["topk"].drop("all"))
    with pytest.raises(UserError, match="unknown kind of dictionary 'pac'"):
        code_levels.draw_levels_recovered(table, kept, ours="topk", rival="pac")


def test_the_title_names_the_worst_level():
    table = pd.DataFrame({"a": [0.1, 0.3, 0.01], "b": [0.2, 0.2, 0.02]}, index=["code 1", "code 2", "all"])
    rows = [{"edited": code, "code": code, "recovered_mean": share, "low_mean": 0.5, "high_mean": 0.95}
            for code, share in (("code 1", 0.9), ("code 2", None), ("all", 0.1))]  # fmt: skip
    figure = code_levels.draw_levels_recovered(table, {kind: pd.DataFrame(rows) for kind in "ab"}, ours="a", rival="b")
    title = figure.layout.title.text.replace("<br>", " ")
    assert "a leaves 30% of a level unexplained at most and recovers 90% or more" in title
    assert "b leaves 20%" in title
    subtitle = figure.layout.title.subtitle.text.replace("<br>", " ")
    assert "Undefined, because ablation has no significant cost: code 2." in subtitle


def test_runs_that_decode_no_codes_have_a_notice_instead(bench, run, activations):
    kinds = {
        "topk": train_sae.train_dictionary(run, activations, k=4, **SMALL),
        "pca": train_sae.train_dictionary(run, activations, k=4, kind="pca"),
    }
    probe = Probe(run, Site("blocks.0.out"))
    figure = code_levels.plot_levels_recovered(probe, {kind: SAE(probe, sae) for kind, sae in kinds.items()}, users=20)
    html = levels.levels_section(run, activations, kinds)
    assert [trace.name for trace in figure.data] == ["topk", "topk", "pca", "pca"]
    L = run.recommender().codes.levels
    assert html.count("<tr>") == 2 + 2 * L and f"position of code {L}" in html and "-0.00" not in html
    assert len(code_levels.plot_position_attribution(probe).data) == 1
    other = bench.fit("sasrec", epochs=1, width=32, layers=1)
    others = train_sae.read_activations(other, Site("blocks.0.out"))
    assert not code_levels.plot_position_attribution(Probe(other, Site("blocks.0.out"))).data
    assert not code_levels.plot_levels_recovered(Probe(other, Site("blocks.0.out")), {}).data
    assert "nothing to compare code by code" in levels.levels_section(other, others, {})
