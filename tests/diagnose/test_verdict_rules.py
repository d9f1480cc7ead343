"""Sentences follow the figures: what forbids comes first, borders fall where they are said to, nothing is made up."""
import numpy as np
import pandas as pd
import pytest

from workbench.diagnose.shortcuts.solvability import solvability
from workbench.diagnose.verdict.card import Card, Figure
from workbench.diagnose.verdict.rules import verdict
from workbench.diagnose.verdict.sentences import CAN, CANNOT, CARE, percent


def one(card: str, *figures: Figure) -> list:
    return verdict({card: Card(figures)})


def scored(share: float, n: int = 4000) -> np.ndarray:
    return (np.arange(n) % 1000 < 1000 * share).astype(float)


@pytest.mark.parametrize(
    "rule, popular, kind, words",
    [(0.5, 0.05, CANNOT, "that x learned more than counting tells: walk, which is not trained, reaches 125 %"),
     (0.4, 0.05, CANNOT, "that training x beats counting"), (0.35, 0.05, CARE, "Most of a good score"),
     (0.1, 0.05, CAN, "that training adds something"), (0.1, 0.41, CANNOT, "anything about what x learned")],
)  # fmt: skip
def test_how_solvable_it_is_decides_what_a_score_shows(rule, popular, kind, words):
    rules = {"walk": scored(rule), "popularity": scored(popular)}
    rules["walk"] = np.roll(rules["walk"], 300)
    valid = {"walk": 1.0, "popularity": 0.5, "x": 1.0}
    card = solvability(rules, {"x": scored(0.4)}, nulls={"popularity": scored(popular)}, valid=valid)
    [sentence] = verdict({"shortcuts": card})
    assert sentence.kind == kind and words in sentence.text


def test_a_system_that_lives_by_its_last_item_says_nothing_of_histories():
    short = one("memory of x", Figure("HD_1", 0.9, 0.85, 0.95), Figure("effective memory", 2.0))
    long = one("memory of x", Figure("HD_1", 0.4, 0.3, 0.5), Figure("effective memory", 5.0))
    endless = one("memory of x", Figure("HD_1", 0.4, 0.3, 0.5), Figure("effective memory", 203.0))
    assert [s.kind for s in short] == [CANNOT] and "90 % [85, 95]" in short[0].text
    assert [s.kind for s in long] == [CARE] and "95 % takes the last 5" in long[0].text
    assert "more than 10" in endless[0].text


def test_trained_on_less_is_the_fair_question():
    for ends, kinds in (((0.99, 0.89, 1.09), [CANNOT]), ((0.6, 0.5, 0.7), [CAN]), ((0.9, 0.7, 1.1), [])):
        assert [s.kind for s in one("retrained x", Figure("HD_1 retrained", *ends))] == kinds


@pytest.mark.parametrize(
    "ends, kind, words",
    [((0.01, -0.02, 0.04), CANNOT, "uses the order"), ((-0.1, -0.14, -0.06), CANNOT, "it gains 10 % [6, 14]"),
     ((0.3, -0.02, 0.6), CARE, "cannot be told"), ((0.3, 0.2, 0.4), None, "")],
)  # fmt: skip
def test_of_the_order_a_loss_a_gain_and_not_knowing_are_three_things(ends, kind, words):
    said = one("memory of x", Figure("OS keep last 1", *ends, 0.0, "above"))
    assert [s.kind for s in said] == [kind] * bool(kind) and all(words in s.text for s in said)


