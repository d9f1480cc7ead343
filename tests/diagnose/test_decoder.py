"""The decoder card: masks and tries by hand, and beams that are provably exact."""
from types import SimpleNamespace

import numpy as np
import pytest
from toys import make_histories, random_histories, toy_recommender

from workbench.data import Cases
from workbench.diagnose.models import beam_search, decoder
from workbench.diagnose.models.prefix_scores import prefix_log_probs
from workbench.tokens import item_codes


def scores_of(*levels):
    return [np.log(np.array([level])) for level in levels]


TREE = item_codes(np.array([(0, 0), (1, 0)]), (2, 2), np.array(["a", "b"], object)).trie


def test_constrained_shift_by_hand():
    kl, valid = decoder.constrained_shift(scores_of([0.5, 0.5], [0.5, 0.1]),
                                          TREE)  # b: of its codes only .2 is an item's
    assert kl == pytest.approx([0.243], abs=5e-4) and valid == pytest.approx([0.6])
    even, valid = decoder.constrained_shift(scores_of([0.5, 0.5], [0.1, 0.1]), TREE)
    assert even == pytest.approx([0], abs=1e-12) and valid == pytest.approx([0.2])


def test_forced_levels_and_ghost_amplification():
    codes = item_codes(np.array([(0, 0), (1, 0), (1, 1)]), (2, 2), np.array(list("abc"), object))
    assert decoder.forced_levels(codes.trie).tolist() == [1, 0, 0]
    assert decoder.ghost_amplification(np.log([[0.4, 0.3, 0.3], [0.2, 0.4, 0.4]]), codes.trie) == pytest.approx([1, -1])


def test_level_confidence_and_distinct_prefixes_by_hand():
    codes = item_codes(np.array([(0, 0), (1, 0), (1, 1)]), (2, 2), np.array(list("abc"), object))
    p, correct = decoder.level_confidence(scores_of([0.4, 0.6], [0.4, 0.15, 0.45]), codes.trie, np.array([2]))
    assert p == pytest.approx(np.array([[0.6, 0.75]])) and correct.tolist() == [[True, False]]
    assert decoder.distinct_prefixes(np.array([[0, 1, 2], [1, 2, -1]]), codes.trie).tolist() == [[2, 3], [1, 2]]


@pytest.fixture(scope="module")
def cases():
    targets = np.random.default_rng(1).integers(1, 25, 90).astype(np.int32)
    return Cases(random_histories(90, 24), targets)


@pytest.mark.parametrize("masked", [False, True])
def test_ranks_within_a_depth_are_those_of_an_exact_search(cases, masked):
    recommender, exclude = toy_recommender(), cases.histories if masked else None
    exact = beam_search.exact_ranks(recommender.score(cases.histories), recommender.codes.trie, cases.targets, exclude)
    for wide in (3, 60):
        ranks = beam_search.exact_ranks_within(recommender, cases, 3, wide=wide, masked=masked)
        assert (ranks == np.where(exact <= 3, exact, 0)).all() and (ranks > 0).any()
    repeated = beam_search.target_in_history(cases)
    assert repeated.any() and (not masked or not exact[repeated].any())


def test_a_masked_beam_lists_what_is_recommended(cases):
    recommender = toy_recommender()
    beams = beam_search.run_beam_search(recommender, cases.histories, beam=60, masked=True)
    ranks = beam_search.beam_ranks(beams, recommender.codes.trie, cases.targets, cases.histories)
    listed = recommender.recommend(cases.histories, 10, cases.histories)
    hit = listed.group == recommender.codes.trie.group[cases.targets][:, None]
    expected = np.where(hit.any(1) & ~beam_search.target_in_history(cases), hit.argmax(1) + 1, 0)
    assert (np.where(ranks <= 10, ranks, 0) == expected).all()


@pytest.mark.parametrize("kind", ["decoder", "encoder-decoder"])
def test_the_card(cases, kind):
    recommender = toy_recommender(kind, collide=False)
    split = SimpleNamespace(protocol=SimpleNamespace(mask_history=False), train_counts=lambda: np.arange(25))
    before = recommender.score(cases.histories)
    card = decoder.decoder_card(recommender, cases, split, widths=(2, 5), k=2)
    assert np.array_equal(before, recommender.score(cases.histories)), "the shuffled control is removed"
    assert not card.unmeasured and card["search error@2, beam 2"].value >= card["search error@2, beam 5"].value
    exact = np.exp(before[:, 1:].astype(np.float64)).sum(1)
    assert card["invalid mass"].value == pytest.approx(1 - exact.mean(), abs=1e-5)
    assert card["constrained shift"].value > 0 and card["distinct prefixes 1"].value <= 3
    assert card.tables["prefix recall"].shape == (4, 3)
    wider = decoder.decoder_card(recommender, cases, split, widths=(2, 50), k=2)["distinct prefixes 2"]
    assert wider.value == wider.null, "a beam wider than the catalogue holds all of it"


def test_shuffled_logits_are_another_decoder():
    recommender, some = toy_recommender(), make_histories([1, 2], [3])
    with decoder.shuffled_logits(recommender):
        other = recommender.score(some)
    assert not np.allclose(other[:, 1:], recommender.score(some)[:, 1:])


def test_prefixes_are_scored_as_the_beam_and_the_exact_search_do(cases):
    recommender = toy_recommender(collide=False)
    scores = prefix_log_probs(recommender, cases.histories)
    leaves = recommender.score(cases.histories)[:, 1:]
    assert scores[-1][:, recommender.codes.trie.group[1:]] == pytest.approx(leaves, abs=1e-4)
    beams = beam_search.run_beam_search(recommender, cases.histories, beam=60)
    for nodes, beam_scores, exact in zip(beams.nodes, beams.scores, scores):
        valid = nodes >= 0
        assert np.take_along_axis(exact, np.maximum(nodes, 0), 1)[valid] == pytest.approx(beam_scores[valid], abs=1e-4)
