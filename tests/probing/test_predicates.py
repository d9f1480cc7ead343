"""Names: the right predicate or pair is found, a name is judged where it was not chosen, and RecSAE's confidence is
what its scripts compute."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.naming.auto_interp import Words, judged, texts
from workbench.probing.naming.predicates import Predicates, aligned, confidence, name

N, NAMES = 6000, np.array(["red", "round", "mostly old", "place: 0"], object)


def side(seed):
    """Four predicates at random, and latents that fire on one, on two joined, on nothing, and never."""
    rng = np.random.default_rng(seed)
    holds = rng.random((N, 4)) < [0.3, 0.4, 0.2, 0.1]
    noise = rng.random((N, 4))
    z = np.column_stack([holds[:, 2] & (noise[:, 0] < 0.8), holds[:, 0] & holds[:, 1], noise[:, 2] < 0.1, np.zeros(N)])
    strength = 0.5 + rng.random((N, 4))
    return Predicates(NAMES, csr_matrix(holds.astype(np.float32))), csr_matrix((z * strength).astype(np.float32))


def test_one_predicate_or_two():
    found = name(side(0), side(1))
    assert found["name"][:2].tolist() == ["mostly old", "red and round"] and found["name"].isna()[3]
    assert found["name_recall"][:2].tolist() == [1, 1] and found["name_precision"][1] == 1
    assert found["name_precision"][0] == pytest.approx(0.8, abs=0.03)
    assert found["shuffled_f1"][:2].max() < 0.6 < found["name_f1"][:2].min()
    assert found["name_f1"][2] < found["name_floor"][2] + 0.05, "noise has no name"
    assert found["confidence"][1] == 1 and np.isnan(found["confidence"][3])


def test_predicates_of_another_side_are_put_in_order():
    a, (b, _) = side(0)[0], side(1)
    mixed = Predicates(NAMES[[2, 0, 1]], b.holds[:, [2, 0, 1]])
    same = aligned(a, mixed)
    assert same.names.tolist() == NAMES.tolist()
    assert (same.holds.toarray()[:, :3] == b.holds.toarray()[:, :3]).all() and same.holds[:, 3].nnz == 0


def test_confidence_is_recall_and_specificity():
    """A name that always says yes: recall 1, specificity 0, confidence .5, though its precision is that of chance."""
    _, z = side(2)
    yes = csr_matrix(np.ones(z.shape, np.float32))
    found = confidence(z, yes)
    assert found["confidence_recall"][:3].tolist() == [1, 1, 1] and found["confidence"][:3].tolist() == [0.5] * 3
    never = confidence(z, csr_matrix(z.shape, dtype=np.float32))
    assert never["specificity"][:3].tolist() == [1, 1, 1] and never["confidence"][:3].tolist() == [0.5] * 3


ITEMS, USERS = 200, 400
KINDS = ["lamp", "chair", "chair", "chair"]
TITLES = np.array(["", *(f"{KINDS[i % 4]} model{chr(97 + i % 26)}x number" for i in range(ITEMS))], object)


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    items = rng.integers(1, ITEMS + 1, 5 * USERS).astype(np.int32)
    histories = Histories(5 * np.arange(USERS + 1), items, np.arange(USERS, dtype=np.int32))
    user, place = np.repeat(np.arange(USERS, dtype=np.int32), 5), np.tile(np.arange(5, dtype=np.int32), USERS)
    zero = np.zeros(len(items), np.int32)
    units = Activations(np.zeros((len(items), 1), np.float32), user, place, zero + 5, items, zero, zero, Site("x"), "")
    out = []
    for part in units.users((0.5, 0.5)):
        lamp = (part.last - 1) % 4 == 0
        z = np.column_stack([lamp, rng.random(len(part)) < 0.2, np.zeros(len(part))]).astype(np.float32)
        out.append((part, csr_matrix(z)))
    return histories, out


def test_words_of_titles(sides):
    histories, (discovery, held_out) = sides
    assert texts(discovery[0], np.array([0]), histories, TITLES)[0] == TITLES[discovery[0].last[0]]
    found = judged(Words(list(TITLES[1:])), [0, 1, 2], discovery, held_out, histories, TITLES)
    assert "lamp" in found["name"][0].split() and found["balanced"][0] > 0.9 > found["shuffled"][0]
    assert found["name"].isna()[2] and np.isnan(found["balanced"][2]), "a latent that never fires has no name"


def test_any_namer_fits_the_door(sides):
    class Told:
        def name(self, fires, silent):
            return "a lamp" if all("lamp" in case.split("\n")[-1] for case in fires) else "who knows"

        def foretell(self, name, cases):
            return np.array([name == "a lamp" and "lamp" in case.split("\n")[-1] for case in cases])

    histories, (discovery, held_out) = sides
    found = judged(Told(), [0, 1], discovery, held_out, histories, TITLES)
    assert found["name"].tolist() == ["a lamp", "who knows"] and found["balanced"].tolist() == [1, 0.5]
