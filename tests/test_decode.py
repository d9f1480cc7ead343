"""Beam search against brute force over all items, and on a small trie checked by hand."""
import numpy as np
import pytest
import torch
from toys import NETS, SIZES, item_rows, make_histories, random_histories, raw_ids, toy_codes, toy_net

from workbench import decode
from workbench.errors import UserError
from workbench.tokens import item_codes

CPU = torch.device("cpu")
HISTORIES = random_histories(9, 24, longest=5, seed=1)
every_variant = pytest.mark.parametrize(
    ("kind", "collide"), [(kind, collide) for kind in NETS for collide in (False, True)]
)


def tokenize(net, codes, histories):
    return item_rows(net, codes)[torch.from_numpy(histories.padded(5))], torch.from_numpy(histories.lengths)


def prefixed(kind, collide):
    """A network with prefix embeddings, and its codes."""
    codes = toy_codes(collide=collide)
    return toy_net(kind, prefixes=codes.prefix_counts), codes


def search(net, codes, histories, **settings):
    return decode.beam_search(net, *tokenize(net, codes, histories), decode.child_tables(codes.trie, CPU), **settings)


@torch.no_grad()
def brute_force(net, kind, codes, histories):
    """(B, I+1) log-probability of every item's codes by one forward pass per history and item."""
    out = np.full((len(histories), codes.n_items + 1), -np.inf)
    for row in range(len(histories)):
        history = histories.row(row)
        table = np.array([[*history, item] for item in range(1, codes.n_items + 1)])
        states, targets = net.teacher_forced(item_rows(net, codes)[torch.from_numpy(table)])
        every = len(history) + 1 if kind == "decoder" else 1
        states, targets = states[every - 1 :: every], targets[every - 1 :: every]
        out[row, 1:] = sum(
            net.code.logits(states[:, level], level).log_softmax(-1).gather(
                1, targets[:, level : level + 1] - net.code.starts[level])[:, 0]
            for level in range(codes.levels)
        ).numpy()  # fmt: skip
    return out


def by_group(codes, beams):
    """(B, groups) scores of the last beams, NaN for a group that is in no beam."""
    nodes, scores = beams.nodes[-1], beams.scores[-1]
    out = np.full((len(nodes), len(codes.trie.group_size)), np.nan)
    row, beam = np.nonzero(nodes >= 0)
    out[row, nodes[row, beam]] = scores[row, beam]
    return out


@every_variant
def test_brute_force_exact_and_full_beam_scores_agree(kind, collide, monkeypatch):
    net, codes = prefixed(kind, collide)
    assert codes.has_collisions == collide
    brute = brute_force(net, kind, codes, HISTORIES)
    assert np.ptp(brute[:, 1:], axis=1).min() > 2, "the test needs probabilities that differ"
    exact = decode.exact_scores(net, *tokenize(net, codes, HISTORIES), codes.trie).numpy()
    assert exact.shape == (9, len(codes.trie.group_size))
    assert np.abs(exact[:, codes.trie.group[1:]] - brute[:, 1:]).max() < 1e-5
    full = by_group(codes, search(net, codes, HISTORIES, beam=60))
    assert np.abs(full - exact).max() < 1e-5, "NaN where a group is missing"
    monkeypatch.setattr(decode, "NODE_BATCH", 5)
    assert np.abs(decode.exact_scores(net, *tokenize(net, codes, HISTORIES), codes.trie).numpy() - exact).max() < 1e-5


@every_variant
@pytest.mark.parametrize("beam", [1, 3, 10])
def test_a_narrow_beam_has_the_same_scores_and_is_best_first(kind, collide, beam):
    net, codes = prefixed(kind, collide)
    exact = decode.exact_scores(net, *tokenize(net, codes, HISTORIES), codes.trie).numpy()
    beams = search(net, codes, HISTORIES, beam=beam)
    nodes, scores = beams.nodes[-1], beams.scores[-1]
    assert nodes.shape == scores.shape == (9, beam) and [len(beams.nodes), len(beams.scores)] == [3, 3]
    assert (nodes >= 0).all() and all(len(set(row)) == beam for row in nodes.tolist())
    assert np.abs(np.take_along_axis(exact, nodes, 1) - scores).max() < 1e-5
    assert (np.diff(scores, axis=1) <= 0).all()


