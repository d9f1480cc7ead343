"""Further codes of items that are read, a branch within items, a softmax over the trie: decoding stays exact."""
import numpy as np
import pytest
import torch
from toys import make_histories, random_histories, toy_net, toy_recommender

from workbench.errors import UserError

HISTORIES = random_histories(12, 24, longest=7, seed=1)
STREAMS = (6, 7)


def streams() -> np.ndarray:
    """(25, 2) rows of the embedding table for the further codes of 24 items; item 0 has none."""
    starts = toy_net(streams=STREAMS).code.stream_starts
    rows = np.random.default_rng(3).integers(0, STREAMS, (25, 2)) + starts
    return rows * (np.arange(25) > 0)[:, None]


VARIANTS = {
    "local": {"local": "attention"}, "streams": {"streams": STREAMS}, "trie": {},
    "all": {"streams": STREAMS, "local": "attention"},
}  # fmt: skip


def build(name: str, **more):
    rows = None
    if "streams" in VARIANTS[name]:
        rows = streams()
    return toy_recommender(trie_softmax=name in ("trie", "all"), rows_of_streams=rows, **VARIANTS[name], **more)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_full_beam_is_the_exact_list_and_likelihoods_agree(name):
    model = build(name)
    lists, exact = model.recommend(HISTORIES, 24), model.recommend_exact(HISTORIES, 24)
    assert np.array_equal(lists.items, exact.items) and np.allclose(lists.scores, exact.scores, atol=1e-5)
    every = np.tile(np.arange(1, 25), (12, 1))
    shared = np.log(model.codes.trie.group_size[model.codes.trie.group[every]])
    assert np.allclose(model.log_prob(HISTORIES, every) + shared, model.score(HISTORIES)[:, 1:], atol=1e-4)


@pytest.mark.parametrize("name", ["trie", "all"])
def test_over_the_trie_the_probabilities_of_all_items_sum_to_one(name):
    model, every = build(name), np.tile(np.arange(1, 25), (12, 1))
    assert np.allclose(np.exp(model.log_prob(HISTORIES, every)).sum(1), 1, atol=1e-5)
    with pytest.raises(UserError, match="beams cannot leave it"):
        model.beams(HISTORIES, constrained=False)


def test_further_codes_are_read_and_never_predicted():
    model, rows = build("streams"), streams()
    other = toy_recommender(streams=STREAMS, rows_of_streams=np.where(rows, rows[::-1], 0))
    longer = make_histories([1, 2, 3], [4, 5])
    assert not np.allclose(model.score(longer), other.score(longer), atol=1e-3)
    states, targets = model.module.teacher_forced(model.tokenize(longer)[0])
    assert states.shape == (5, 3, 16) and targets.max() < model.module.code.stream_starts[0]


def test_what_an_item_is_read_as_cannot_be_seen_when_it_is_predicted():
    model, rows = build("streams"), streams()
    changed = rows.copy()
    changed[3] = changed[3][::-1] if rows[3, 0] != rows[3, 1] else rows[4]
    other = toy_recommender(streams=STREAMS, rows_of_streams=changed)
    history = make_histories([1, 2, 3])
    before, after = (each.module.teacher_forced(each.tokenize(history)[0])[0] for each in (model, other))
    assert torch.equal(before, after), "item 3 is the last target: nothing follows that could read it"


@pytest.mark.parametrize("kept", [(), (0,), (1,)])
def test_decoding_stays_valid_without_all_or_some_of_the_further_codes(kept):
    rows = streams() * np.isin(np.arange(2), kept)
    model = toy_recommender(streams=STREAMS, rows_of_streams=rows)
    lists = model.recommend(HISTORIES, 10)
    assert all(len(set(row)) == 10 for row in lists.items.tolist()) and lists.items.min() >= 1


def test_hidden_codes_differ_by_step_in_training_alone():
    model = toy_recommender(streams=STREAMS, rows_of_streams=streams(), drop_streams=0.5)
    rows = model.tokenize(make_histories([1, 2, 3, 4]))[0]
    model.module.eval()
    once, again = (model.module.embed(rows, 12) for _ in range(2))
    assert torch.equal(once, again)
    model.module.train()
    model.module.dropout = 0.0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        read = model.module.embed(rows, 21)
    hidden = (read != model.module.eval().embed(rows, 21)).any(-1)[0]
    codes = [1 + 5 * item + level for item in range(4) for level in range(3)]
    assert hidden.any() and not hidden[codes].any(), "what is predicted is never hidden"