def test_what_forbids_comes_first_and_every_sentence_names_figures_that_are_there():
    cards = {
        "data": Card((Figure("future leakage", 0.2, 0.19, 0.21, 0.0, "above"), Figure("new test targets", 0.16))),
        "systems": Card((Figure("smallest effect", 0.003, n=4_905),),
                        {"pair": pd.DataFrame({"ours": ["a"], "rival": ["b"]})}),
        "strata": Card((Figure("lead on unseen steps", 0.004, 0.003, 0.005, 0.0, "above"),),
                       {"lead": pd.DataFrame({"ours": ["x"], "rival": ["y"], "share": [0.914]})}),
        "graph": Card((Figure("CR_1", 0.12, 0.11, 0.13, 0.01, "above"), Figure("lift_1", 9.0, 8.3, 9.7),
                       Figure("size_1", 14.0))),
        "features": Card((Figure("AUC_f", 0.5, 0.49, 0.51, 0.5, "above"), Figure("nearest", 0.004))),
        "decoding of tiger": Card((Figure("lost answers@10, beam 10", 0.2, 0.15, 0.25, n=200),
                                   Figure("lost answers@10, beam 50", 0.002, 0, 0.004, n=200))),
    }  # fmt: skip
    said = verdict(cards)
    assert [s.kind for s in said] == sorted((s.kind for s in said), key=(CANNOT, CARE, CAN).index)
    for sentence in said:
        assert all(cards[sentence.card][name] for name in sentence.figures)
    by_card = {s.card: s for s in said}
    assert "say little" in by_card["features"].text and by_card["decoding of tiger"].kind == CAN
    assert "a beam of 50 misses 0.2 %" in by_card["decoding of tiger"].text
    assert by_card["strata"].kind == CAN and "91 % of the cases whose step is not in train" in by_card["strata"].text
    assert "4,905 test cases a difference of 0.0030 NDCG@10 (a and b)" in by_card["systems"].text


def test_too_little_to_say_anything_says_nothing():
    assert not one("features", Figure("AUC_f", 0.56, 0.42, 0.7, 0.5, "above", 30), Figure("nearest", 0.01))
    near = Figure("CR_1", 0.6, 0.5, 0.7, 0.3, "above")
    assert not one("graph", near, Figure("lift_1", 1.7, 1.5, 1.9), Figure("size_1", 9.0))
    assert not one("decoding of t", Figure("lost answers@10, beam 10", 0.2, 0.0, 0.4, n=12))
    assert not one("splits", Figure("global-time over leave-one-out", 1.09, 0.12, 2.37, 1.0, "below"))


def test_another_leader_where_no_shortcut_comes_near_is_said_if_it_has_hits_enough():
    lead = Figure("lead on the hard subset", 0.02, 0.01, 0.03, 0.0, "above", 900)
    for hits, times in ((40, 1), (9, 0)):
        order = pd.DataFrame({"all": [0.3, 0.2], "hard": [0.01, 0.03], "hits": [5, hits]}, index=["a", "b"])
        said = verdict({"hard subset": Card((lead,), {"order": order})})
        assert len(said) == times and all("a leads on all cases, and there b is ahead" in s.text for s in said)


def test_counts_that_are_not_the_published_ones_are_said():
    figures = [Figure(f"published {name}", 10.0) for name in ("users", "items", "edges")]
    [sentence] = one("published counts", Figure("as published", 0.0), *figures)
    assert "10 users, 10 items, 10 edges" in sentence.text
    assert not one("published counts", Figure("as published", 1.0), *figures)


def test_ids_that_give_answers_away_are_named_once():
    probe = Figure("next-id probe: a", 0.03, 0.02, 0.04, 0.001, "above")
    twin, none = probe._replace(name="next-id probe: b"), Figure("next-id probe: c", 0.001, 0, 0.002, 0.001, "above")
    said = one("data", probe, twin, none)
    assert len(said) == 1 and "(a)" in said[0].text


def test_nothing_is_said_of_what_was_not_measured():
    assert verdict({"data": Card(unmeasured={"future leakage": "no times"}), "memory of x": Card()}) == []


def test_shares_are_told_as_finely_as_they_need():
    assert percent(Figure("x", 0.39, 0.31, 0.48)) == "39 % [31, 48]"
    assert percent(Figure("x", 0.004, 0.0, 0.008)) == "0.4 % [0.0, 0.8]" and percent(Figure("x", -0.0001)) == "0.0 %"