def test_a_beam_is_the_best_of_the_children_of_the_beam_before():
    """Level by level against the definition, where every code is an item: a prefix has the probability of all below."""
    net, beam = toy_net(), 2
    codes = item_codes(np.column_stack(np.unravel_index(np.arange(60), SIZES)), SIZES, raw_ids(60))
    exact = np.exp(decode.exact_scores(net, *tokenize(net, codes, HISTORIES), codes.trie).numpy())
    assert np.allclose(exact.sum(1), 1, atol=1e-5)
    beams = search(net, codes, HISTORIES, beam=beam)
    for row in range(9):
        best = [()]
        for depth in (1, 2, 3):
            mass = {}
            for group, p in enumerate(exact[row]):
                prefix = codes.trie.prefix(3, group)[:depth]
                if prefix[:-1] in best:
                    mass[prefix] = mass.get(prefix, 0) + p
            best = sorted(mass, key=mass.get, reverse=True)[:beam]
            assert [codes.trie.prefix(depth, node) for node in beams.nodes[depth - 1][row]] == best
            assert np.allclose(np.exp(beams.scores[depth - 1][row]), [mass[prefix] for prefix in best], atol=1e-5)


def test_a_row_does_not_depend_on_its_batch():
    codes, net = toy_codes(), toy_net()
    exact = search(net, codes, HISTORIES, beam=4)
    for row in range(9):
        alone = search(net, codes, HISTORIES.take([row]), beam=4)
        assert np.array_equal(alone.nodes[-1][0], exact.nodes[-1][row])
        assert np.allclose(alone.scores[-1][0], exact.scores[-1][row], atol=1e-5)


@every_variant
def test_excluded_items_are_never_returned_and_no_others_are_lost(kind, collide):
    """A full beam returns all other items with unchanged scores."""
    net, codes = prefixed(kind, collide)
    rng = np.random.default_rng(0)
    banned = make_histories(*[rng.permutation(24)[: rng.integers(0, 20)] + 1 for _ in range(9)])
    excluded = decode.excluded_edges(codes.trie, banned.rows(), banned.items, CPU)
    exact = decode.exact_scores(net, *tokenize(net, codes, HISTORIES), codes.trie).numpy()
    full = by_group(codes, search(net, codes, HISTORIES, beam=60, excluded=excluded))
    for row in range(9):
        left = sorted(set(codes.trie.group[np.setdiff1d(np.arange(1, 25), banned.row(row))].tolist()))
        assert np.flatnonzero(~np.isnan(full[row])).tolist() == left
        assert np.abs(full[row, left] - exact[row, left]).max() < 1e-5
    narrow = search(net, codes, HISTORIES, beam=3, excluded=excluded)
    for row in range(9):
        gone = np.isnan(full[row])
        assert not gone[narrow.nodes[-1][row][narrow.nodes[-1][row] >= 0]].any()


@pytest.mark.parametrize("collide", [False, True])
def test_excluded_edges_are_those_with_no_items_left(collide):
    codes = toy_codes(collide=collide)
    trie = codes.trie
    rng = np.random.default_rng(1)
    banned = make_histories(*[rng.integers(1, 25, n).tolist() for n in (0, 5, 40, 60)], list(range(1, 25)))
    excluded = decode.excluded_edges(trie, banned.rows(), banned.items, CPU)
    assert len(excluded.edges) == 3
    for depth, (row, parent, code) in enumerate(excluded.edges):
        edges = set(zip(row.tolist(), parent.tolist(), code.tolist()))
        assert len(edges) == len(row), "each edge once, however often an item is excluded"
        expected = {
            (r, p, c)
            for r in range(5) for p in range(len(trie.counts[depth])) for c in range(SIZES[depth])
            if (child := trie.children[depth][p, c]) >= 0
            and set(trie.items(depth + 1, child).tolist()) <= set(banned.row(r).tolist())
        }  # fmt: skip
        assert edges == expected
    assert len(excluded.edges[0][0]) >= 3, "all first codes are excluded for a row with every item excluded"


