"""Recommender systems, one file each; this folder is the registry. A new file is listed, tested and run by its name.

Names, descriptions and keywords are parsed from the source files, so listing the systems imports none of them. Read
sequential/sasrec.py first.
"""
import ast
import math
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.closure import closure_hash
from workbench.errors import UserError, check_names
from workbench.registry import Registry
from workbench.systems.verbs import VERBS, Family, check_built, check_keywords, family_of

REGISTRY = Registry("system", Path(__file__).parent, "*/[a-z]*.py", separator="_")
TRAINING = ("experiment/training.py", "data/splits.py")  # what every run is made by


def names(family: str = "*") -> list[str]:
    """Sorted names of all systems, or of one family (a sub-folder). UserError if there is no such family."""
    return [name for name, _ in names_and_families(family)]


def names_and_families(family: str = "*") -> list[tuple[str, str]]:
    """The systems of `names`, each with its family. UserError if there is no such family."""
    found = sorted((path.stem, path.parent.name) for path in REGISTRY.folder.glob(REGISTRY.pattern))
    if family != "*":
        check_names("family", [family], {each for _, each in found})
    return [(name, each) for name, each in found if family in ("*", each)]


def family(name: str) -> str:
    """The family of a system: its sub-folder. UserError if there is no such system."""
    return file(name).parent.name


def verb(name: str) -> str:
    """What a system does: rank, rescore, select, forget, act, observe or prescribe (systems/verbs.py). UserError if
    there is no such system."""
    return kind(name).verb


def kind(name: str) -> Family:
    """What a system does, by which metric it is studied, and beside which baselines: what its family says, unless its
    file has a `VERB` of its own. UserError if there is no such system."""
    return family_of(family(name), verb=REGISTRY.literal(name, "VERB", ""))


def baselines_of(name: str) -> list[str]:
    """The systems without training that stand beside one in a study: those of its family, and what its file names in
    `BESIDE`. UserError if there is no such system."""
    found = kind(name).baselines
    return [*(names(found) if isinstance(found, str) else found), *REGISTRY.literal(name, "BESIDE", ())]


def base(name: str, settings: dict[str, Any]) -> str:
    """The system that is trained when a system is: the one that `settings` name where its verb works on another, such
    as select; else itself. UserError if the base is no system that can be trained by itself."""
    if "base" not in VERBS[verb(name)].keywords:
        return name
    trained = settings["base"]
    if verb(trained) != "rank":  # a state that is not whole, or stages that cannot be trained apart
        raise UserError(f"base={trained} of {name}: its verb is {verb(trained)!r}; choose a system that ranks, such as "
                        "sasrec")  # fmt: skip
    return trained


def describe(name: str) -> str:
    """A one-line description of a system: the first line of its docstring."""
    return REGISTRY.describe(name)


def keywords(name: str) -> dict[str, Any]:
    """The keywords of a system's build() and their defaults, which are literals."""
    arguments = REGISTRY.function(name, "build").args
    try:
        defaults = map(ast.literal_eval, arguments.kw_defaults)
        found = dict(zip([argument.arg for argument in arguments.kwonlyargs], defaults, strict=True))
    except (ValueError, TypeError) as error:
        raise UserError(f"system {name!r}: every keyword of build() needs a literal default ({error})") from error
    check_keywords(name, family(name), found)
    return found


def parse_source(name: str) -> ast.Module:
    """The syntax tree of a system's file, without importing it. UserError if there is no such system."""
    return REGISTRY.parse(name)


def settings(name: str, **changes: Any) -> dict[str, Any]:
    """All keywords of a system with their values, `changes` over defaults: the settings stored with a run.

    UserError if a keyword is unknown or a value is not of the type of its default (an int is accepted as a float), or
    not a finite number.
    """
    defaults = keywords(name)
    check_names(f"keyword of {name}", changes, defaults)
    return {key: _checked_value(name, key, changes[key], default) if key in changes else default
            for key, default in defaults.items()}


def code(name: str, changes: dict[str, Any] | None = None) -> str:
    """Hash of the code that decides what a run of a system holds: the import closure of its file, of its base's where
    its verb works on one, and of `TRAINING`. Other systems, datasets, assemblies and pages are not among it.

    changes: settings, of which the base may be one. UserError if there is no such system.
    """
    runner = VERBS[verb(name)].runner
    on_base = (file(base(name, keywords(name) | (changes or {}))), runner) if runner else ()
    return closure_hash(file(name), *TRAINING, *on_base)


def load(name: str) -> ModuleType:
    """The imported module of a system. UserError if there is no such system."""
    return REGISTRY.load(name)


def build(name: str, bench: Any, **changes: Any) -> Any:
    """What the build() of a system returns for a bench, an untrained recommender or another part, by its verb.

    changes: keywords of its build(). UserError if it lacks what its verb asks for.
    """
    built = load(name).build(bench, **settings(name, **changes))
    return check_built(name, family(name), built, verb=verb(name))


def file(name: str) -> Path:
    """The file of a system. UserError if there is no such system."""
    return REGISTRY.file(name)


def _checked_value(name: str, key: str, value: Any, default: Any) -> Any:
    if type(value) in (list, tuple) and key in VERBS[verb(name)].listed:
        return tuple(tuple(each) if type(each) is list else each for each in value)  # as JSON gives it back
    if type(default) is float and type(value) is int:
        return float(value)
    if type(default) is tuple and type(value) is list:
        return tuple(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{name}: {key}={value} must be a finite number")
    if default is not None and type(value) is not type(default):
        raise UserError(f"{name}: {key} must be {type(default).__name__}, not {type(value).__name__} {value!r}")
    return value
