"""The decoding card of stored runs: its figures, its tables, and the reasons for what is not measured."""
from dataclasses import replace

import pandas as pd
import pytest

from workbench.experiment import open_bench
from workbench.experiment.audit.decoding import decoding_card
from workbench.train import PROFILES


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile=replace(PROFILES["smoke"], users=400))


def test_a_baseline_and_a_network_that_scores_items(bench):
    baseline = decoding_card(bench.fit("popularity"), cases=200)
    assert baseline["arp"].significant and "no probability" in baseline["ece"].note
    assert baseline.unmeasured["decoder"].startswith("the recommender does not decode semantic IDs")
    card = decoding_card(bench.fit("sasrec", epochs=2), cases=200)
    assert card["ece"].n == 200 and "no probability" not in card["ece"].note
    assert "decoder" in card.unmeasured


@pytest.mark.slow
def test_a_decoder_of_semantic_ids_and_its_control(bench):
    run = bench.fit("tiger", epochs=2)
    card = decoding_card(run, cases=200, decoded=60, control=bench.fit("tiger", epochs=2, permuted=True))
    assert not set(card.unmeasured) - {"ndcg of cold targets", "ece, head", "ece, tail"}
    assert card["prefix recall 1"].n == 60 and card["ece, level 1"].n == 60
    assert {"lists", "beams", "control beams", "reliability", "homogeneity"} <= set(card.tables)
    again = decoding_card(run, cases=200, decoded=60, control=bench.fit("tiger", epochs=2, permuted=True))
    pd.testing.assert_frame_equal(card.table(), again.table())
    assert list(card.tables) == list(again.tables)
    no_control = decoding_card(run, cases=100, decoded=40, control=bench.fit("popularity"))
    assert "decodes no semantic IDs" in no_control.unmeasured["control"]
