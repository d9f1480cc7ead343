"""What a run is made from: settings, recipe, and the inputs that it is stored by."""
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from workbench import systems
from workbench.errors import check_names
from workbench.experiment.fit_command import fit_command
from workbench.experiment.named_files import contents
from workbench.experiment.training import MONITORS
from workbench.stages import drawing
from workbench.train import RECIPE_FIELDS, Profile, Recipe, resolve_recipe


class Plan(NamedTuple):
    """inputs: what the run is stored by, beside what the bench adds. recipe: how it is trained. build: the untrained
    recommender. about: what metrics.json says besides. command: the line that makes it again, if there is one."""

    inputs: dict
    recipe: Recipe
    build: Callable[[], Any]
    about: dict
    command: str = ""


def training_plan(profile: Profile, system: str, changes: dict) -> tuple[dict, Recipe]:
    """The build keywords and the recipe of a system with a name: recipe < profile < changes. UserError for a name that
    is neither."""
    keywords = systems.keywords(system)
    check_names(f"setting of {system}", changes, [*keywords, *RECIPE_FIELDS])
    recipe = systems.load(system).RECIPE
    size = recipe.sizes.get(profile.size, {})
    recipe = replace(recipe, **{k: v for k, v in size.items() if k not in keywords})
    recipe = resolve_recipe(recipe, profile, {k: v for k, v in changes.items() if k not in keywords})
    settings = {k: v for k, v in (size | changes).items() if k in keywords}
    check_names("metric", [recipe.monitor], MONITORS)
    return systems.settings(system, **settings), recipe


def plan_system(bench: Any, system: str, changes: dict) -> Plan:
    """How a system with a name is trained and stored. It is built for this, so that everything its build() draws on
    (item vectors, codes, teachers) is among its inputs."""
    settings, recipe = training_plan(bench.profile, system, changes)
    usual_settings, usual_recipe = training_plan(bench.profile, system, {})
    usual = usual_settings | asdict(usual_recipe)
    changes = {name: value for name, value in changes.items() if usual[name] != value}
    with drawing() as drawn:
        recommender = bench.build(system, **settings)
    inputs = {"system": system, "settings": settings, "code": systems.code(system)}
    inputs |= {name: value for name, value in (("drawn", drawn), ("files", contents(settings))) if value}
    about = {"family": systems.family(system), "changes": changes}
    return Plan(inputs, recipe, lambda: recommender, about, fit_command(bench, system, changes))


def run_inputs(bench: Any, plan: Plan) -> dict:
    """What a run is stored by: its own inputs, those of the bench, the recipe, and the device it is trained on."""
    from workbench.train.runtime import configure_runtime

    device = bench.device if bench.device != "auto" else bench.profile.device
    device = configure_runtime(device, threads=bench.profile.threads).type
    values = {name: value for name, value in asdict(plan.recipe).items() if name != "sizes"}
    return bench.key | plan.inputs | {"recipe": values, "device": device}
