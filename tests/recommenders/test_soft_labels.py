"""Soft labels: the divergence by hand, candidates, the history that a label is of, folds that see no target."""
import numpy as np
import pytest
import torch

from workbench import experiment, systems
from workbench.data import Cases, Histories, Protocol, Split
from workbench.losses.distillation import soft_label_kl
from workbench.losses.ranking import full_softmax
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.sequential import NOTHING, LastState, next_items
from workbench.recommenders.teachers.soft_labels import EVENT, BothTerms, Teachers, distilled_next_items, soft_labels
from workbench.recommenders.vector import VectorRecommender
from workbench.train import PROFILES, Recipe, seeded_torch
from workbench.train.fit import TrainingSession

ITEMS, N = 12, 6
stkdrec = systems.load("stkdrec")


class LastItem:
    """A teacher whose score of item i after item j is 10 j + i."""

    def score(self, histories: Histories) -> np.ndarray:
        assert (histories.lengths > 0).all()
        last = histories.items[histories.offsets[1:] - 1]
        return 10.0 * last[:, None] + np.arange(ITEMS + 1)


def hard(h, weight, targets, step):
    return full_softmax(h, weight, targets)


def histories(*rows: list[int]) -> Histories:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Histories(offsets, np.array(sum(rows, []), np.int32), np.arange(len(rows), dtype=np.int32))


TRAIN = histories([1, 2, 3], [], [4], [5, 6, 7, 8], [9, 9])
ONE = Teachers([LastItem()], np.zeros(5, int))


def labels(train: Histories = TRAIN, by: Teachers = ONE, **settings):
    return soft_labels(train, by, ITEMS, np.random.default_rng(0), **{"negatives": N, "length": 4} | settings)


def test_the_divergence_by_hand():
    student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2 * np.log(3.0), 0.0]])  # at T = 2: 3/4 and 1/4
    expected = 4 * (0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5))
    assert soft_label_kl(student, teacher, 2.0).item() == pytest.approx(expected, abs=1e-6)


def test_equal_logits_have_no_divergence_and_no_gradient():
    teacher = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    for shift in (0.0, 3.0):
        student = (teacher + shift).requires_grad_()
        value = soft_label_kl(student, teacher, 7.0)
        value.backward()
        assert abs(value.item()) < 1e-5 and student.grad.abs().max() < 1e-6
    student = torch.zeros_like(teacher).requires_grad_()
    soft_label_kl(student, teacher, 7.0).backward()
    assert student.grad.abs().max() > 1e-2


def test_labels_are_of_the_events_before_the_target():
    drawn, logits = labels()
    assert drawn.shape == (10, N) and logits.shape == (10, 1 + N)
    assert drawn.min() >= 1 and drawn.max() <= ITEMS and (drawn != TRAIN.items[:, None]).all()
    before = {1: 1, 2: 2, 5: 5, 6: 6, 7: 7, 9: 9}  # place of an event -> the item before it
    for at in range(10):
        items = np.append(TRAIN.items[at], drawn[at])
        expected = np.log(10 * before[at] + items + 1 / ITEMS) if at in before else np.zeros(1 + N)
        assert np.allclose(logits[at], expected, atol=1e-5), at


def test_negatives_are_uniform_over_the_other_items():
    drawn, _ = labels(histories([3, 3] * 500), by=Teachers([LastItem()], np.zeros(1, int)))
    counts = np.bincount(drawn.ravel(), minlength=ITEMS + 1)
    assert counts[3] == 0 and counts[[1, 2, *range(4, ITEMS + 1)]].min() > 400  # of 545 expected


def test_the_placebo_scores_the_same_candidates_after_other_events():
    (drawn, own), (again, shuffled) = labels(), labels(shuffled=True)
    assert np.array_equal(drawn, again) and not np.allclose(own, shuffled)
    later = [1, 2, 5, 6, 7, 9]
    items = np.concatenate([TRAIN.items[:, None], drawn], 1)[later]
    before = np.rint((np.exp(shuffled[later]) - 1 / ITEMS - items) / 10)
    assert (before == before[:, :1]).all() and sorted(before[:, 0]) == [1, 2, 5, 6, 7, 9]


def test_a_user_is_scored_by_his_teacher():
    class Constant:
        def __init__(self, value: float):
            self.value = value

        def score(self, of: Histories) -> np.ndarray:
            return np.full((len(of), ITEMS + 1), self.value)

    by = Teachers([Constant(1.0), Constant(2.0)], np.array([0, 1, 1, 1, 0]))
    _, logits = labels(by=by)
    assert np.allclose(np.exp(logits[[1, 2, 9], 0]), 1 + 1 / ITEMS)
    assert np.allclose(np.exp(logits[[5, 6, 7], 0]), 2 + 1 / ITEMS)


