"""Verdict rules: order of the sentences, thresholds, and no sentence without a measured figure."""
import numpy as np
import pandas as pd
import pytest

from workbench.diagnose.shortcuts.solvability import solvability
from workbench.diagnose.verdict.card import Card, Figure
from workbench.diagnose.verdict.rules import verdict
from workbench.diagnose.verdict.sentences import CAN, CANNOT, CARE, NO_CONCLUSION, percent, score


def one(card: str, *figures: Figure) -> list:
    return verdict({card: Card(figures)})


def scored(share: float, n: int = 4000) -> np.ndarray:
    return (np.arange(n) % 1000 < 1000 * share).astype(float)


@pytest.mark.parametrize(
    "rule, popular, kind, words",
    [(0.5, 0.05, CANNOT, "heuristic. The best training-free heuristic, walk, reaches 125 %"),
     (0.4, 0.05, CANNOT, "The interval includes a tie: the best"),
     (0.35, 0.05, CARE, "Most of a good score"),
     (0.1, 0.05, CAN, "that training x beats training-free heuristics"),
     (0.1, 0.41, CANNOT, "that x learned anything")],
)  # fmt: skip
def test_shortcut_solvability_decides_what_a_score_shows(rule, popular, kind, words):
    heuristics = {"walk": scored(rule), "popularity": scored(popular)}
    heuristics["walk"] = np.roll(heuristics["walk"], 300)
    valid = {"walk": 1.0, "popularity": 0.5, "x": 1.0}
    card = solvability(heuristics, {"x": scored(0.4)}, nulls={"popularity": scored(popular)}, valid=valid)
    [sentence] = verdict({"shortcuts": card})
    assert sentence.kind == kind and words in sentence.text and "(4,000 test cases; x: one seed, 0)" in sentence.text
    assert sentence.systems == ("x",)


def test_shortcut_solvability_names_the_training_seeds():
    seeds = np.stack([scored(0.4), scored(0.5)])
    card = solvability({"walk": scored(0.2)}, {"x": seeds}, seeds={"x": [3, 1]})
    [sentence] = verdict({"shortcuts": card})
    assert "(4,000 test cases; x: seeds 3, 1 give 50 %, 40 %)" in sentence.text


def test_what_rests_on_an_undertrained_system_is_withheld():
    why = "validation still rose"
    ablation = Card((Figure("HD_1", 0.9, 0.85, 0.95, n=300),), undertrained={"x": why})
    other = Card((Figure("HD_1", 0.9, 0.85, 0.95, n=300),))
    data = Card((Figure("cold test targets", 0.16, 0.1, 0.2, n=300),))
    sentences = verdict({"data": data, "history ablation: x": ablation, "history ablation: y": other})
    assert [s.kind for s in sentences] == [NO_CONCLUSION, CANNOT, CARE]
    first = sentences[0]
    assert first.text == f"about x: {why}. Its figures in these cards are no evidence: history ablation."
    assert (first.card, first.figures, first.systems) == ("history ablation: x", ("HD_1",), ("x",))
    assert "y" in sentences[1].text and not any("retains" in s.text for s in sentences if "x" in s.systems)


def test_a_mean_of_few_cases_has_two_decimals_and_never_stands_without_an_interval():
    few, many = Figure("x", 0.0453, 0.0123, 0.1, n=74), Figure("x", 0.0453, 0.0123, 0.1, n=200)
    assert (score(few), percent(few)) == ("0.05 [0.01, 0.10]", "5 % [1, 10]")
    assert (score(many), percent(many)) == ("0.0453 [0.0123, 0.1000]", "4.5 % [1.2, 10.0]")
    assert percent(Figure("x", 1.09, n=74)) == "109 % [interval unknown]" and percent(Figure("x", 1.09)) == "109 %"


def test_a_model_that_needs_the_last_item_only_shows_nothing_about_histories():
    short = one("history ablation: x", Figure("HD_1", 0.9, 0.85, 0.95), Figure("effective history length", 2.0))
    long = one("history ablation: x", Figure("HD_1", 0.4, 0.3, 0.5), Figure("effective history length", 5.0))
    endless = one("history ablation: x", Figure("HD_1", 0.4, 0.3, 0.5), Figure("effective history length", 203.0))
    assert [s.kind for s in short] == [CANNOT] and "90 % [85, 95]" in short[0].text
    assert [s.kind for s in long] == [CARE] and "to retain 95 % it has to read the last 5 items" in long[0].text
    assert "more than 10" in endless[0].text


def test_retrained_on_the_last_item_only():
    for ends, kinds in (((0.99, 0.89, 1.09), [CANNOT]), ((0.6, 0.5, 0.7), [CAN]), ((0.9, 0.7, 1.1), [])):
        assert [s.kind for s in one("retrained: x", Figure("HD_1 retrained", *ends))] == kinds


@pytest.mark.parametrize(
    "ends, kind, words",
    [((0.01, -0.02, 0.04), CANNOT, "changes by -1.0 % [-4.0, 2.0]"),
     ((-0.1, -0.14, -0.06), CANNOT, "its NDCG@10 rises by 10 % [6, 14]"),
     ((0.3, -0.02, 0.6), CARE, "is undecided"), ((0.3, 0.2, 0.4), None, "")],
)  # fmt: skip
def test_order_has_a_loss_a_gain_or_no_decision(ends, kind, words):
    sentences = one("history ablation: x", Figure("OS keep last 1", *ends, 0.0, "above"))
    assert [s.kind for s in sentences] == [kind] * bool(kind) and all(words in s.text for s in sentences)


