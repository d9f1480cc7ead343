"""Parsing and checking of command-line arguments."""
import ast
from pathlib import Path

from workbench.errors import UserError
from workbench.places import check_folder

REPORT_LIST_LENGTH = 10  # items in the top-k lists of a report


def print_descriptions(rows: dict[str, str]) -> None:
    """Print names with their descriptions, one per line."""
    width = max(map(len, rows), default=0)
    for name, description in rows.items():
        print(f"{name:<{width}}  {description}")


def split_names(values: list) -> list[str]:
    """["a", "b"] from ["a,b"] or ["a", "b"]."""
    return [name for value in values for name in value.split(",") if name]


def parse_settings(pairs: list) -> dict:
    """{"width": 128} from ["width=128"]: values are Python literals or else strings. UserError without a "="."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UserError(f"{pair!r}: settings are written name=value")
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


def make_bench(dataset: str, profile: str, seed: int, protocol: list, option: list, device: str):
    """The bench for these command-line arguments. UserError as for `open_bench`."""
    from workbench.experiment import open_bench

    settings, options = parse_settings(protocol), parse_settings(option)
    return open_bench(dataset, profile=profile, seed=seed, protocol=settings, options=options, device=device)
