"""Figures of a network that spells: what they say is what was measured, nothing below the diagonal, titles literal."""
import numpy as np
import pandas as pd
import pytest
from hostile_shop import check_literal

from workbench.errors import UserError
from workbench.experiment.probing import by_code_level, train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.interventions.per_level import average
from workbench.show.dashboard import levels
from workbench.show.figures import code_levels

SMALL = {"latents": 48, "epochs": 3, "batch": 128}


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("tiger", epochs=2, width=32, layers=1)


@pytest.fixture(scope="module")
def read(run):
    return train_sae.read(run, Site("blocks.0.out"))


def test_attribution_says_what_was_measured(run, read):
    rise = by_code_level.attributed(run, read)
    figure = code_levels.attribution(rise)
    check_literal(figure)
    shown, L = np.asarray(figure.data[0].z, float), rise.shape[1]
    assert np.isnan(shown[np.tril_indices(L, -1)]).all()
    assert np.allclose(shown[np.triu_indices(L)], rise.mean(axis=0)[np.triu_indices(L)])
    by_hand = np.zeros((5, 2, 2))
    by_hand[:, 0, 0], by_hand[:, 0, 1], by_hand[:, 1, 1] = 1, 0.5, 2.5
    assert code_levels.attribution(by_hand).layout.title.text.startswith("88% of what ablating")
    assert "code 2, 2.50 nats" in code_levels.attribution(by_hand).layout.title.text.replace("<br>", " ")
    assert "does not matter" in code_levels.attribution(by_hand * 0).layout.title.text
    assert average(by_hand)["low"].tolist() == [1, 0.5, 0, 2.5]


def test_levels_side_by_side(run, read):
    kinds = {
        "topk": by_code_level.shared(run, read, k=4, **SMALL),
        "pca": by_code_level.shared(run, read, k=4, kind="pca"),
    }
    table = by_code_level.unexplained(read, kinds | {"topk, each": by_code_level.separate(run, read, k=4, **SMALL)})
    kept = {kind: by_code_level.kept(run, read, made) for kind, made in kinds.items()}
    figure = code_levels.kept_by_level(table, kept, ours="topk", rival="pca")
    check_literal(figure)
    assert [trace.name for trace in figure.data] == ["topk", "topk", "pca", "pca", "topk, each"]
    assert np.allclose(figure.data[0].y, table["topk"].drop("all"))
    with pytest.raises(UserError, match="unknown kind of dictionary 'pac'"):
        code_levels.kept_by_level(table, kept, ours="topk", rival="pac")


def test_the_title_names_the_worst_level():
    table = pd.DataFrame({"a": [0.1, 0.3, 0.01], "b": [0.2, 0.2, 0.02]}, index=["code 1", "code 2", "all"])
    rows = [{"edited": code, "code": code, "recovered_mean": share, "low_mean": 0.5, "high_mean": 0.95}
            for code, share in (("code 1", 0.9), ("code 2", None), ("all", 0.1))]  # fmt: skip
    figure = code_levels.kept_by_level(table, {kind: pd.DataFrame(rows) for kind in "ab"}, ours="a", rival="b")
    title = figure.layout.title.text.replace("<br>", " ")
    assert "a leaves 30% of a level unexplained at most and keeps 90% or more" in title and "b leaves 20%" in title
    assert "Undefined, because ablating costs nothing sure: code 2." in figure.layout.title.subtitle.text


def test_a_run_is_told_code_by_code_where_it_spells_and_says_why_not_elsewhere(bench, run, read):
    kinds = {
        "topk": train_sae.dictionary(run, read, k=4, **SMALL),
        "pca": train_sae.dictionary(run, read, k=4, kind="pca"),
    }
    figure, said = code_levels.levels_kept(run, read, kinds, users=20), levels.by_level(run, read, kinds)
    assert [trace.name for trace in figure.data] == ["topk", "topk", "pca", "pca"]
    L = run.recommender().codes.levels
    assert said.count("<tr>") == 2 + 2 * L and f"slot of code {L}" in said and "-0.00" not in said
    assert len(code_levels.slots_used(run, read).data) == 1
    other = bench.fit("sasrec", epochs=1, width=32, layers=1)
    there = train_sae.read(other, Site("blocks.0.out"))
    assert not code_levels.slots_used(other, there).data and not code_levels.levels_kept(other, there, {}).data
    assert "nothing to tell apart code by code" in levels.by_level(other, there, {})
