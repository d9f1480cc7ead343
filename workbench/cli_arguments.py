"""What a command line gives, as Python values."""
import ast
from pathlib import Path

from workbench.artifacts import check_folder
from workbench.errors import UserError

LISTED = 10  # items of a recommendation in a report


def listing(rows: dict[str, str]) -> None:
    """Print names with their descriptions, one a line."""
    width = max(map(len, rows), default=0)
    for name, description in rows.items():
        print(f"{name:<{width}}  {description}")


def names(given: list) -> list[str]:
    """["a", "b"] from ["a,b"] and ["a", "b"] alike."""
    return [name for each in given for name in each.split(",") if name]


def pairs(given: list) -> dict:
    """{"width": 128} from ["width=128"]; values are Python literals, anything else is text."""
    out = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UserError(f"{pair!r}: settings are written name=value")
        try:
            out[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            out[name] = {"true": True, "false": False}.get(value.lower(), value)
    return out


def place(out: Path, timeout: int) -> None:
    """UserError, before any work, unless pages can be written into a folder and a cell may take a second."""
    if timeout < 1:
        raise UserError(f"--timeout is in seconds a cell, at least 1; given {timeout}")
    check_folder(out)


def readable(dataset: str, profile: str, seed: int, option: list) -> None:
    """Raise what is wrong with a log once, before any notebook starts; what was read is kept for the notebooks."""
    split = bench(dataset, profile, seed, [], option, "auto").split
    if split.n_items <= LISTED:
        what = f"only {split.n_items} item{'s' * (split.n_items > 1)}, and the lists of a report hold {LISTED}"
        raise UserError(f"{dataset}: {what}, so there is nothing to choose from; is the right column named?", code=3)


def bench(dataset: str, profile: str, seed: int, protocol: list, option: list, device: str):
    """The bench that these words of a command line ask for. UserError as `open_bench`."""
    from workbench.experiment import open_bench

    changes, options = pairs(protocol), pairs(option)
    return open_bench(dataset, profile=profile, seed=seed, protocol=changes, options=options, device=device)