def test_limitations_come_first_and_every_sentence_names_measured_figures():
    cards = {
        "data": Card((Figure("future leakage", 0.2, 0.19, 0.21, 0.0, "above"), Figure("cold test targets", 0.16))),
        "systems": Card((Figure("minimum detectable effect", 0.003, n=4_905),),
                        {"pair": pd.DataFrame({"ours": ["a"], "rival": ["b"]})}),
        "memorization": Card((Figure("lead on unseen transitions", 0.004, 0.003, 0.005, 0.0, "above", 4_481),),
                             {"lead": pd.DataFrame({"ours": ["x"], "rival": ["y"], "share": [0.914]})}),
        "graph": Card((Figure("CR_1", 0.12, 0.11, 0.13, 0.01, "above"), Figure("lift_1", 9.0, 8.3, 9.7),
                       Figure("size_1", 14.0))),
        "features": Card((Figure("AUC_f", 0.5, 0.49, 0.51, 0.5, "above"), Figure("recall@50 by similarity", 0.004))),
        "decoding: tiger": Card((Figure("lost targets@10, beam 10", 0.2, 0.15, 0.25, n=200),
                                   Figure("lost targets@10, beam 50", 0.002, 0, 0.004, n=200))),
    }  # fmt: skip
    sentences = verdict(cards)
    assert [s.kind for s in sentences] == sorted((s.kind for s in sentences), key=(CANNOT, CARE, CAN).index)
    for sentence in sentences:
        assert all(cards[sentence.card][name] for name in sentence.figures)
    by_card = {s.card: s for s in sentences}
    assert "hardly predicts" in by_card["features"].text and by_card["decoding: tiger"].kind == CAN
    assert "a beam of width 50 misses 0.2 %" in by_card["decoding: tiger"].text
    assert by_card["memorization"].kind == CAN
    assert "On the 4,481 test cases (91 %) whose transition" in by_card["memorization"].text
    assert "4,905 test cases, a difference of 0.0030 NDCG@10 between a and b" in by_card["systems"].text


def test_uncertain_figures_give_no_sentence():
    uncertain = Figure("AUC_f", 0.56, 0.42, 0.7, 0.5, "above", 30)
    assert not one("features", uncertain, Figure("recall@50 by similarity", 0.01))
    near = Figure("CR_1", 0.6, 0.5, 0.7, 0.3, "above")
    assert not one("graph", near, Figure("lift_1", 1.7, 1.5, 1.9), Figure("size_1", 9.0))
    assert not one("decoding: t", Figure("lost targets@10, beam 10", 0.2, 0.0, 0.4, n=12))
    assert not one("splits", Figure("global-time over leave-one-out", 1.09, 0.12, 2.37, 1.0, "below"))


def test_another_leader_on_the_hard_subset_is_reported_if_it_has_enough_hits():
    lead = Figure("lead on the hard subset", 0.02, 0.01, 0.03, 0.0, "above", 900)
    for hits, times in ((40, 1), (9, 0)):
        ranking = pd.DataFrame({"all": [0.3, 0.2], "hard": [0.01, 0.03], "hits": [5, hits]}, index=["a", "b"])
        sentences = verdict({"hard subset": Card((lead,), {"ranking": ranking})})
        assert len(sentences) == times
        assert all("a leads over all test cases, but on the 900 hard ones b is ahead" in s.text for s in sentences)


def test_counts_other_than_the_published_ones_are_reported():
    figures = [Figure(f"published {name}", 10.0) for name in ("users", "items", "edges")]
    [sentence] = one("published counts", Figure("as published", 0.0), *figures)
    assert "which has 10 users, 10 items, 10 edges" in sentence.text
    assert not one("published counts", Figure("as published", 1.0), *figures)


def test_id_leakage_is_reported_once():
    probe = Figure("next-id probe: a", 0.03, 0.02, 0.04, 0.001, "above")
    twin, none = probe._replace(name="next-id probe: b"), Figure("next-id probe: c", 0.001, 0, 0.002, 0.001, "above")
    sentences = one("data", probe, twin, none)
    assert len(sentences) == 1 and "(a)" in sentences[0].text


def test_unmeasured_figures_give_no_sentence():
    assert verdict({"data": Card(unmeasured={"future leakage": "no times"}), "history ablation: x": Card()}) == []


def test_percentages_have_a_decimal_below_ten():
    assert percent(Figure("x", 0.39, 0.31, 0.48)) == "39 % [31, 48]"
    assert percent(Figure("x", 0.004, 0.0, 0.008)) == "0.4 % [0.0, 0.8]" and percent(Figure("x", -0.0001)) == "0.0 %"


@pytest.mark.parametrize(("n", "sentences"), [(194, 0), (2000, 1)])
def test_ids_leak_only_where_the_interval_as_written_is_above_chance(n, sentences):
    leak = Figure("next-id probe: item", 0.021, 0.004, 0.04, null=0.0011, direction="above", n=n)
    found = one("data", leak)
    assert len(found) == sentences and all("0.0210 [0.0040, 0.0400]" in each.text for each in found)
