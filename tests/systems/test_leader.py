"""LEADER: its teacher gives a gradient or none, its words know nothing of the set, and profiles help first visits."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from test_sets_battery import fit, fitted, make_bench

import workbench as wb
from workbench import systems
from workbench.errors import UserError
from workbench.evaluate.sets.cases import dense
from workbench.evaluate.sets.measures import best_threshold
from workbench.recommenders.sets.visit_texts import documents, text_vectors

SETTINGS = {"folds": 3, "width": 8, "dim": 8}


def model_of(alpha: float, **changes):
    """The model of the first fold, before training, with its lesson."""
    bench = make_bench("leader")
    model = systems.build("leader", bench, alpha=alpha, **SETTINGS | changes).models[0]
    return model, model.lesson() if model.lesson is not None else None


def gradients(model, lesson, places: np.ndarray) -> dict[str, torch.Tensor]:
    """What the lesson alone says to each parameter."""
    model.module.eval()
    reading = model.module(model.inputs(model.fold.train[places]))
    lesson(reading, places).backward()
    return {name: p.grad for name, p in model.module.named_parameters() if p.grad is not None and p.grad.any()}


def test_without_weight_there_is_no_teacher_and_with_one_it_reaches_the_student():
    off, lesson = model_of(0.0)
    assert lesson is None and not [name for name in off.state() if name.startswith("teacher")]
    on, lesson = model_of(0.4)
    found = gradients(on, lesson, np.arange(6))
    assert {"teacher.weight", "join.weight", "kinds.diagnosis.code.weight"} <= set(found)
    assert not {"out.weight", "out.bias"} & set(found), "the teacher says nothing of single items"


def test_the_lesson_is_the_mean_square_of_what_is_missing_times_its_weight():
    model, lesson = model_of(0.4)
    places = np.array([4, 0, 2])
    z = text_vectors(documents(model.visits, model.fold.train), "text", dim=8, seed=0)
    with torch.no_grad():
        reading = model.module.eval()(model.inputs(model.fold.train[places]))
        wanted = 0.4 * ((model.module.teacher(reading.hidden).numpy() - z[places]) ** 2).mean()
        assert float(lesson(reading, places)) == pytest.approx(float(wanted), rel=1e-5)
    assert np.square(z).mean() == pytest.approx(1.0, rel=1e-4) and abs(z.mean(axis=0)).max() < 1e-5


def test_the_placebo_is_taught_what_was_said_of_other_visits():
    own, shuffled = (text_targets(teacher) for teacher in ("own", "shuffled"))
    assert not np.allclose(own, shuffled)
    np.testing.assert_allclose(np.sort(own, axis=0), np.sort(shuffled, axis=0), atol=1e-5)


def text_targets(teacher: str) -> np.ndarray:
    """The targets, read off the lesson: where the student says 0, the gradient of a row is -2 alpha z / numbers."""
    model, lesson = model_of(1.0, teacher=teacher)
    places = np.arange(len(model.fold.train))
    said = torch.zeros(len(places), 8, requires_grad=True)
    model.module.teacher.register_forward_hook(lambda *_: said)
    lesson(model.module.eval()(model.inputs(model.fold.train)), places).backward()
    return -said.grad.numpy() * said.numel() / 2


def test_the_words_of_a_visit_hold_its_codes_and_earlier_sets_but_not_its_own_set():
    visits = fitted("leader")[1].cases.visits
    row = int(np.flatnonzero(visits.position > 0)[0])
    text, before = documents(visits, np.array([row, row - 1]))
    own = visits.item_names[visits.sets[row].indices]
    earlier = set(visits.item_names[visits.sets[row - 1].indices])
    assert all(name in text for name in earlier) and not any(name in before for name in earlier)
    assert not [name for name in own if name not in earlier and name + " " in text + " " and "for" in name]
    assert all(name in text for name in visits.code_names["diagnosis"][visits.codes["diagnosis"][row].indices])
    with pytest.raises(UserError, match="same words"):
        text_vectors(["a cold"] * 5, "text", dim=4, seed=0)


def test_the_threshold_is_the_best_on_validation():
    model = fitted("leader")[1].models[1]
    rows = model.fold.valid
    assert float(model.module.threshold) == best_threshold(model.scores(rows), dense(model.visits, rows))


def test_codes_that_no_train_visit_has_are_read_as_none():
    model = fitted("leader")[1].models[0]
    seen = np.unique(model.visits.codes["diagnosis"][model.fold.train].indices)
    assert np.flatnonzero(model.module.kinds["diagnosis"].known.numpy()).tolist() == seen.tolist()
    assert len(seen) < model.visits.codes["diagnosis"].shape[1]


def test_values_of_a_profile_that_no_train_visit_has_are_read_as_missing():
    model = model_of(0.0)[0]
    profile, rows = model.visits.profile.copy(), model.fold.test[:2]
    own = profile[rows]
    model.visits = replace(model.visits, profile=profile)
    unseen = int(profile[:, 0].max())
    profile[model.fold.train, 0] = np.where(profile[model.fold.train, 0] == unseen, 0, profile[model.fold.train, 0])
    profile[rows[0], 0] = unseen
    read = model.inputs(rows).profile.numpy()
    assert read[0, 0] == 0 and read[0, 1:].tolist() == own[0, 1:].tolist()


@lru_cache
def measured(profile: bool):
    bench = wb.open_bench("synthetic-visits", profile="smoke", options={"users": 120, "profile": 1.0, "noise": 0.0})
    from workbench.evaluate.sets.cases import evaluate_sets

    return evaluate_sets(fit(bench, "visit_net", profile=profile, width=16, epochs=8, lr=0.02)[0])


@pytest.mark.slow
def test_a_profile_that_tells_of_a_condition_helps_first_visits_most():
    with_it, without = measured(True), measured(False)
    gain = {group: with_it[f"prauc_{group}"].mean() - without[f"prauc_{group}"].mean() for group in ("first", "later")}
    assert gain["first"] > 0.03 and gain["first"] > gain["later"]


@pytest.mark.parametrize("name, changes, message", [
    ("leader", {"alpha": -1.0}, "alpha=-1.0 and contrast=0.005 are weights"),
    ("leader", {"teacher": "shufled"}, "did you mean 'shuffled'"),
    ("leader", {"vectors": "collaborative"}, "read no text; kinds that do: .*text"),
    ("leader", {"width": 7}, "width=7 is an even number"),
    ("leader", {"folds": 2}, "folds=2 is a whole number of 3 or more"),
    ("visit_net", {"past": -1}, "past=-1 0 or more"),
    ("nearest_visits", {"k": 0}, "k=0 neighbours"),
])  # fmt: skip
def test_a_setting_out_of_range_is_one_error(name, changes, message):
    with pytest.raises(UserError, match=message):
        systems.build(name, make_bench(name), **changes)


def test_data_without_visits_are_one_error():
    with pytest.raises(UserError, match="has no visits"):
        systems.build("leader", wb.open_bench("synthetic", profile="smoke", options={"users": 60}))
