"""Published by APAO (Beauty, Office, Grocery): RQ-KMeans, 4 x 256; arXiv:2603.02730."""
import numpy as np

from workbench.data.formats.file_lookup import File
from workbench.data.schema import Dataset
from workbench.tokens import published_codes

APAO = "https://raw.githubusercontent.com/yuyq18/APAO/aa08fcfab4ad306a536a1fde648042972a292bbe/data/"
FILES = {
    "beauty": File(
        "apao/Beauty.index.rq-kmeans.json", APAO + "Beauty/Beauty.index.rq-kmeans.json",
        "75ec4c78aba505cec7503a5e5ada1f2eee4ebfa7eefb5a0988978677b4089aea",
    ),
    "office": File(
        "apao/Office.index.rq-kmeans.json", APAO + "Office/Office.index.rq-kmeans.json",
        "6c06fd85972bfa297f66e9597057fa6797886d1483e3f0aaed7be87fb7ddd1f9",
    ),
    "grocery": File(
        "apao/Grocery.index.rq-kmeans.json", APAO + "Grocery/Grocery.index.rq-kmeans.json",
        "4ed40e0ed6da04146c3611070008513546bdb1dd99111b5b2ed0bf065d046906",
    ),
}  # fmt: skip


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes and their own sizes. UserError as `published_codes.load`."""
    return *published_codes.load("apao", FILES, dataset), {}
