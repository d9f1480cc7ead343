"""Sentence vectors of texts."""
from pathlib import Path

import numpy as np

from workbench.errors import UserError
from workbench.llm.models import PACKAGED, hide_progress_bars, missing_extra, model_key, model_path
from workbench.progress import track
from workbench.stages import stage
from workbench.train.runtime import select_device

ENCODER = next(iter(PACKAGED))  # the default
CHUNK = 256  # texts between two reports of progress


def encode(texts: list[str], model: str = "") -> np.ndarray:
    """(n, D) float32 unit rows from a sentence encoder of embedding size D, in the format of sentence-transformers.
    Stored: the same texts are encoded once.

    model: a folder, an installed model or a published name; "" for all-MiniLM-L6-v2, D = 384, which comes with the
    extra `text` and reads the first 256 tokens. UserError if the extra is not installed or the model cannot be loaded.
    """
    return _encode(np.array(texts, object), model or ENCODER, model_key(model or ENCODER))


@stage("sentences")
def _encode(texts: np.ndarray, model: str, files: str) -> np.ndarray:  # files: for the key alone
    encoder, parts = _load(model), []
    for start in track(range(0, len(texts), CHUNK), "encoding texts", unit=f"times {CHUNK} texts"):
        chunk = texts[start : start + CHUNK].tolist()
        parts.append(encoder.encode(chunk, normalize_embeddings=True, show_progress_bar=False))
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros((0, 0), np.float32)


def _load(model: str):
    path = model_path(model)
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise missing_extra(model, "text") from error
    hide_progress_bars()
    try:
        return SentenceTransformer(path, device=str(select_device()), local_files_only=Path(path).exists(),
                                   trust_remote_code=False, model_kwargs={"use_safetensors": True})  # fmt: skip
    except (OSError, ValueError) as error:
        raise UserError(f"the sentence encoder {model!r} cannot be loaded: give a name or a local folder ({error})",
                        code=3) from error  # fmt: skip
