"""Published by LETTER (Beauty): RQ-VAE with collaborative and diversity terms, 4 x 256; arXiv:2405.07314."""
import numpy as np

from workbench.data.formats.file_lookup import File
from workbench.data.schema import Dataset
from workbench.tokens import published_codes

LETTER = "https://raw.githubusercontent.com/HonghuiBao2000/LETTER/8d0154e28de37dbb6e24871c508ad8ddb1921cda/data/"
FILES = {
    "beauty": File(
        "letter/Beauty.index.json", LETTER + "Beauty/Beauty.index.json",
        "be3fb890e59b5443824cdebc560ef349191b97f20d3aecad4727de2d6b212c82",
    ),
}  # fmt: skip


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes and their own sizes. UserError as `published_codes.load`."""
    return *published_codes.load("letter", FILES, dataset), {}
