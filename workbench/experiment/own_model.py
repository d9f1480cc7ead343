"""A model of one's own: a torch module or a recommender that somebody wrote in a notebook, as a run like any other.

It cannot be built from a name, so a copy of each one, as it was before training, is kept while Python runs; elsewhere
the model is passed again.
"""
import inspect
import re
from copy import deepcopy
from dataclasses import asdict
from typing import Any, NamedTuple

from torch import nn

from workbench import systems
from workbench.artifacts import digest
from workbench.closure import closure_hash
from workbench.errors import UserError, check_names, is_integer
from workbench.experiment.model_identity import Identity, identity
from workbench.experiment.run_plan import Plan, about_data
from workbench.experiment.training import MONITORS
from workbench.interfaces import Recommender
from workbench.recommenders.network_checks import try_out
from workbench.recommenders.own_network import OwnNetwork
from workbench.train import RECIPE_FIELDS, Recipe, resolve_recipe

CODE = "recommenders/own_network.py"  # what a bare module is trained by
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
RECIPE = Recipe(epochs=100, batch_size=128, lr=1e-3, patience=10)
SETTINGS = {"max_length": 50, "loss": ""}  # of a bare module
METHODS = {"fit": ("split", "session"), "recommend": ("histories", 10, None), "state": (), "load_state": ({},)}
HOW = ("bench.fit takes the name of a system, a torch module whose forward(items) gives the scores of the next item, "
       "or an object with fit, recommend, state and load_state (workbench/interfaces.py)")  # fmt: skip


class Known(NamedTuple):
    """A copy of a model, and whether it has the weights that its training started from."""

    model: Any
    as_before_training: bool


_known: dict[str, Known] = {}  # by the digest of what a run stores about its model


def check_name(name: Any) -> str:
    """The name, if it is a plain one that no system has. UserError otherwise."""
    if not name:
        raise UserError('a model of one\'s own needs a name for tables and figures, such as name="mynet"')
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(f"name={name!r}: a name is a letter, then letters, digits, and any of _ . -")
    if name in systems.names():
        raise UserError(f"name={name!r} is the name of a system; choose another")
    return name


def check_model(model: Any, how: str = HOW) -> None:
    """UserError unless a model is a torch module, or answers the interface of a recommender."""
    if isinstance(model, type):
        raise UserError(f"{model.__name__} is a class; give an instance of it, such as {model.__name__}(...)")
    if isinstance(model, nn.Module) and not isinstance(model, Recommender):
        return
    missing = [name for name in METHODS if not callable(getattr(model, name, None))]
    if len(missing) == len(METHODS):
        raise UserError(f"{how}; given {type(model).__name__} {model!r:.60}")
    if missing:
        raise UserError(f"{type(model).__name__} is no recommender yet: it lacks {', '.join(missing)}; {how}")
    for name, arguments in METHODS.items():
        signature = inspect.signature(getattr(model, name))
        try:
            signature.bind(*arguments)
        except TypeError as error:
            wanted = ", ".join(inspect.signature(getattr(Recommender, name)).parameters).removeprefix("self, ")
            raise UserError(f"{type(model).__name__}.{name}{signature} cannot be called as {name}({wanted}): "
                            f"{error}") from error  # fmt: skip


def check_changes(name: str, model: Any, changes: dict) -> dict:
    """The settings of a model: those of `SETTINGS` for a bare module. UserError for a wrong name or value."""
    settings = {} if isinstance(model, Recommender) else SETTINGS
    check_names(f"setting of {name}", changes, [*settings, *RECIPE_FIELDS])
    settings = {key: changes.get(key, default) for key, default in settings.items()}
    if settings and not is_integer(settings["max_length"], 1):
        raise UserError(f"max_length={settings['max_length']!r} must be a positive integer: the events that are read")
    loss = settings.get("loss", "")
    if not isinstance(loss, str) or (loss and not inspect.ismethod(getattr(model, loss, None))):
        raise UserError(f"loss={loss!r} must be the name of a method of {type(model).__name__}, loss(items, targets)")
    return settings


