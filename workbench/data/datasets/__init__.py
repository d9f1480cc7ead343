"""The dataset registry: one file per public dataset in this folder, plus the synthetic worlds.

A dataset's name is its file name with '-' for '_', its description the first line of the docstring, and its options the
keywords of `load`; all three are parsed from the source, without importing it. graphs/ has those whose links are what
they are used for, conversations/ those of systems that ask, several/ what stands on other datasets. A dataset that its
user has to bring, as nobody can ship it, says in a literal `BROUGHT` what works, on what, and what cannot be had.
"""
import ast
import os
from pathlib import Path

from workbench.data import synthetic
from workbench.data.formats.attributes.git_program import newest_commit
from workbench.data.formats.containers.file_kinds import digest
from workbench.data.schema import Dataset
from workbench.errors import UserError, unknown_name
from workbench.registry import Registry

REGISTRY = Registry("dataset", Path(__file__).parent, "**/[a-z]*.py")
FILE_OPTIONS = ("path", "items", "test")  # options that are file paths


def names() -> list[str]:
    """Every dataset name: the synthetic worlds, then the public datasets."""
    return [*synthetic.NAMES, *REGISTRY.names()]


def file(name: str) -> Path:
    """The file that makes a dataset. UserError for an unknown name."""
    name = canonical_name(name)
    return Path(synthetic.__file__) if name in synthetic.NAMES else REGISTRY.file(name)


def files(name: str, options: dict) -> list[Path]:
    """The files that make a dataset: its own, and those of the datasets that it merges. UserError as `load`."""
    return [file(name), *map(file, merged_names(options["of"]) if canonical_name(name) == "merged" else [])]


def describe(name: str) -> str:
    """One-line description of a dataset. UserError for an unknown name."""
    name = canonical_name(name)
    return synthetic.NAMES[name] if name in synthetic.NAMES else REGISTRY.describe(name)


def canonical_name(name: str) -> str:
    """The listed name, such as `movielens-small` for `movielens_small`. UserError for an unknown name."""
    listed = str(name).replace("_", "-")
    if listed not in names():
        error = unknown_name("dataset", name, names())
        own = os.sep in str(name) or Path(str(name)).suffix
        raise UserError(f"{error}. A file of your own is dataset csv, option path={name}") if own else error
    return listed


def options(name: str) -> list[str]:
    """The options that `load(name, ...)` takes."""
    name = canonical_name(name)
    if name in synthetic.NAMES:
        return sorted(synthetic.OPTIONS)
    return [argument.arg for argument in REGISTRY.function(name, "load").args.kwonlyargs]


def text_options(name: str) -> set[str]:
    """The options of a dataset that are text, such as paths and column names. UserError for an unknown name."""
    name = canonical_name(name)
    if name in synthetic.NAMES:
        return set()
    arguments = REGISTRY.function(name, "load").args.kwonlyargs
    return {argument.arg for argument in arguments if "str" in ast.unparse(argument.annotation).split(" | ")}


def merged_names(of: str) -> list[str]:
    """The listed names in the option `of` of dataset merged. UserError for fewer than two, one that is unknown or named
    twice, or a dataset that needs options itself."""
    found = [canonical_name(name.strip()) for name in str(of).split(",") if name.strip()]
    if len(found) < 2:
        raise UserError(f"dataset merged needs two or more datasets, such as of=office,beauty; given of={of!r}")
    for name in found:
        if found.count(name) > 1:
            raise UserError(f"dataset merged: of={of!r} names {name} twice; its users and items would be the same")
        if needed := [option for option in ("path", "of") if option in options(name)]:
            raise UserError(f"dataset merged: {name} needs options of its own, such as {needed[0]}=, so it cannot be "
                            f"one of {of!r}; published datasets and synthetic worlds can")  # fmt: skip
    return found


def check_options(name: str, settings: dict | None = None) -> str:
    """The listed name, after checking name and options without loading data. UserError as `load`."""
    listed = canonical_name(name)
    for option in settings or {}:
        if option not in options(listed):
            raise UserError(f"{unknown_name(f'option of dataset {listed}', option, options(listed))}"
                            f"{_where(option, listed)}")  # fmt: skip
    if listed not in synthetic.NAMES:
        arguments = REGISTRY.function(listed, "load").args.kwonlyargs
        types = {argument.arg: ast.unparse(argument.annotation) for argument in arguments}
        for option, value in (settings or {}).items():
            _check_type(f"option {option!r} of dataset {listed}", value, types[option])
    if listed == "merged":
        merged_names((settings or {}).get("of", ""))
    return listed


def _where(option: str, name: str) -> str:
    """Which dataset takes an option of logs of one's own that this one lacks, as a sentence; "" for another option."""
    if option not in options("csv") or name in synthetic.NAMES:
        return ""
    if name == "preset":
        return ". A preset sets the filters itself; dataset csv takes this option"
    published = "its published files are read as they are, but a copy of your own takes this option"
    return f". {name}: {published} as dataset {'preset' if option in options('preset') else 'csv'}, path=FILE"


def _check_type(option: str, value: object, annotation: str) -> None:
    """UserError unless a value has the annotated type; numbers are accepted as text (columns may be numbered)."""
    allowed = {"str": (str, int, float, os.PathLike), "int": (int,), "float": (int, float), "bool": (bool,),
               "None": (type(None),)}  # fmt: skip
    names = annotation.split(" | ")
    valid = isinstance(value, tuple(kind for name in names for kind in allowed[name]))
    if not valid or isinstance(value, bool) and "bool" not in names:
        words = {"str": "text", "int": "a whole number", "float": "a number", "bool": "True or False", "None": "None"}
        takes = " or ".join(words[name] for name in names)
        raise UserError(f"{option} takes {takes}; given {value!r}, which is {type(value).__name__}")


def file_paths(options: dict) -> dict[str, str]:
    """The absolute path of every file or folder among the options that exists, by option."""
    paths = {k: Path(str(options[k])).expanduser() for k in FILE_OPTIONS if options.get(k)}
    return {name: str(path.resolve()) for name, path in paths.items() if os.path.exists(path)}


def resolve_paths(options: dict) -> dict:
    """The options with absolute file paths, so that they do not depend on the working directory."""
    return options | file_paths(options)


def file_hashes(options: dict, dataset: str = "") -> dict[str, str]:
    """SHA-256 of every file or folder of part files among the options, by option; of a clone that dataset git reads the
    newest commit. UserError (code 3) where one cannot be read."""
    digests = {}
    for name, path in file_paths(options).items():
        try:
            digests[name] = newest_commit(Path(path)) if dataset == "git" else digest(Path(path))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})", code=3) from error
    return digests


def load(name: str, **options) -> Dataset:
    """A dataset by name. UserError for an unknown name or option, missing files, or bad data."""
    listed = check_options(name, options)
    if listed in synthetic.NAMES:
        return synthetic.load(listed, **options)
    return REGISTRY.load(listed).load(**options)