class Table:
    """A network made of two tables: P(first code), and P(second code | first)."""

    def __init__(self, first, second):
        self.first, self.second, self.code = torch.tensor(first), torch.tensor(second), self

    def logits(self, states, level):
        return states.log()

    def code_rows(self, codes, nodes, level):
        return codes

    def item_rows(self, codes, nodes):
        return codes[..., None]

    def prefill(self, rows, lengths):
        return self.first.expand(len(rows), 1, -1), None, []

    def step(self, memory, own, rows, level):
        return self.second[rows], own


HAND = item_codes(np.array([[0, 0], [1, 0], [1, 1]]), (2, 2), np.array(["a1", "b1", "b2"], object))
BY_HAND = Table([0.4, 0.6], [[1.0, 0.0], [0.5, 0.5]])


@pytest.mark.parametrize(("beam", "items", "probabilities"), [
    (1, "b", [0.3]),
    (2, "ab", [0.4, 0.3]),
    (3, "abb", [0.4, 0.3, 0.3]),
])  # fmt: skip
def test_by_hand(beam, items, probabilities):
    """a (.4) leads to a1 alone, b (.6) to b1 and b2 equally: greedy search misses a1, a beam of two does not."""
    beams = search(BY_HAND, HAND, make_histories([]), beam=beam)
    nodes = beams.nodes[-1][0][:3]
    assert "".join(HAND.raw_ids[HAND.trie.items(2, node)[0] - 1][0] for node in nodes) == items
    assert len(set(nodes)) == beam
    assert np.exp(beams.scores[-1][0][:3]) == pytest.approx(probabilities)
    exact = decode.exact_scores(BY_HAND, *tokenize(BY_HAND, HAND, make_histories([])), HAND.trie)
    assert exact[0].exp().tolist() == pytest.approx([0.4, 0.3, 0.3])


def test_a_wide_beam_is_empty_where_the_trie_ends():
    beams = search(BY_HAND, HAND, make_histories([]), beam=10)
    assert beams.nodes[0].tolist() == [[1, 0]] and beams.nodes[1].shape == (1, 4)
    assert beams.nodes[1][0, 3] == -1 and beams.scores[1][0, 3] == -np.inf


def test_unconstrained_beams_leave_the_trie():
    """b2 is not an item but more likely than item b1: a beam outside the trie has node -1 and keeps its probability."""
    codes = item_codes(np.array([[0, 0], [1, 0]]), (2, 2), np.array(["a1", "b1"], object))
    net = Table([0.4, 0.6], [[0.9, 0.1], [0.2, 0.8]])
    beams = search(net, codes, make_histories([]), beam=3, constrained=False)
    assert beams.nodes[1].tolist() == [[-1, 0, 1]]
    assert np.exp(beams.scores[1][0]) == pytest.approx([0.48, 0.36, 0.12])
    constrained = search(net, codes, make_histories([]), beam=3)
    assert constrained.nodes[1].tolist() == [[0, 1, -1]]
    assert np.exp(constrained.scores[1][0][:2]) == pytest.approx([0.36, 0.12]), "not renormalised over what is allowed"


def test_unconstrained_beams_outside_stay_outside():
    codes, net = toy_codes(), toy_net()
    beams = search(net, codes, HISTORIES, beam=60, constrained=False)
    assert np.exp(beams.scores[-1]).sum(1) == pytest.approx(np.ones(9), abs=1e-5), "all 60 codes, items or not"
    inside = by_group(codes, beams)
    exact = decode.exact_scores(net, *tokenize(net, codes, HISTORIES), codes.trie).numpy()
    assert np.abs(inside - exact).max() < 1e-5
    assert ((beams.nodes[-1] == -1).sum(1) == 60 - len(codes.trie.group_size)).all()


def test_a_beam_of_zero_is_refused():
    with pytest.raises(UserError, match="a beam of 0"):
        search(BY_HAND, HAND, make_histories([]), beam=0)
