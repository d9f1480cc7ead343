"""Beam search errors on a small trie by hand, and a beam as wide as the catalogue, which is exact."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toys import random_histories, toy_codes, toy_net

from workbench import decode
from workbench.data import Cases
from workbench.decode import Beams
from workbench.diagnose.models import beam_search as diagnose
from workbench.recommenders.generative import Generative
from workbench.tokens import item_codes

# a (.4) leads to a1 alone; b (.6) leads to b1 and b2 (.5 each): items 1, 2, 3
TREE = item_codes(np.array([(0, 0), (1, 0), (1, 1)]), (2, 2), np.array(["a1", "b1", "b2"], object))
LOGITS = [torch.tensor([0.4, 0.6]).log(), torch.tensor([[1.0, 1e-9], [0.5, 0.5]]).log()]


class Toy:
    """A decoder of the trie above; its state is the previous code."""

    def __init__(self):
        self.code = SimpleNamespace(logits=self._logits, code_rows=lambda codes, nodes, level: codes)

    def prefill(self, tokens, lengths):
        return torch.zeros(len(tokens), 1, dtype=torch.int64), None, []

    def step(self, memory, own, rows, level):
        return rows, own

    def _logits(self, state, level):
        return LOGITS[0].expand(*state.shape, 2) if level == 0 else LOGITS[1][state]


def toy_beams(width: int) -> Beams:
    empty = torch.zeros(1, 1, 2, dtype=torch.int64)
    return decode.beam_search(Toy(), empty, torch.zeros(1), decode.child_tables(TREE.trie, "cpu"), beam=width)


TARGET = np.array([1])
EXACT = np.array([[-np.inf, np.log(0.4), np.log(0.3), np.log(0.3)]])


def test_a_narrow_beam_prunes_the_best_item():
    one, two = (diagnose.in_beam(toy_beams(width), TREE.trie, TARGET) for width in (1, 2))
    assert diagnose.prefix_recall(one).tolist() == [0, 0] and diagnose.prefix_recall(two).tolist() == [1, 1]
    assert diagnose.level_pruned(one).tolist() == [1] and diagnose.level_pruned(two).tolist() == [0]
    exact = diagnose.exact_ranks(EXACT, TREE.trie, TARGET)
    ranks = [diagnose.beam_ranks(toy_beams(width), TREE.trie, TARGET) for width in (1, 2)]
    assert exact.tolist() == [1] and [rank.tolist() for rank in ranks] == [[0], [1]]
    assert [diagnose.search_error(exact, rank, 1) for rank in ranks] == [1, 0]
    assert diagnose.pruning_rate(diagnose.level_pruned(one), exact, 1, 2).tolist() == [1, 0]
    assert diagnose.beam_gap(exact, ranks[0], np.array([1])) == 1


def test_pruning_rate_is_undefined_without_cases_within_the_width():
    assert np.isnan(diagnose.pruning_rate(np.array([1]), np.array([3]), 2, 2)).all()
    pruned = diagnose.level_pruned(np.array([[True, True, False], [True, False, False], [False] * 3, [True] * 3]))
    assert pruned.tolist() == [3, 2, 1, 0]


def test_exact_ranks_count_items_and_break_ties_by_id():
    codes = item_codes(np.array([(0,), (1,), (0,), (2,)]), (3,), np.array(list("abcd"), object))
    scores = np.array([[-np.inf, -1.0, -2.0, -1.0, -2.0]])
    ranks = [int(diagnose.exact_ranks(scores, codes.trie, np.array([item]))[0]) for item in (1, 2, 3, 4)]
    assert ranks == [1, 3, 1, 4]


def test_invalid_share_of_beams_outside_the_trie():
    beams = Beams([np.array([[0, -1, 1, -1]])], [np.append(np.log([0.4, 0.3, 0.1]), -np.inf)[None]])
    share, mass = diagnose.invalid_share(beams)
    assert share == pytest.approx(1 / 3) and mass == pytest.approx(0.375)


@pytest.fixture(scope="module", params=["decoder", "encoder-decoder"])
def recommender(request):
    codes = toy_codes()
    return Generative(toy_net(request.param), codes, beam=5, max_length=5, all_positions=request.param == "decoder")


@pytest.fixture(scope="module")
def cases(recommender):
    targets = np.random.default_rng(1).integers(1, recommender.codes.n_items + 1, 150).astype(np.int32)
    histories = random_histories(150, recommender.codes.n_items)
    return Cases(histories, targets)


def test_a_beam_as_wide_as_the_catalogue_is_exact(recommender, cases):
    table = diagnose.beam_width_table(recommender, cases, widths=(2, 60))
    wide, narrow, exact = table.loc["beam 60"], table.loc["beam 2"], table.loc["exact"]
    assert wide["ndcg@10"] == pytest.approx(exact["ndcg@10"]) and wide["search_error"] == wide["pruned"] == 0
    assert wide[["prefix_recall_1", "prefix_recall_2", "prefix_recall_3"]].tolist() == [1, 1, 1] and wide["invalid"] > 0
    assert narrow["prefix_recall_1"] >= narrow["prefix_recall_2"] >= narrow["prefix_recall_3"]
    assert narrow["search_error low"] < narrow["search_error"] < narrow["search_error high"]
    assert wide["ndcg@10 lost"] == 0
    assert narrow["ndcg@10 lost"] == pytest.approx(exact["ndcg@10"] - narrow["ndcg@10"])
    assert narrow["prefix_recall_1 low"] < narrow["prefix_recall_1"] < narrow["prefix_recall_1 high"]


def test_ranks_agree_with_the_recommended_lists(recommender, cases):
    beams = diagnose.run_beam_search(recommender, cases.histories, beam=5)
    ranks = diagnose.beam_ranks(beams, recommender.codes.trie, cases.targets)
    listed = recommender.recommend(cases.histories, 5)
    hit = listed.group == recommender.codes.trie.group[cases.targets][:, None]
    expected = np.where(hit.any(1), hit.argmax(1) + 1, 0)
    assert (np.where(ranks <= 5, ranks, 0) == expected).all() and (expected > 0).any()


def test_level_losses_add_up_to_the_log_probability(recommender, cases):
    some = cases.take(np.arange(70))
    table = diagnose.loss_by_level(recommender, some)
    codes = recommender.codes
    share = np.log(codes.trie.group_size[codes.trie.group[some.targets]])
    whole = recommender.log_prob(some.histories, some.targets[:, None])[:, 0] + share
    assert table["loss"].sum() == pytest.approx(-whole.mean(), rel=1e-5)
    assert table["uniform"][1] == pytest.approx(np.log(len(np.unique(codes.codes[1:, 0]))))
