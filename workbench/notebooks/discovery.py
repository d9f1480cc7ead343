"""Where the notebooks lie and how one is named."""
from pathlib import Path

from workbench.artifacts import PACKAGE
from workbench.errors import UserError, unknown


def folder() -> Path:
    """The folder of the series: the checkout's notebooks/; beside an installed package, one that may not be there."""
    checkout = PACKAGE.parent / "notebooks"
    return checkout if (PACKAGE.parent / "pyproject.toml").exists() else PACKAGE / "notebooks"


def series() -> list[Path]:
    """The notebooks of the series, in order; [] where none are installed."""
    return sorted(folder().glob("[0-9][0-9]_*.ipynb"))


def workshop() -> list[Path]:
    """The classes of the workshop, in order; no part of the series. [] where none are installed."""
    return sorted((folder() / "workshop").glob("[0-9]_*.ipynb"))


def find(notebook: Path | str) -> Path:
    """A notebook by its path, or by its name in the series or the workshop, such as 01_explore_dataset. UserError names
    the nearest."""
    path = Path(notebook)
    if path.is_file():
        return path
    if path.suffix == ".ipynb" or len(path.parts) > 1:
        raise UserError(f"{path}: no such notebook")
    named = {known.stem: known for known in (*series(), *workshop())}
    if path.name not in named:
        raise unknown("notebook", path.name, named)
    return named[path.name]