def plan(bench: Any, model: Any, name: str, changes: dict) -> Plan:
    """How a model of one's own is trained and stored on a bench. UserError for a wrong name, model or setting, as
    `try_out`, where the model cannot be copied, or where its source cannot be had."""
    check_model(model)
    check_name(name)
    settings = check_changes(name, model, changes)
    usual = resolve_recipe(RECIPE, bench.profile, {})
    recipe = resolve_recipe(usual, bench.profile, {key: value for key, value in changes.items() if key not in settings})
    check_names("metric", [recipe.monitor], MONITORS)
    copy, about = _copy(model), {}
    if not isinstance(model, Recommender):
        about = {"every_position": try_out(copy, bench.split, **settings)}
    found = identity(copy)
    about |= found.key
    _known[digest(about)] = Known(copy, True)
    inputs = {"system": name, "settings": settings, "own": about, "code": closure_hash(*systems.TRAINING, CODE)}
    usual_values = SETTINGS | asdict(usual)
    changes = {key: value for key, value in changes.items() if usual_values[key] != value}

    def build() -> Any:
        return assemble(_copy(copy), about, settings, bench.split.n_items)

    said = {"family": "own", "changes": changes, "source": found.text} | about_data(bench)
    return Plan(inputs, recipe, build, said)


def assemble(model: Any, about: dict, settings: dict, n_items: int) -> Any:
    """The recommender of a model: itself, or for a bare module one around it."""
    if "every_position" not in about:
        return model
    return OwnNetwork(model, n_items=n_items, every_position=about["every_position"], **settings)


def remember(run: Any, model: Any) -> None:
    """Keep a copy of the model of a run. UserError unless it is the one that was trained, but for its weights."""
    if "own" not in run.info:
        raise UserError(f"{run.label} is a system with a name: leave the model out")
    about = run.info["own"]
    check_model(model, how=f"{run.label} is a model of one's own; pass an instance of its class {about['class']}")
    given: Identity = identity(copy := _copy(model))
    for name, what in (("class", "another class"), ("code", "the code of its class differs"),
                       ("attributes", "its layers, their sizes or other attributes differ")):
        if given.key[name] != about[name]:
            detail = f": {given.name}, not {about['class']}" if name == "class" else ""
            raise UserError(f"this model is not the one of {run.label}: {what}{detail}; the source it was trained with "
                            f"is in {run.folder / 'metrics.json'}")  # fmt: skip
    if not (digest(about) in _known and _known[digest(about)].as_before_training):
        _known[digest(about)] = Known(copy, given.start == about["start"])


def model_of(run: Any, *, exactly: bool = True) -> Any:
    """A copy of the model of a run as it was before training. UserError where the model was never passed here, or, if
    exactly, where it was passed with other weights than those its training started from."""
    if "own" not in run.info:
        raise UserError(f"{run.label} is a system with a name; run.untrained() gives it as it was before training")
    about = run.info["own"]
    known = _known.get(digest(about))
    if known is None:
        raise UserError(f"{run.label} is a model of one's own, which no name can build: make an instance of its class "
                        f"{about['class']} and pass it, wb.load_run({str(run.folder)!r}, model={about['class']}(...))")
    if exactly and not known.as_before_training:
        raise UserError(f"{run.label}: the model that was passed has other weights than training started from; pass it "
                        "as it was before training")  # fmt: skip
    return _copy(known.model)


def _copy(model: Any) -> Any:
    try:
        return deepcopy(model)
    except Exception as error:  # whatever a class of one's own raises
        raise UserError(f"{type(model).__name__} cannot be copied, and fit trains a copy: leave open files, locks and "
                        f"results of a computation out of it ({type(error).__name__}: {error})") from error  # fmt: skip
