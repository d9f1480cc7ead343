"""Agents at a board: what contradicts what is wanted falls, which likeness does not see; the board is read and kept."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from toys import make_histories

from workbench import experiment, systems
from workbench.embed.documents import documents
from workbench.errors import UserError
from workbench.recommenders.prompts.board import Board, Terms, products, strongest
from workbench.train import PROFILES

arag = systems.load("arag")
TEXTS = ["rose soap, vegan, perfume", "rose cream, vegan, perfume", "rose soap, no perfume, never vegan",
         "steel hammer", "vegan perfume", "perfume-free rose"]  # fmt: skip


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 200})


def agents(said: Terms, gate: float = 0.2) -> object:
    return arag.Agents([arag.understand(said, 12), arag.contained(said), arag.accept(gate), arag.summarise(said, 12),
                        arag.rank(said)])  # fmt: skip


def test_what_a_text_says_and_denies():
    said = Terms(TEXTS)
    table = {name: said.says[:, column].toarray()[:, 0].tolist() for column, name in enumerate(said.names)}
    assert table["vegan"] == [0, 1, 1, -1, 0, 1, 0] and table["perfume"] == [0, 1, 1, -1, 0, 1, -1]
    assert table["rose"] == [0, 1, 1, 1, 0, 0, 1] and "no" not in table
    np.testing.assert_allclose(np.asarray(said.weights.multiply(said.weights).sum(1)).ravel(), [0, *[1] * 6], rtol=1e-5)


def test_the_board_of_one_user_by_hand():
    said = Terms(TEXTS)
    board = agents(said).discuss(make_histories([1, 2]), np.array([[3, 4, 5, 6]]))
    wanted = dict(zip(said.names[board.wanted.indices], board.wanted.data))
    assert set(wanted) == {"rose", "soap", "cream", "vegan", "perfume"}
    assert sum(wanted.values()) == pytest.approx(1) and wanted["cream"] > wanted["soap"], "newer and as rare"
    by_hand = [wanted["rose"] + wanted["soap"] - wanted["vegan"] - wanted["perfume"], 0,
               wanted["vegan"] + wanted["perfume"], wanted["rose"] - wanted["perfume"]]  # fmt: skip
    np.testing.assert_allclose(board.support[0], by_hand, atol=1e-6)
    assert board.accepted[0].tolist() == [support >= 0.2 for support in by_hand]
    assert board.written == ["wanted", "support", "accepted", "summary", "scores"]
    accepted = board.summary.indices
    assert {"vegan", "perfume"} <= set(said.names[accepted])
    with pytest.raises(ValueError, match="two steps write 'wanted'"):
        board.write("wanted", None)


def test_the_newest_events_say_most():
    said = Terms(TEXTS)
    board = Board(make_histories([4] + [1] * 5, [1] * 5 + [4]), np.ones((2, 1), np.int64))
    arag.understand(said, 12)(board)
    steel = board.wanted[:, list(said.names).index("steel")].toarray()[:, 0]
    assert 0 < steel[0] < steel[1] / 1.9


def test_planted_contradictions_fall_through_the_gate_and_not_without_it():
    """Beside each candidate one of the same words that denies them: likeness ranks it as high, the gate does not."""
    texts = documents(bench().dataset).tolist()
    n, denied = len(texts), [" ".join(f"no {word}" for word in text.split()) for text in texts]
    said, histories = Terms(texts + denied), bench().split.test.histories
    first = bench().build("arag", n=10).candidates(histories)
    candidates = np.concatenate([first + n, first], axis=1)  # the contradictions stand above
    board = agents(said).discuss(histories, candidates)
    true, planted = board.scores[:, 10:], board.scores[:, :10]
    assert not board.accepted[:, :10].any() and board.accepted[:, 10:].mean() > 0.3
    passed = board.accepted[:, 10:]
    assert (true > planted.max(1, keepdims=True))[passed].all()
    alike = arag.Agents([arag.understand(said, 12), arag.by_likeness(said)]).rescore(histories, candidates)
    share = (alike[:, :10] > np.median(alike, axis=1, keepdims=True)).mean()
    assert 0.35 < share < 0.65, "without the gate they stand among the others"


def test_where_nothing_is_wanted_or_accepted_the_order_of_retrieval_stands():
    said = Terms(TEXTS)
    scores = agents(said, gate=0.2).rescore(make_histories([], [4]), np.array([[1, 2, 3], [1, 2, 3]]))
    assert (np.diff(scores) < 0).all()


def test_strongest_by_hand():
    from scipy import sparse

    rows = sparse.csr_matrix([[0.0, 3.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]])
    assert strongest(rows, 2).toarray().tolist() == [[0, 0.5, 0, 0.5], [0] * 4, [1, 0, 0, 0]]
    assert strongest(rows, 1).toarray().tolist() == [[0, 1, 0, 0], [0] * 4, [1, 0, 0, 0]]
    found = products(rows, rows, np.array([[0, 2], [0, 1], [2, 0]]))
    assert found.tolist() == [[19, 0], [0, 0], [4, 0]]


@pytest.mark.parametrize("wrong", [{"n": -1}, {"gate": 1.5}, {"terms": 0}, {"first": "arg"}])
def test_a_bad_setting_is_one_error(wrong):
    with pytest.raises(UserError):
        bench().build("arag", **wrong)
