"""Commands of other implementations, where they are installed; each runs unmodified, in its own environment."""
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent


def sasrec_pytorch(events: Path) -> list[str] | None:
    """The command that times pmixer/SASRec.pytorch, or None and a message if it is not installed."""
    checkout = os.environ.get("SASREC_PYTORCH", "")
    if not (Path(checkout) / "python" / "main.py").is_file():
        return _skip("SASRec.pytorch", "SASREC_PYTORCH to a checkout of github.com/pmixer/SASRec.pytorch", checkout)
    python = os.environ.get("SASREC_PYTHON", sys.executable)
    return [python, HERE / "sasrec_pytorch.py", checkout, events]


def recbole(task: str, events: Path, name: str = "SASRec") -> list[str] | None:
    """The command that times RecBole's SASRec or LightGCN at `train` or `rank`, or None and a message if it is not
    installed."""
    python = os.environ.get("RECBOLE_PYTHON", "")
    if not Path(python).is_file():
        return _skip("RecBole", "RECBOLE_PYTHON to the python of an environment with recbole", python)
    return [python, HERE / "recbole_sasrec.py", task, events, name]


def selfrec(events: Path, name: str) -> list[str] | None:
    """The command that times an epoch of LightGCN or XSimGCL of Coder-Yu/SELFRec, or None and a message if it is not
    installed."""
    checkout = os.environ.get("SELFREC", "")
    if not Path(checkout, "model", "graph", f"{name}.py").is_file():
        return _skip(f"SELFRec's {name}", "SELFREC to a checkout of github.com/Coder-Yu/SELFRec", checkout)
    python = _python(f"SELFRec's {name}", "torch, scipy, numba and pyyaml")
    return python and [python, HERE / "selfrec.py", checkout, events, name]


def mclrec(events: Path, simple: float, beta: float) -> list[str] | None:
    """The command that times the trainer of QinHsiu/MCLRec at two weights of contrast, or None and a message if it is
    not installed."""
    checkout = os.environ.get("MCLREC", "")
    if not Path(checkout, "recbole", "trainer", "trainer.py").is_file():
        return _skip("MCLRec's release", "MCLREC to a checkout of github.com/QinHsiu/MCLRec", checkout)
    python = _python("MCLRec's release", "pandas, scikit-learn, pyyaml, tqdm, colorlog and colorama")
    return python and [python, HERE / "mclrec_release.py", checkout, events, simple, beta]


def t5(task: str, *options: object) -> list[str] | None:
    """The command that drives Hugging Face's T5 at `padded`, `bucketed` or `beam`, or None and a message if it is
    not installed."""
    python = _python("T5", "transformers")
    return python and [python, HERE / "hf_t5.py", task, *options]


def faiss_kmeans(vectors: Path) -> list[str] | None:
    """The command that times faiss.Kmeans on a file of vectors, or None and a message if it is not installed."""
    python = _python("faiss.Kmeans", "faiss-cpu")
    return python and [python, HERE / "faiss_kmeans.py", vectors]


def residual_vq(vectors: Path, steps: int) -> list[str] | None:
    """The command that trains vector-quantize-pytorch's ResidualVQ on a file of vectors, or None and a message if it is
    not installed."""
    python = _python("ResidualVQ", "vector-quantize-pytorch")
    return python and [python, HERE / "residual_vq.py", vectors, steps]


def autoencoder(name: str, rows: Path) -> list[str] | None:
    """The command that trains the autoencoder of `dictionary_learning` or `recsae`, or None and a message if it is
    not installed."""
    variable, repository = {
        "dictionary_learning": ("DICTIONARY_LEARNING", "saprmarks/dictionary_learning"),
        "recsae": ("RECSAE", "a checkout of RecSAE, such as parepic/RecSAE_Update"),
    }[name]
    checkout = os.environ.get(variable, "")
    if not Path(checkout, "README.md").is_file():
        return _skip(name, f"{variable} to {repository} on github.com", checkout)
    python = _python(name, "einops, tqdm and huggingface_hub")
    return python and [python, HERE / "sae_modules.py", name, checkout, rows]


def sentence_vectors() -> Path | None:
    """The file that `sentences.py` wrote, or None and a message if there is none."""
    path = os.environ.get("SENTENCE_VECTORS", "")
    if not Path(path).is_file():
        return _skip("The sentence encoder", "SENTENCE_VECTORS to the file that opponents/sentences.py wrote", path)
    return Path(path)


def _python(name: str, package: str) -> str | None:
    python = os.environ.get("OPPONENTS_PYTHON", "")
    if not Path(python).is_file():
        return _skip(name, f"OPPONENTS_PYTHON to the python of an environment with {package}", python)
    return python


def _skip(name: str, remedy: str, path: str) -> None:
    print(f"{name} is skipped: set {remedy}" + (f" ({path!r} is not one)" if path else ""))
