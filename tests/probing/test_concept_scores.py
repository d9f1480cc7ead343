"""Descriptive scores equal scikit-learn's, and flags tell what a latent is instead of a concept."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from workbench.data import Histories
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.auroc import auroc, curve
from workbench.probing.concepts.concept_test import certify, read_at
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.concepts.position_confounds import certify_marks, dealt, marks
from workbench.probing.naming.concept_scores import describe, labels

ITEMS, USERS, DAY = 300, 900, 86_400


def sparse_value(seed, n=400, rate=0.2):
    rng = np.random.default_rng(seed)
    value = np.where(rng.random(n) < 0.4, rng.integers(1, 6, n) / 2, 0.0)
    return value, rng.random(n) < rate + 0.3 * (value > 1)


@pytest.mark.parametrize("seed", range(3))
def test_curves_are_those_of_scikit_learn(seed):
    value, hit = sparse_value(seed)
    rows = np.flatnonzero(value)
    ap, best = curve(value[rows], np.column_stack([hit, ~hit])[rows], len(value), np.array([hit.sum(), (~hit).sum()]))
    assert ap == pytest.approx([average_precision_score(hit, value), average_precision_score(~hit, value)])
    every = {level: f1_score(hit, value >= level) for level in np.unique(value[rows])}
    assert every[best[0]] == max(every.values())
    assert auroc(value[rows], hit[rows], len(value), hit.sum()) == pytest.approx(roc_auc_score(hit, value))


def test_a_silent_latent_ranks_all_units_together():
    nothing = np.zeros(0)
    ap, best = curve(nothing, np.zeros((0, 2), bool), 50, np.array([5, 0]))
    assert ap.tolist() == [0.1, 0] and np.isinf(best).all()
    assert auroc(nothing, np.zeros(0, bool), 50, 5) == 0.5 and np.isnan(auroc(nothing, np.zeros(0, bool), 50, 0))


@pytest.fixture(scope="module")
def world():
    """Histories of 6 to 12 events a day apart, items of which few are popular, and all their units."""
    rng = np.random.default_rng(0)
    rate = np.arange(1, ITEMS + 1) ** -0.7
    lengths = rng.integers(6, 13, USERS)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    items = (rng.choice(ITEMS, offsets[-1], p=rate / rate.sum()) + 1).astype(np.int32)
    place = np.arange(len(items)) - np.repeat(offsets[:-1], lengths)
    user = np.repeat(np.arange(USERS, dtype=np.int32), lengths)
    histories = Histories(offsets, items, np.arange(USERS, dtype=np.int32), DAY * place**2)
    following = np.where(place < lengths[user] - 1, np.append(items[1:], 0), 0).astype(np.int32)
    zero = np.zeros(len(items), np.int32)
    units = Activations(np.zeros((len(items), 1), np.float32), user, place.astype(np.int32),
                        lengths[user].astype(np.int32), items, following, zero, Site("x"), "")  # fmt: skip
    return histories, units


def known(count=8):
    label = np.random.default_rng(1).integers(0, count, ITEMS)
    members = csr_matrix((np.ones(ITEMS, np.float32), (1 + np.arange(ITEMS), label)), shape=(ITEMS + 1, count))
    return Concepts(np.array([f"category: {c}" for c in range(count)], object), np.full(count, "category"), members)


KNOWN = known()


def of(concept, items):
    return np.append(0, KNOWN.members[1:, concept].toarray().ravel())[items] > 0


@pytest.fixture(scope="module")
def table(world):
    histories, units = world
    counts = np.bincount(units.last, minlength=ITEMS + 1)
    sides = []
    for seed, part in enumerate(units.users((0.5, 0.5))):
        rng = np.random.default_rng(10 + seed)
        noise = rng.random(len(part))
        history = read_at(part, "history", ITEMS, histories) @ KNOWN.members
        columns = [
            of(2, part.last) * (noise < 0.7),  # 0 the last item's category
            of(5, part.next) * (noise < 0.7),  # 1 the next one's
            history[:, 4].toarray().ravel() ** 2 * (noise < 0.9),  # 2 what a history is about
            (part.place == 0) * 1.0,  # 3 a place
            (counts[part.last] > np.quantile(counts[1:], 0.9)) * noise,  # 4 popular items
            (part.last == np.argmax(counts)) * 1.0,  # 5 one item
            noise * (noise < 0.1),  # 6 nothing
        ]
        sides.append((part, csr_matrix(np.column_stack(columns).astype(np.float32))))
    found = certify(*sides, KNOWN, counts, source="any", histories=histories, draws=199)
    marked = tuple(marks(part, histories, counts) for part, _ in sides)
    return describe(found, *sides, KNOWN, marked, histories), certify_marks(*sides, marked, draws=99), sides, marked


def test_each_source_finds_its_own(table):
    found = table[0]
    assert found["concept"][:3].tolist() == ["category: 2", "category: 5", "category: 4"]
    assert found["source"][:3].tolist() == ["last", "next", "history"] and found["certified"][:3].all()
    assert not found["certified"][3:].any()


def test_what_a_latent_foretells(table, world):
    found = table[0]
    assert found["precision"][0] == 1 and found["recall"][0] == pytest.approx(0.7, abs=0.05)
    assert found["f1"][0] > 3 * found["floor"][0] and found["ap"][0] > 0.7
    assert found["intent"][1] > 0.8 and abs(found["intent"][0] - 0.5) < 0.05, "the last item's category is no intent"


def test_flags(table):
    found = table[0]
    assert (found["flag"][:3] == "").all()
    assert found["flag"][3] == "position" and found["mark"][3] == "place: 0"
    assert "popularity" in found["flag"][4] and "one item" in found["flag"][5]


def test_marks_are_certified_by_permutations_of_their_own(table):
    followed = table[1]
    assert followed["mark"][3] == "place: 0" and followed["p"][3] == 0.01
    assert followed["p"][6] > 0.05


def test_marks_count_what_there_is(table, world):
    (part, _), marked = table[2][0], table[3][0]
    assert set(marked.families) == {"place", "length", "popularity", "gap", "age"}
    column = dict(zip(marked.names, marked.members.toarray().T))
    assert (column["place: 2 to 3"] == ((part.place == 2) | (part.place == 3))).all()
    gaps = sum(value for name, value in column.items() if name.startswith("gap"))
    assert (gaps == (part.place > 0)).all(), "the first event has no gap before it"


@pytest.mark.parametrize("family", ["place", "length", "gap"])
def test_dealing_again_keeps_what_it_must(world, family):
    _, units = world
    index = dealt(units, family, np.random.default_rng(0))
    if family == "place":
        assert (units.user[index] == units.user).all() and sorted(index) == list(range(len(units)))
    else:
        pairs = set(zip(units.user.tolist(), units.user[index].tolist()))
        assert len(pairs) == USERS and sum(a != b for a, b in pairs) > 0.9 * USERS, "whole users change places"
    if family == "gap":
        assert (units.length[index] == units.length).all() and (units.place[index] == units.place).all()


def test_a_history_is_of_what_half_of_it_is(world):
    histories, units = world
    some = units.take(np.flatnonzero(units.place == 3)[:50])
    held = labels(some, "history", KNOWN, histories).toarray()
    for row, user in enumerate(some.user):
        read = histories.row(user)[:4]
        assert (held[row] == (KNOWN.members[read].toarray().mean(axis=0) >= 0.5)).all()
