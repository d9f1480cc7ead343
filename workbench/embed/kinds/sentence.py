"""Item text: a sentence encoder, by name or local folder (extra: text)."""
import numpy as np

from workbench.data import Dataset, Split
from workbench.embed.documents import documents
from workbench.llm import encode

READS = "text"
MODEL = "all-minilm-l6-v2"


def vectors(dataset: Dataset, split: Split, *, dim: int, seed: int, model: str) -> np.ndarray:
    """(I+1, D) float32 unit rows of the encoder's own D; zero rows for items without text. UserError as `llm.encode`,
    and where no item has text."""
    texts = documents(dataset)
    encoded = encode(texts.tolist(), model)
    encoded[(texts == "").to_numpy()] = 0
    return np.concatenate([np.zeros((1, encoded.shape[1]), np.float32), encoded])
