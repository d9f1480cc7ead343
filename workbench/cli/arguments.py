"""Parsing and checking of command-line arguments."""
import ast
import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import NamedTuple

from workbench.errors import UserError
from workbench.places import check_folder

REPORT_LIST_LENGTH = 10  # items in the top-k lists of a report
VALUE = "\0"  # put before a value that begins with a dash while argparse, which reads dashes as options, is at work


class CoverOptions(NamedTuple):
    """The options --title, --author and --note of a report."""

    title: str = ""
    author: str = ""
    note: str = ""


class WorkOptions(NamedTuple):
    """How a report is worked on: trainings at a time, address of a Dask scheduler, seconds that a cell may take; and
    which notebooks it runs, main or topics."""

    jobs: int = 1
    cluster: str = ""
    timeout: int = 600
    series: str = "main"


class RetrainOptions(NamedTuple):
    """What an audit trains beyond the systems: names to retrain on reduced data, a tuned heuristic, further seeds."""

    retrain: list = ()
    tune: bool = False
    seeds: int = 0


NO_COVER, USUAL_WORK, NO_RETRAINING = CoverOptions(), WorkOptions(), RetrainOptions()
GROUPS = (CoverOptions, WorkOptions, RetrainOptions)  # options that a command takes as one argument


def print_descriptions(rows: dict[str, str]) -> None:
    """Print names with their descriptions, one per line."""
    width = max(map(len, rows), default=0)
    for name, description in rows.items():
        print(f"{name:<{width}}  {description}")


def mark_values(argv: list[str]) -> list[str]:
    """The arguments, with `VALUE` before each that begins with one dash and is no option, such as the id -01abXY.

    Options are --long, and -h. What follows --OPTION -- is a value, whatever it begins with.
    """
    bare = argv.index("--") if "--" in argv else len(argv)
    after = argv[bare:]
    if after and argv[bare - 1 : bare] and argv[bare - 1].startswith("--"):
        after = [VALUE + argument for argument in argv[bare + 1 :]]
    return [VALUE * bool(re.match("-(?!-|h$|$)", argument)) + argument for argument in argv[:bare]] + after


def unmark_values(value: object) -> object:
    """The value, or each of a list, as it was before `mark_values`."""
    if isinstance(value, list):
        return [part.removeprefix(VALUE) for part in value]
    return value.removeprefix(VALUE) if isinstance(value, str) else value


def whole_number(text: str) -> int:
    """The whole number in an argument."""
    return _parsed(int, text)


def number(text: str) -> float:
    """The number in an argument."""
    return _parsed(float, text)


def _parsed(kind: type, text: str) -> int | float:
    text = text.removeprefix(VALUE)
    try:
        return kind(text)
    except ValueError:
        raise ArgumentTypeError(f"invalid {kind.__name__} value: {text!r}") from None


def count(text: str) -> int:
    """The number of things in an argument, at least 1."""
    value = whole_number(text)
    if value < 1:
        raise ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def split_names(values: list) -> list[str]:
    """["a", "b"] from ["a,b"] or ["a", "b"]."""
    return [name for value in values for name in value.split(",") if name]


def parse_settings(pairs: list, text: frozenset = frozenset()) -> dict:
    """{"width": 128} from ["width=128"]: values are Python literals or else strings. UserError without a "=".

    text: names whose values stay as they are written, such as a path 1e5 or a column None.
    """
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UserError(f"{pair!r}: settings are written name=value")
        if name in text:
            settings[name] = value
            continue
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[name] = {"true": True, "false": False}.get(value.lower(), value)
    return settings


def check_output(out: Path, timeout: int) -> None:
    """UserError, before any work, unless the folder is writable and the timeout is at least one second."""
    if timeout < 1:
        raise UserError(f"--timeout is in seconds per cell and must be at least 1, not {timeout}")
    check_folder(out)


def check_dataset(dataset: str, profile: str, seed: int, option: list) -> None:
    """UserError on an unusable dataset, before any notebook starts. The parsed data is cached for the notebooks."""
    split = make_bench(dataset, profile, seed, [], option, "auto").split
    if split.n_items <= REPORT_LIST_LENGTH:
        count = f"only {split.n_items} item{'s' * (split.n_items > 1)}"
        raise UserError(f"{dataset}: {count}, but a report needs more than {REPORT_LIST_LENGTH} to rank; is the item "
                        "column correct?", code=3)  # fmt: skip


def parse_options(datasets: list[str], pairs: list) -> dict:
    """Dataset options as `parse_settings`; what is text for one of the datasets is text."""
    from workbench.data import datasets as dataset_registry

    text = frozenset().union(*map(dataset_registry.text_options, datasets)) if pairs else frozenset()
    return parse_settings(pairs, text)


def pair_of(name: str, options: set[str]) -> str:
    """Which of --option, --set and --protocol, as far as a command has them, takes name=VALUE; "" for none."""
    from dataclasses import fields

    from workbench import systems
    from workbench.data import Protocol, datasets
    from workbench.train.recipe import RECIPE_FIELDS

    known = {
        "option": lambda: {each for dataset in datasets.names() for each in datasets.options(dataset)},
        "set": lambda: {*RECIPE_FIELDS, *(each for system in systems.names() for each in systems.keywords(system))},
        "protocol": lambda: {field.name for field in fields(Protocol)},
    }
    return next((pair for pair, names in known.items() if pair in options and name in names()), "")


def make_bench(dataset: str, profile: str, seed: int, protocol: list, option: list, device: str):
    """The bench for these command-line arguments. UserError as for `open_bench`."""
    from workbench.experiment import open_bench

    settings, options = parse_settings(protocol), parse_options([dataset], option)
    return open_bench(dataset, profile=profile, seed=seed, protocol=settings, options=options, device=device)
