"""Find the notebooks of the series, of the topics and of the workshop, by path or by name."""
from pathlib import Path

from workbench.errors import UserError, unknown_name
from workbench.places import PACKAGE


def folder() -> Path:
    """The folder of the series: notebooks/ of the checkout; for an installed package a folder that may not exist."""
    checkout = PACKAGE.parent / "notebooks"
    return checkout if (PACKAGE.parent / "pyproject.toml").exists() else PACKAGE / "notebooks"


def series() -> list[Path]:
    """The notebooks of the series, in order; [] where none are installed."""
    return sorted(folder().glob("[0-9][0-9]_*.ipynb"))


def workshop() -> list[Path]:
    """The classes of the workshop, in order; they are not part of the series. [] where none are installed."""
    return sorted((folder() / "workshop").glob("[0-9]_*.ipynb"))


def topics() -> list[Path]:
    """The notebooks about one family of systems each, by name; they are not part of the series. [] where none are
    installed."""
    return sorted((folder() / "topics").glob("[a-z]*.ipynb"))


def find(notebook: Path | str) -> Path:
    """A notebook by its path, or by its name in the series, the topics or the workshop, such as 01_explore_dataset.
    UserError with the nearest name if there is none."""
    path = Path(notebook)
    if path.is_file():
        return path
    if path.suffix == ".ipynb" or len(path.parts) > 1:
        raise UserError(f"{path}: no such notebook")
    by_name = {each.stem: each for each in (*series(), *topics(), *workshop())}
    if path.name not in by_name:
        raise unknown_name("notebook", path.name, by_name)
    return by_name[path.name]
