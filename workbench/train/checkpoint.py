"""Checkpoints: folders of safetensors and JSON, written atomically. Training resumes from the newest intact one."""
import json
import logging
import shutil
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from workbench.artifacts import read_manifest, write_folder
from workbench.locks import sweep

KEEP = 2  # checkpoints
log = logging.getLogger("workbench")


class Checkpoint(NamedTuple):
    """A loaded checkpoint. tensors: by name, on the CPU. info: JSON values."""

    tensors: dict[str, torch.Tensor]
    info: dict


def save(folder: Path, step: int, tensors: dict[str, torch.Tensor], info: dict, *, about: dict | None = None) -> None:
    """Write `folder`/step-N and delete all but the newest KEEP. about: what is trained, for the manifest.
    UserError on a full or read-only disk."""

    def write(path: Path) -> None:
        # copies: safetensors refuses tensors that share memory, as tied weights do
        plain = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
        (path / "tensors.safetensors").write_bytes(to_bytes(plain))  # so that a full disk raises OSError
        (path / "info.json").write_text(json.dumps(info))

    path = folder / f"step-{step:09d}"
    if path.exists():
        shutil.rmtree(path)
    write_folder(path, write, about)
    for old in sorted(folder.glob("step-*"))[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def load_newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint whose files match their manifest, or None. Those half-written by processes that died
    are deleted."""
    sweep(folder)
    for path in sorted(folder.glob("step-*"), reverse=True):
        try:
            read_manifest(path)
        except ValueError as error:
            log.warning("%s; trying the previous checkpoint", error)
            continue
        return Checkpoint(load_file(path / "tensors.safetensors"), json.loads((path / "info.json").read_text()))
    return None


def newest_step(folder: Path) -> int | None:
    """The step of the newest checkpoint; None where there is none."""
    return max((int(path.name.removeprefix("step-")) for path in folder.glob("step-*")), default=None)
