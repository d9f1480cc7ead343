"""DiffKG: what is off is its parent, what the links do, which turn trains what, and rebuilt against random links."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.data.links.knowledge_graph import item_relations
from workbench.errors import UserError
from workbench.systems.knowledge import diffkg
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

TINY = replace(PROFILES["smoke"], epochs=2, users=None)
SIZES = {"width": 8, "layers": 2}


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic-relations", profile=TINY, options={"users": 80, "items": 100})


def fitted(bench, **changes):
    settings, recipe = bench.plan("diffkg", **SIZES, **changes)
    recommender = bench.build("diffkg", **settings)
    recommender.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None))
    return recommender


def started(bench, **changes):
    """A recommender before training and its objective."""
    settings, recipe = bench.plan("diffkg", **SIZES, **changes)
    recommender = bench.build("diffkg", **settings)
    return recommender, recommender.objective(recommender.module, bench.split, TrainingSession(recipe, bench.seed))


def names(module) -> set[str]:
    return {name for name, _ in module.named_parameters()}


def test_without_relations_it_is_refused_before_any_work():
    bench = experiment.open_bench("synthetic", profile=TINY, options={"users": 60})
    with pytest.raises(UserError, match="diffkg|relations.*bundled with grocery, lastfm"):
        bench.build("diffkg")
    assert "split" not in bench.__dict__, "not even split"
    bench.build("diffkg", **diffkg.OFF)  # the parent needs none


def test_without_contrast_nothing_is_rebuilt(bench):
    plain, whole = (bench.build("diffkg", **SIZES, contrast=contrast).module for contrast in (0.0, 0.1))
    assert names(plain) == {name for name in names(whole) if not name.startswith("denoiser")}
    given, rebuilt = (bench.build("diffkg", **SIZES, steps=steps).module for steps in (0, 5))
    assert names(given) == names(plain) and "rebuilt.chosen" in rebuilt.state_dict()
    assert torch.equal(plain.propagation.entity.weight, whole.propagation.entity.weight), "the same start"


def test_an_item_without_links_is_its_own_neighbour_alone(bench):
    module = bench.build("diffkg", **SIZES).module
    graph = item_relations(bench.dataset)
    x = torch.cat([module.ego.user.weight, module.ego.item.weight, module.propagation.entity.weight]).detach()
    entities = x[bench.split.n_users + 1 :]
    read = module.propagation.attention.eval()(entities, module.propagation.links)
    own = entities[graph.unlinked]
    assert torch.allclose(read[graph.unlinked], own / 2 + own / own.norm(dim=1, keepdim=True), atol=1e-6)


def test_the_first_turn_trains_all_but_the_denoiser_and_the_second_it_alone(bench):
    recommender, objective = started(bench)
    batch, module = objective.batches(0)[0], recommender.module.train()
    objective.loss(batch, 0).backward()
    reached = {name for name, p in module.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {name for name in names(module) if not name.startswith("denoiser")}
    module.zero_grad(set_to_none=True)
    objective.turns[0].loss(batch, 0).backward()
    reached = {name for name, p in module.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {name for name in names(module) if name.startswith("denoiser")}


def test_what_is_served_reads_the_given_links(bench):
    """The rebuilt links change training and not what is served of the same weights."""
    recommender, objective = started(bench)
    module = recommender.module.eval()
    with torch.no_grad():
        before = module.vectors().item.clone()
        module.rebuilt.choose(np.zeros(len(module.rebuilt.chosen), np.int64))
        assert torch.equal(module.vectors().item, before) and not module.vectors().layers
        [second] = module.train().vectors().layers
    assert len(second) == len(module.user.weight) + len(module.item.weight)


def test_rebuilt_links_are_renewed_and_the_random_ones_are_others(bench):
    start = bench.build("diffkg", **SIZES).module.rebuilt.chosen
    restored, random = (fitted(bench, **changes).module.rebuilt for changes in ({}, diffkg.PLACEBO))
    assert not torch.equal(restored.chosen, start) and not torch.equal(restored.chosen, random.chosen)
    assert np.array_equal(restored.counts, random.counts), "as many entities an item"
    rows = restored.of.dense(np.arange(len(restored.of.items)))
    by_chance = (rows.mean(), rows.gather(1, random.chosen[:, None]).mean())
    assert rows.gather(1, restored.chosen[:, None]).mean() > 3 * by_chance[0] > by_chance[1], "it restores given links"


def test_links_and_their_permutation_give_other_models(bench):
    lists = [fitted(bench, **changes).recommend(bench.split.test.histories, 10).items
             for changes in ({}, {"control": "rewired"}, {"steps": 0})]  # fmt: skip
    assert all((lists[0] != other).any() for other in lists[1:])


def test_a_resumed_training_has_the_links_of_an_uninterrupted_one(bench, tmp_path):
    """The links that training reads follow from a buffer, so that they are there after a checkpoint is read."""
    settings, recipe = bench.plan("diffkg", **SIZES, epochs=3)
    whole = bench.build("diffkg", **settings)
    whole.fit(bench.split, TrainingSession(recipe, bench.seed))
    for epochs in (2, 3):
        part = bench.build("diffkg", **settings)
        part.fit(bench.split, TrainingSession(replace(recipe, epochs=epochs), bench.seed, folder=tmp_path))
    assert torch.equal(part.module.item.weight, whole.module.item.weight)


@pytest.mark.parametrize(("changes", "message"), [
    ({"hops": 0}, "hops is 1 or more"), ({"temperature": 0.0}, "temperature=0.0 above 0"),
    ({"collaboration": 1.5}, "collaboration=1.5 a share"), ({"control": "shuffled"}, "control='shuffled' is"),
    ({"control": "random", "steps": 0}, "control='random' is"), ({"keep": -1}, "keep=-1"),
    ({"layers": 0}, "diffkg: width must be positive"), ({"contrast": -0.1}, "contrast=-0.1 are 0 or more"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("diffkg", **changes)
