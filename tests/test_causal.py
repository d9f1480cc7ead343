"""Stages that ask what latents do: a planted category moves its items, and the tables say what was done."""
import numpy as np
import pandas as pd
import pytest

from workbench.errors import UserError
from workbench.experiment import causal, open_bench, probing
from workbench.experiment.latents import latents
from workbench.probe.hooks import Site


@pytest.fixture(scope="module")
def run():
    return open_bench("synthetic", profile="smoke").fit("sasrec")


@pytest.fixture(scope="module")
def read(run):
    return probing.read(run, Site("blocks.0.out"))


@pytest.fixture(scope="module")
def found(run, read):
    return probing.dictionary(run, read, k=8, latents=256, epochs=30, batch=512)


@pytest.fixture(scope="module")
def table(run, read, found):
    return latents(run, read, found, draws=199)


def test_ablations(run, read, found, table):
    told = causal.ablations(run, read, found, table, latents=4, controls=24)
    assert 1 <= len(told) <= 4 and set(told.index) <= set(table.index[table["certified"]])
    measured = told[told["users"] >= causal.FEW]
    assert measured["change"].mean() < 0 and (measured["p"] >= 1 / 25).all()
    assert told.loc[told["users"] < causal.FEW, "p"].isna().all()
    pd.testing.assert_frame_equal(told, causal.ablations(run, read, found, table, latents=4, controls=24))


def test_steering_and_what_it_costs(run, read, found, table):
    latent = int(table[table["certified"]]["effect"].idxmax())
    concept = table["concept"][latent]
    curves = causal.steering(run, read, found, latent, concept, users=100, controls=4)
    base = curves[curves["amount"] == 0]
    assert base["share"].nunique() == 1 and base["ndcg@10"].nunique() == 1, "an amount of 0 is the same in every arm"
    told = causal.costs(curves)
    assert {"the latent", "difference of means", "probe", "item centroid", "score boost", "latents like it"} == set(
        told.index)  # fmt: skip
    assert told["area"]["the latent"] > told["area"]["latents like it"]
    assert told["highest share"]["score boost"] == pytest.approx(1) or np.isfinite(told["cost"]["score boost"])


def test_who_is_asked_and_of_what(run, read):
    cases = causal.held_out(run, read, users=50)
    learned = set(read.users(probing.SHARES)[0].user.tolist())
    assert len(cases.targets) == 50 and not learned & set(cases.histories.users.tolist())
    with pytest.raises(UserError, match="category 1"):
        causal.member_of(run, "category 1: Makup")
