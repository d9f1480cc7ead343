"""TikTok micro-videos (DiffMM release): a published random split, with features of the pictures and of the sound.

Tables image and audio: 128 numbers a video, as published. The release has text features too, which are not read here.
"""
import numpy as np
import pandas as pd

from workbench.data.formats.attributes.feature_arrays import read_features
from workbench.data.formats.containers.safe_pickle import parse_matrix
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import HELD_OUT, ITEM, USER, Dataset, assemble
from workbench.data.tables import attach_tables

DIFFMM = "https://raw.githubusercontent.com/HKUDS/DiffMM/fae20e642aeeaad4284be6f7fb3432ebb551da8e/Datasets/tiktok/"
SHA256 = {
    "trnMat.pkl": "1efbc49d1a7ce5268f01e3e0c558df1f8f8644628c76aa6536be4ec61d256916",
    "valMat.pkl": "b6971ed696613d565613dd74b101c45b2aa002b66e8ba99cad03abf04db2397b",
    "tstMat.pkl": "e83a93787d88728572dbdd5b131bae01a90e17c340820e7b8f0a7c27e69d6f9e",
    "image_feat.npy": "f6c1ec1726ed2aa80315411199ab2143bee6333821bf58c5f00bd3f5b462efc2",
    "audio_feat.npy": "d45a44a9d462f578802de914c2feea5cfd45742b2922775a085b9bdc1beba26f",
}
FILES = {name: File(f"tiktok/{name}", DIFFMM + name, digest) for name, digest in SHA256.items()}
PARTS = {"train": FILES["trnMat.pkl"], "validation": FILES["valMat.pkl"], "test": FILES["tstMat.pkl"]}
FEATURES = {"image": FILES["image_feat.npy"], "audio": FILES["audio_feat.npy"]}
ABOUT = {
    "title": "TikTok micro-videos with features", "homepage": "https://github.com/HKUDS/DiffMM",
    "terms": "No formal licence found: data of a TikTok challenge, collected for research.",
    "citation": "Jiang et al., DiffMM, ACM MM 2024; Wei et al., MMSSL, WWW 2023", "release": "DiffMM",
}  # fmt: skip


def load() -> Dataset:
    """TikTok. The order of events is not published (order none); `held_out` marks the published test rows, `part` the
    published part (train, validation, test) of each event. tables: image and audio, dense features of the items.

    Under split=published the validation rows of the release are events like those of train, and validation is drawn
    from both by a seeded hash.
    """
    files = DataFiles("tiktok-mm", "tiktok_mm")
    files.require(*FILES.values())
    matrices = {part: parse_matrix(files.read(file)) for part, file in PARTS.items()}
    shape = matrices["train"].shape
    for part, matrix in matrices.items():
        if matrix.shape != shape:
            what = f"a matrix {matrix.shape}, where that of train is {shape}"
            raise data_error(files.read(PARTS[part]), None, what, "get fresh copies of all three")
    events = pd.concat(
        [pd.DataFrame({USER: matrix.row, ITEM: matrix.col, "part": part}) for part, matrix in matrices.items()],
        ignore_index=True,
    )
    events[HELD_OUT] = events["part"] == "test"
    tables = {name: read_features(files.read(file), np.arange(shape[1])) for name, file in FEATURES.items()}
    counts = {f"{part} interactions": matrix.nnz for part, matrix in matrices.items()}
    notes = ["order: not published; the release is split at random",
             "validation rows of the release are train events under split=published, which draws its own"]  # fmt: skip
    about = {**ABOUT, "files": files.checksums, "read": counts, "dropped": {}, "notes": notes}
    return attach_tables(assemble("tiktok-mm", events, order="none", about=about), tables)
