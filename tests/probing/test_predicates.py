"""Names: the best predicate or pair is chosen, evaluated on held-out positions, and RecSAE's confidence equals its
scripts."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.naming.auto_interp import LogOddsNamer, case_texts, evaluate_names
from workbench.probing.naming.predicates import Predicates, align, name_latents, recsae_confidence

N, NAMES = 6000, np.array(["red", "round", "mostly old", "position: 0"], object)


def side(seed):
    """Four predicates at random, and latents that fire on one, on two joined, on nothing, and never."""
    rng = np.random.default_rng(seed)
    holds = rng.random((N, 4)) < [0.3, 0.4, 0.2, 0.1]
    noise = rng.random((N, 4))
    z = np.column_stack([holds[:, 2] & (noise[:, 0] < 0.8), holds[:, 0] & holds[:, 1], noise[:, 2] < 0.1, np.zeros(N)])
    strength = 0.5 + rng.random((N, 4))
    return Predicates(NAMES, csr_matrix(holds.astype(np.float32))), csr_matrix((z * strength).astype(np.float32))


def test_one_predicate_or_two():
    found = name_latents(side(0), side(1))
    assert found["name"][:2].tolist() == ["mostly old", "red and round"] and found["name"].isna()[3]
    assert found["name_recall"][:2].tolist() == [1, 1] and found["name_precision"][1] == 1
    assert found["name_precision"][0] == pytest.approx(0.8, abs=0.03)
    assert found["shuffled_f1"][:2].max() < 0.6 < found["name_f1"][:2].min()
    assert found["name_f1"][2] < found["name_baseline_f1"][2] + 0.05, "noise has no name"
    assert found["confidence"][1] == 1 and np.isnan(found["confidence"][3])


def test_predicates_of_another_split_are_aligned():
    a, (b, _) = side(0)[0], side(1)
    mixed = Predicates(NAMES[[2, 0, 1]], b.holds[:, [2, 0, 1]])
    same = align(a, mixed)
    assert same.names.tolist() == NAMES.tolist()
    assert (same.holds.toarray()[:, :3] == b.holds.toarray()[:, :3]).all() and same.holds[:, 3].nnz == 0


def test_confidence_is_recall_and_specificity():
    """A name that always predicts activity: recall 1, specificity 0, confidence .5, although its precision is at
    chance."""
    _, z = side(2)
    yes = csr_matrix(np.ones(z.shape, np.float32))
    found = recsae_confidence(z, yes)
    assert found["confidence_recall"][:3].tolist() == [1, 1, 1] and found["confidence"][:3].tolist() == [0.5] * 3
    never = recsae_confidence(z, csr_matrix(z.shape, dtype=np.float32))
    assert never["specificity"][:3].tolist() == [1, 1, 1] and never["confidence"][:3].tolist() == [0.5] * 3


ITEMS, USERS = 200, 400
KINDS = ["lamp", "chair", "chair", "chair"]
TITLES = np.array(["", *(f"{KINDS[i % 4]} model{chr(97 + i % 26)}x number" for i in range(ITEMS))], object)


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    items = rng.integers(1, ITEMS + 1, 5 * USERS).astype(np.int32)
    histories = Histories(5 * np.arange(USERS + 1), items, np.arange(USERS, dtype=np.int32))
    user, position = np.repeat(np.arange(USERS, dtype=np.int32), 5), np.tile(np.arange(5, dtype=np.int32), USERS)
    zero = np.zeros(len(items), np.int32)
    x = np.zeros((len(items), 1), np.float32)
    activations = Activations(x, user, position, zero + 5, items, zero, zero, Site("x"), "")
    out = []
    for part in activations.split_users((0.5, 0.5)):
        lamp = (part.last - 1) % 4 == 0
        z = np.column_stack([lamp, rng.random(len(part)) < 0.2, np.zeros(len(part))]).astype(np.float32)
        out.append((part, csr_matrix(z)))
    return histories, out


def test_words_of_titles(sides):
    histories, (discovery, held_out) = sides
    assert case_texts(discovery[0], np.array([0]), histories, TITLES)[0] == TITLES[discovery[0].last[0]]
    found = evaluate_names(LogOddsNamer(list(TITLES[1:])), [0, 1, 2], discovery, held_out, histories, TITLES)
    assert "lamp" in found["name"][0].split() and found["balanced_accuracy"][0] > 0.9 > found["shuffled_accuracy"][0]
    assert found["name"].isna()[2] and np.isnan(found["balanced_accuracy"][2]), "inactive latents have no name"


def test_any_namer_can_be_evaluated(sides):
    class FixedNamer:
        def name(self, active, inactive):
            return "a lamp" if all("lamp" in case.split("\n")[-1] for case in active) else "who knows"

        def predict(self, name, cases):
            return np.array([name == "a lamp" and "lamp" in case.split("\n")[-1] for case in cases])

    histories, (discovery, held_out) = sides
    found = evaluate_names(FixedNamer(), [0, 1], discovery, held_out, histories, TITLES)
    assert found["name"].tolist() == ["a lamp", "who knows"] and found["balanced_accuracy"].tolist() == [1, 0.5]
