"""Sampled evaluation: what may be sampled, figures by hand, and a protocol that does not compare with full ranking."""
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from workbench.data import Histories, Protocol, Split
from workbench.data.histories import Cases
from workbench.data.protocol import differing_fields
from workbench.errors import UserError
from workbench.evaluate.sampled import evaluate_sampled, pooled_auc, sample_items

N_ITEMS = 9
HISTORIES = Histories(np.array([0, 2, 5]), np.array([1, 2, 3, 4, 5], np.int32), np.array([0, 1], np.int32))
ONE = Cases(HISTORIES, np.array([7, 9], np.int32))
SETS = Cases(HISTORIES, np.array([7, 8, 9], np.int32), offsets=np.array([0, 2, 3]))


class ById:
    """Scores an item by its id."""

    def rescore(self, histories, candidates):
        assert len(histories) == len(candidates)
        return candidates.astype(float)


def split_of(cases: Cases) -> Split:
    return Split(HISTORIES, cases, cases, 2, N_ITEMS, Protocol(), "")


@pytest.mark.parametrize("cases", [ONE, SETS], ids=["one target", "sets"])
def test_what_is_sampled_is_new_to_its_case(cases):
    items, rows = sample_items(cases, N_ITEMS, 50), cases.rows()
    for row in range(2):
        known = {*HISTORIES.row(row).tolist(), *cases.targets[rows == row].tolist()}
        assert set(np.unique(items[rows == row])) == {*range(1, N_ITEMS + 1)} - known, "all others, and no more"


def test_ranks_count_the_sampled_items_above():
    result = evaluate_sampled(ById(), ONE, split_of(ONE), n=6, batch=1)
    sampled = sample_items(ONE, N_ITEMS, 6)
    assert result.ranks.tolist() == (1 + (sampled > ONE.targets[:, None]).sum(1)).tolist() and result.ranks[1] == 1
    assert result.metric("recall@1") == np.mean(result.ranks == 1)


def test_ties_share_their_places():
    class Same:
        def rescore(self, histories, candidates):
            return np.zeros(candidates.shape)

    result = evaluate_sampled(Same(), ONE, split_of(ONE), n=9)
    assert result.auc == 0.5 and result.metric("recall@5") == pytest.approx(0.5), "ten places, all as likely"


def test_the_area_is_that_of_another_implementation():
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 5, 40).astype(float), rng.integers(0, 4, 60).astype(float)
    expected = roc_auc_score(np.repeat([1, 0], [40, 60]), np.concatenate([positive, negative]))
    assert pooled_auc(positive, negative) == pytest.approx(expected)


def test_the_protocol_says_what_was_sampled():
    result = evaluate_sampled(ById(), ONE, split_of(ONE), n=3)
    assert differing_fields(result.protocol, Protocol().dict()) == ["candidates"]
    assert result.protocol["candidates"] == "sampled: 3 uniform, seed 0"


def test_bad_input():
    with pytest.raises(UserError, match="n=0 sampled items"):
        evaluate_sampled(ById(), ONE, split_of(ONE), n=0)
    whole = Histories(np.array([0, 3]), np.array([1, 2, 3], np.int32), np.array([0], np.int32))
    with pytest.raises(UserError, match="hardly an item of 3 is left"):
        sample_items(Cases(whole, np.array([1], np.int32)), 3, 5)
