"""What a run is made from: settings, recipe, and the inputs that it is stored by."""
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from workbench import systems
from workbench.artifacts import digest
from workbench.data import datasets
from workbench.errors import check_names
from workbench.experiment.fit_command import fit_command
from workbench.experiment.named_files import contents
from workbench.experiment.training import MONITORS, follow, train_run
from workbench.stages import draw, drawing
from workbench.train import RECIPE_FIELDS, Profile, Recipe, distributed, resolve_recipe


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
    about = {"family": systems.family(system), "changes": changes} | about_data(bench)
    return Plan(inputs, recipe, lambda: recommender, about, fit_command(bench, system, changes))


def stored_folder(bench: Any, plan: Plan) -> Path:
    """The folder of the run of a plan, trained if it is not stored. Those of a variant are stored apart."""
    inputs, kind = run_inputs(bench, plan), "variant-run" if bench.label else "run"
    if distributed.rank() and not bench.store.path(kind, inputs).exists():
        follow(bench, inputs, plan.recipe, plan.build())
        raise SystemExit  # the process that leads does the rest

    def train(folder: Path) -> None:
        train_run(bench, inputs, plan.recipe, plan.build(), folder, about=plan.about, command=plan.command)

    draw(kind, digest(inputs))
    with drawing():
        return bench.store.get(kind, inputs, train)


def about_data(bench: Any) -> dict:
    """What metrics.json says of where the data lie, and of the variant of the bench."""
    variant = {"variant": bench.label} if bench.label else {}
    return {"paths": datasets.file_paths(bench.options)} | variant


def run_inputs(bench: Any, plan: Plan) -> dict:
    """What a run is stored by: its own inputs, those of the bench, the recipe, and the device it is trained on."""
    from workbench.train.runtime import configure_runtime

    device = bench.device if bench.device != "auto" else bench.profile.device
    device = configure_runtime(device, threads=bench.profile.threads).type
    values = {name: value for name, value in asdict(plan.recipe).items() if name != "sizes"}
    return bench.key | plan.inputs | {"recipe": values, "device": device}