def test_the_terms_pair_states_with_their_events():
    windows = histories([1, 2, 3], [5, 6, 7, 8])
    windows = Histories(windows.offsets, windows.items, windows.users, {EVENT: np.array([20, 21, 22, 3, 4, 5, 6])})
    generator = torch.Generator().manual_seed(0)
    weight, h = torch.randn(ITEMS + 1, 4, generator=generator), torch.randn(5, 4, generator=generator)
    negatives = torch.randint(1, ITEMS + 1, (23, N), generator=generator)
    teacher = torch.randn(23, 1 + N, generator=generator)
    both, targets = BothTerms(hard, negatives, teacher, 0.25, 3.0), torch.tensor([2, 3, 6, 7, 8])
    assert both.hard(h, weight, targets, 0).item() == pytest.approx(0.75 * full_softmax(h, weight, targets).item())
    rows = []
    for state, target, at in zip(h, targets, (21, 22, 4, 5, 6)):
        logits = torch.stack([state @ weight[item] for item in (target, *negatives[at])])
        rows.append(soft_label_kl(logits[None], teacher[at][None], 3.0))
    assert both.soft(windows, 0).item() == pytest.approx(0.25 * torch.stack(rows).mean().item(), rel=1e-5)


def trained(objective) -> dict:
    train = histories(*np.random.default_rng(0).integers(1, ITEMS + 1, (8, 5)).tolist())
    with seeded_torch(0, "encoder"):
        module = SequenceEncoder(ITEMS, width=8, layers=1, heads=2, feedforward=16, max_length=6, dropout=0.1)
    nothing = Cases(train, np.zeros(0, np.int32))
    split = Split(train, nothing, nothing, len(train), ITEMS, Protocol(), "")
    recipe = Recipe(epochs=2, batch_size=4, lr=1e-2)
    VectorRecommender(module, LastState(6), objective).fit(split, TrainingSession(recipe, 0, "cpu", None))
    return module.state_dict()


def test_a_share_of_almost_nothing_is_the_student_alone_and_a_large_one_is_not():
    def run(weight: float) -> dict:
        return trained(distilled_next_items(
            hard, Teachers([LastItem()], np.zeros(8, int)), weight=weight, temperature=2.0, negatives=N,
            max_length=6, additions=NOTHING,
        ))  # fmt: skip

    alone = trained(next_items(hard, max_length=6))
    little, much = run(1e-12), run(0.8)
    assert all(torch.allclose(alone[name], little[name], atol=1e-4) for name in alone)
    assert not torch.allclose(alone["item.weight"], much["item.weight"], atol=1e-2)


@pytest.fixture(scope="module")
def bench():
    profile = PROFILES["smoke"]
    return experiment.open_bench("synthetic-places", profile=profile, options={"users": 60, "items": 40})


def test_no_teacher_has_counted_the_user_that_it_scores(bench, home):
    train, by = bench.split.train, stkdrec.other_users_teachers(bench)
    assert len(by.teachers) == stkdrec.FOLDS and sorted(np.bincount(by.of_user)) == [bench.split.n_users // 4] * 4
    for place, teacher in enumerate(by.teachers):
        others = train.where((by.of_user[train.users] != place)[train.rows()])
        counts = np.bincount(others.items, minlength=bench.split.n_items + 1)
        assert np.array_equal(teacher.statistics["counts"], counts)


def test_labels_of_train_events_do_not_hold_the_target(home):
    """Of a place that only this user's fold has visited, his teacher knows nothing; a teacher that has counted him
    too has it above all negatives."""
    bench = experiment.open_bench("synthetic-places", profile=PROFILES["smoke"], options={"users": 60})
    train, n_items, honest = bench.split.train, bench.split.n_items, stkdrec.other_users_teachers(bench)
    leaking = Teachers([bench.teacher("item_transitions").recommender()], np.zeros(bench.split.n_users, int))
    of_event = honest.of_user[train.users[train.rows()]]
    folds = np.zeros((n_items + 1, stkdrec.FOLDS), bool)
    folds[train.items, of_event] = True
    later = np.setdiff1d(np.arange(len(train.items)), train.offsets)
    alone = later[folds[train.items[later]].sum(1) == 1]
    assert len(alone) > 30
    first = {}
    for name, by in (("honest", honest), ("leaking", leaking)):
        _, logits = soft_labels(train, by, n_items, np.random.default_rng(0), negatives=20, length=50)
        first[name] = (logits[:, 0] > logits[:, 1:].max(1))[later].mean()
        if by is honest:
            assert np.allclose(logits[alone, 0], np.log(1 / n_items))
        else:
            assert (logits[alone, 0] > np.log(1 / n_items) + 0.1).all()
    assert first["leaking"] > first["honest"] + 0.2, first
