"""What a run is made from: settings, recipe, and the inputs that it is stored by."""
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from workbench import systems
from workbench.artifacts import digest
from workbench.data import datasets
from workbench.errors import check_names
from workbench.experiment.around_base import OnSelected, Unlearned, teacher
from workbench.experiment.fit_command import fit_command
from workbench.experiment.named_files import contents
from workbench.experiment.online.episode_checks import check_episodes, say_left_out
from workbench.experiment.online.episodes import act_run
from workbench.experiment.online.prescriptions import prescribe_run
from workbench.experiment.online.windows import observe_run
from workbench.experiment.training import MONITORS, follow, train_run
from workbench.set_interfaces import Prescriber
from workbench.stages import draw, drawing
from workbench.train import RECIPE_FIELDS, Profile, Recipe, distributed, resolve_recipe
from workbench.verb_interfaces import Observer, Policy


class Plan(NamedTuple):
    """inputs: what the run is stored by, beside what the bench adds. recipe: how it is trained. build: the untrained
    recommender. about: what metrics.json says besides. command: the line that makes it again, if there is one."""

    inputs: dict
    recipe: Recipe
    build: Callable[[], Any]
    about: dict
    command: str = ""


def training_plan(profile: Profile, system: str, changes: dict) -> tuple[dict, Recipe]:
    """The build keywords and the recipe of a system with a name: recipe < profile < changes. A system that works on a
    base has the recipe of its base. UserError for a name that is neither."""
    own = systems.keywords(system)
    check_names(f"setting of {system}", changes, [*own, *RECIPE_FIELDS])
    settings = {k: v for k, v in changes.items() if k in own}
    trained = systems.base(system, systems.settings(system, **settings))
    keywords, recipe = systems.keywords(trained), systems.load(trained).RECIPE
    size = recipe.sizes.get(profile.size, {})
    recipe = replace(recipe, **{k: v for k, v in size.items() if k not in keywords})
    recipe = resolve_recipe(recipe, profile, {k: v for k, v in changes.items() if k not in own})
    metric = systems.kind(system).metric
    check_names("metric", [recipe.monitor], MONITORS if metric in MONITORS else (metric, "return"))
    usual = {k: v for k, v in size.items() if k in own} if trained == system else {}
    return systems.settings(system, **usual | settings), recipe


def make(bench: Any, system: str, settings: dict) -> Any:
    """The untrained recommender of a system: what its build() returns, or a base that this selects for, or that is
    made to forget. UserError where it could not be built, or would act in episodes that cannot be."""
    verb = systems.verb(system)
    settings = systems.settings(system, **settings)
    trained = systems.base(system, settings)
    if verb == "act":
        check_episodes(bench, system, settings)
    built = systems.build(system, bench, **settings)
    if verb == "select":
        return OnSelected(bench, built, trained, bench.plan(trained)[0], share=settings["share"])
    if verb == "forget":
        return Unlearned(bench, built, trained, bench.plan(trained)[0], users=settings["users"],
                         events=settings["events"])  # fmt: skip
    return built


def plan_system(bench: Any, system: str, changes: dict) -> Plan:
    """How a system with a name is trained and stored. It is built for this, so that everything its build() draws on
    (item vectors, codes, teachers) is among its inputs."""
    settings, recipe = training_plan(bench.profile, system, changes)
    usual_settings, usual_recipe = training_plan(bench.profile, system, {})
    usual = usual_settings | asdict(usual_recipe)
    changes = {name: value for name, value in changes.items() if usual[name] != value}
    with drawing() as drawn:
        recommender = make(bench, system, settings)
        if isinstance(recommender, Unlearned):  # before the clock of the run starts
            teacher(bench, recommender.base, recommender.settings, recipe)
    inputs = {"system": system, "settings": settings, "code": systems.code(system)}
    inputs |= _base(recommender)
    inputs |= {name: value for name, value in (("drawn", drawn), ("files", contents(settings))) if value}
    about = {"family": systems.family(system), "changes": changes} | about_data(bench)
    if isinstance(recommender, Unlearned):
        about["forgotten"] = {"users": recommender.forgotten, "events": recommender.events}
    return Plan(inputs, recipe, lambda: recommender, about, fit_command(bench, system, changes))


def _base(recommender: Any) -> dict:
    """What a run is stored by of the system that it works on, and that its own settings do not say."""
    if not isinstance(recommender, OnSelected | Unlearned):
        return {}
    base = recommender.base
    return {"base": {"system": base, "settings": recommender.settings, "code": systems.code(base)}}


def stored_folder(bench: Any, plan: Plan) -> Path:
    """The folder of the run of a plan, trained if it is not stored. Those of a variant are stored apart."""
    inputs, kind = run_inputs(bench, plan), "variant-run" if bench.label else "run"
    if distributed.rank() and not bench.store.path(kind, inputs).exists():
        follow(bench, inputs, plan.recipe, plan.build())
        raise SystemExit  # the process that leads does the rest

    def train(folder: Path) -> None:
        built = plan.build()
        if plan.about.get("family") == "conversational" and isinstance(built, Policy):
            say_left_out(bench)
        measured = ((Policy, act_run), (Observer, observe_run), (Prescriber, prescribe_run))
        make_run = next((run for kind, run in measured if isinstance(built, kind)), train_run)
        make_run(bench, inputs, plan.recipe, built, folder, about=plan.about, command=plan.command)

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
