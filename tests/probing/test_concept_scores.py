"""Descriptive scores equal scikit-learn's, and flags name alternative explanations of a latent."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from workbench.data import Histories
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.auroc import auroc, average_precision_and_threshold
from workbench.probing.concepts.concept_test import concept_test, item_weights
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.concepts.position_confounds import permuted_rows, position_confound_test, position_confounds
from workbench.probing.naming.concept_scores import concept_labels, concept_scores

ITEMS, USERS, DAY = 300, 900, 86_400


def sparse_value(seed, n=400, rate=0.2):
    rng = np.random.default_rng(seed)
    value = np.where(rng.random(n) < 0.4, rng.integers(1, 6, n) / 2, 0.0)
    return value, rng.random(n) < rate + 0.3 * (value > 1)


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_equals_scikit_learn(seed):
    value, hit = sparse_value(seed)
    rows = np.flatnonzero(value)
    hits, positives = np.column_stack([hit, ~hit])[rows], np.array([hit.sum(), (~hit).sum()])
    ap, best = average_precision_and_threshold(value[rows], hits, len(value), positives)
    assert ap == pytest.approx([average_precision_score(hit, value), average_precision_score(~hit, value)])
    every = {level: f1_score(hit, value >= level) for level in np.unique(value[rows])}
    assert every[best[0]] == max(every.values())
    assert auroc(value[rows], hit[rows], len(value), hit.sum()) == pytest.approx(roc_auc_score(hit, value))


def test_an_inactive_latent_ties_all_positions():
    nothing = np.zeros(0)
    ap, best = average_precision_and_threshold(nothing, np.zeros((0, 2), bool), 50, np.array([5, 0]))
    assert ap.tolist() == [0.1, 0] and np.isinf(best).all()
    assert auroc(nothing, np.zeros(0, bool), 50, 5) == 0.5 and np.isnan(auroc(nothing, np.zeros(0, bool), 50, 0))


@pytest.fixture(scope="module")
def world():
    """Histories of 6 to 12 events a day apart, items of which few are popular, and activations at every event."""
    rng = np.random.default_rng(0)
    rate = np.arange(1, ITEMS + 1) ** -0.7
    lengths = rng.integers(6, 13, USERS)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    items = (rng.choice(ITEMS, offsets[-1], p=rate / rate.sum()) + 1).astype(np.int32)
    place = np.arange(len(items)) - np.repeat(offsets[:-1], lengths)
    user = np.repeat(np.arange(USERS, dtype=np.int32), lengths)
    histories = Histories(offsets, items, np.arange(USERS, dtype=np.int32), {"timestamp": DAY * place**2})
    following = np.where(place < lengths[user] - 1, np.append(items[1:], 0), 0).astype(np.int32)
    zero = np.zeros(len(items), np.int32)
    activations = Activations(np.zeros((len(items), 1), np.float32), user, place.astype(np.int32),
                        lengths[user].astype(np.int32), items, following, zero, Site("x"), "")  # fmt: skip
    return histories, activations


def known(count=8):
    label = np.random.default_rng(1).integers(0, count, ITEMS)
    members = csr_matrix((np.ones(ITEMS, np.float32), (1 + np.arange(ITEMS), label)), shape=(ITEMS + 1, count))
    return Concepts(np.array([f"category: {c}" for c in range(count)], object), np.full(count, "category"), members)


KNOWN = known()


def of(concept, items):
    return np.append(0, KNOWN.members[1:, concept].toarray().ravel())[items] > 0


@pytest.fixture(scope="module")
def table(world):
    histories, activations = world
    counts = np.bincount(activations.last, minlength=ITEMS + 1)
    sides = []
    for seed, part in enumerate(activations.split_users((0.5, 0.5))):
        rng = np.random.default_rng(10 + seed)
        noise = rng.random(len(part))
        history = item_weights(part, "history", ITEMS, histories) @ KNOWN.members
        columns = [
            of(2, part.last) * (noise < 0.7),  # 0 the last item's category
            of(5, part.next) * (noise < 0.7),  # 1 the next one's
            history[:, 4].toarray().ravel() ** 2 * (noise < 0.9),  # 2 what a history is about
            (part.position == 0) * 1.0,  # 3 a place
            (counts[part.last] > np.quantile(counts[1:], 0.9)) * noise,  # 4 popular items
            (part.last == np.argmax(counts)) * 1.0,  # 5 one item
            noise * (noise < 0.1),  # 6 nothing
        ]
        sides.append((part, csr_matrix(np.column_stack(columns).astype(np.float32))))
    found = concept_test(*sides, KNOWN, counts, source="any", histories=histories, draws=199)
    confounds = tuple(position_confounds(part, histories, counts) for part, _ in sides)
    scores = concept_scores(found, *sides, KNOWN, confounds, histories)
    return scores, position_confound_test(*sides, confounds, draws=99), sides, confounds


def test_each_source_finds_its_own(table):
    found = table[0]
    assert found["concept"][:3].tolist() == ["category: 2", "category: 5", "category: 4"]
    assert found["source"][:3].tolist() == ["last", "next", "history"] and found["significant"][:3].all()
    assert not found["significant"][3:].any()


def test_what_a_latent_predicts(table, world):
    found = table[0]
    assert found["precision"][0] == 1 and found["recall"][0] == pytest.approx(0.7, abs=0.05)
    assert found["f1"][0] > 3 * found["baseline_f1"][0] and found["ap"][0] > 0.7
    auroc_next = found["next_item_auroc"]
    assert auroc_next[1] > 0.8 and abs(auroc_next[0] - 0.5) < 0.05, "the last item's category is not the next one's"


def test_flags(table):
    found = table[0]
    assert (found["flag"][:3] == "").all()
    assert found["flag"][3] == "position" and found["confound"][3] == "position: 0"
    assert "popularity" in found["flag"][4] and "one item" in found["flag"][5]


def test_confounds_have_their_own_permutation_test(table):
    followed = table[1]
    assert followed["confound"][3] == "position: 0" and followed["p"][3] == 0.01
    assert followed["p"][6] > 0.05


def test_confounds_by_hand(table, world):
    (part, _), confounds = table[2][0], table[3][0]
    assert set(confounds.families) == {"position", "length", "popularity", "gap", "age"}
    column = dict(zip(confounds.names, confounds.members.toarray().T))
    assert (column["position: 2 to 3"] == ((part.position == 2) | (part.position == 3))).all()
    gaps = sum(value for name, value in column.items() if name.startswith("gap"))
    assert (gaps == (part.position > 0)).all(), "the first event has no gap before it"


@pytest.mark.parametrize("family", ["position", "length", "gap"])
def test_permutations_preserve_the_required_structure(world, family):
    _, activations = world
    index = permuted_rows(activations, family, np.random.default_rng(0))
    if family == "position":
        assert (activations.user[index] == activations.user).all() and sorted(index) == list(range(len(activations)))
    else:
        pairs = set(zip(activations.user.tolist(), activations.user[index].tolist()))
        assert len(pairs) == USERS and sum(a != b for a, b in pairs) > 0.9 * USERS, "labels move between whole users"
    if family == "gap":
        for name in ("length", "position"):
            assert (getattr(activations, name)[index] == getattr(activations, name)).all()


def test_a_concept_holds_for_a_history_if_half_of_its_items_have_it(world):
    histories, activations = world
    some = activations.take(np.flatnonzero(activations.position == 3)[:50])
    held = concept_labels(some, "history", KNOWN, histories).toarray()
    for row, user in enumerate(some.user):
        read = histories.row(user)[:4]
        assert (held[row] == (KNOWN.members[read].toarray().mean(axis=0) >= 0.5)).all()
