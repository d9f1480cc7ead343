"""Sentences follow the figures: what forbids comes first, borders fall where they are said to, nothing is made up."""
import pytest

from workbench.diagnose.card import Card, Figure
from workbench.diagnose.verdict import CAN, CANNOT, CARE, verdict


def one(card: str, *figures: Figure) -> list:
    return verdict({card: Card(figures)})


@pytest.mark.parametrize(
    "ends, kind, words",
    [((1.3, 1.17, 1.45), CANNOT, "learned more than a train graph"), ((0.98, 0.9, 1.06), CANNOT, "beats counting"),
     ((0.86, 0.8, 0.93), CARE, "Most of a good score"), ((0.6, 0.45, 0.7), CARE, "Part of a good score"),
     ((0.3, 0.2, 0.4), CAN, "what training adds")],
)  # fmt: skip
def test_how_solvable_it_is_decides_what_a_score_shows(ends, kind, words):
    [sentence] = one("shortcuts", Figure("SSI", *ends))
    assert sentence.kind == kind and words in sentence.text
    assert f"{100 * ends[0]:.0f} % [{100 * ends[1]:.0f}, {100 * ends[2]:.0f}]" in sentence.text
    assert sentence.card == "shortcuts" and sentence.figures == ("SSI",)


def test_a_system_that_lives_by_its_last_item_says_nothing_of_histories():
    short = one("memory of x", Figure("HD_1", 0.9, 0.85, 0.95), Figure("effective memory", 2.0))
    long = one("memory of x", Figure("HD_1", 0.4, 0.3, 0.5), Figure("effective memory", 5.0))
    assert [s.kind for s in short] == [CANNOT] and "90 % [85, 95]" in short[0].text
    assert [s.kind for s in long] == [CAN] and "5 events keep 95 %" in long[0].text
    order = one("memory of x", Figure("OS keep last 1", 0.01, -0.02, 0.04, 0.0, "above"))
    assert [s.kind for s in order] == [CANNOT]
    assert not one("memory of x", Figure("OS keep last 1", 0.3, 0.2, 0.4, 0.0, "above"))


def test_what_forbids_comes_first_and_every_sentence_names_figures_that_are_there():
    cards = {
        "data": Card((Figure("future leakage", 0.2, 0.19, 0.21, 0.0, "above"), Figure("new test targets", 0.16))),
        "systems": Card((Figure("smallest effect", 0.003, n=4_905),)),
        "graph": Card((Figure("CR_1", 0.12, 0.11, 0.13, 0.01, "above"), Figure("lift_1", 9.0, 8.3, 9.7),
                       Figure("size_1", 14.0))),
        "features": Card((Figure("AUC_f", 0.5, 0.49, 0.51, 0.5, "above"), Figure("nearest", 0.004))),
        "decoding of tiger": Card((Figure("search error@10, beam 10", 0.2), Figure("search error@10, beam 50", 0.002))),
    }  # fmt: skip
    said = verdict(cards)
    assert [s.kind for s in said] == sorted((s.kind for s in said), key=(CANNOT, CARE, CAN).index)
    for sentence in said:
        assert all(cards[sentence.card][name] for name in sentence.figures)
    by_card = {s.card: s for s in said}
    assert by_card["features"].kind == CAN and by_card["decoding of tiger"].kind == CAN
    assert "a beam of 50" in by_card["decoding of tiger"].text
    assert "4,905 test cases" in by_card["systems"].text


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
