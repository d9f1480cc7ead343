"""The decoder card of stored runs, measured once, with its tables and reasons."""
from dataclasses import replace

import pandas as pd
import pytest

from workbench.experiment import open_bench
from workbench.experiment.audit.decoding import decoding
from workbench.train import PROFILES


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile=replace(PROFILES["smoke"], users=400))


def test_a_floor_and_a_network_that_scores(bench):
    floor = decoding(bench.fit("popularity"), cases=200)
    assert floor["arp"].found and "no probability" in floor["ece"].note
    assert floor.unmeasured["decoder"].startswith("the recommender does not spell")
    card = decoding(bench.fit("sasrec", epochs=2), cases=200)
    assert card["ece"].n == 200 and "no probability" not in card["ece"].note
    assert "decoder" in card.unmeasured


def test_a_network_that_spells_and_its_control(bench):
    run = bench.fit("tiger", epochs=2)
    card = decoding(run, cases=200, spelt=60, control=bench.fit("tiger", epochs=2, permuted=True))
    assert not set(card.unmeasured) - {"ndcg of cold targets", "ece, head", "ece, tail"}
    assert card["prefix recall 1"].n == 60 and card["ece, level 1"].n == 60
    assert {"lists", "beams", "beams of the control", "reliability", "homogeneity"} <= set(card.tables)
    again = decoding(run, cases=200, spelt=60, control=bench.fit("tiger", epochs=2, permuted=True))
    pd.testing.assert_frame_equal(card.table(), again.table())
    assert list(card.tables) == list(again.tables)
    beside = decoding(run, cases=100, spelt=40, control=bench.fit("popularity"))
    assert "does not spell its items" in beside.unmeasured["control"]
