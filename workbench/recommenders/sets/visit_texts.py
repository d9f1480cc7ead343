"""The words of visits, and vectors of them by a kind of item vectors, as if a visit were an item."""
from typing import Any

import numpy as np
import pandas as pd

from workbench.artifacts import digest
from workbench.data.schema import Dataset
from workbench.data.visits.records import Visits
from workbench.embed import by_kind
from workbench.errors import UserError
from workbench.llm.models import model_key
from workbench.stages import draw

PAST = 3  # earlier visits in the text, as in the paper's prompt


def documents(visits: Visits, rows: np.ndarray, past: int = PAST) -> list[str]:
    """The words of visits (n,): profile and codes of the visit, then sets and codes of the user's last visits before.
    What is chosen at the visit itself is not among them."""
    now = [names_at(visits.codes[kind], visits.code_names[kind], np.arange(len(visits))) for kind in visits.codes]
    own = [" ".join([visits.texts[row], *(each[row] for each in now)]) for row in rows]
    before = visits.before(rows, past)
    taken = names_at(visits.sets, visits.item_names, np.arange(len(visits)))
    whole = [" ".join([taken[row], *(each[row] for each in now)]) for row in range(len(visits))]
    return [" ".join([text, *(whole[row] for row in earlier if row >= 0)])
            for text, earlier in zip(own, before, strict=True)]  # fmt: skip


def names_at(matrix: Any, names: np.ndarray, rows: np.ndarray) -> list[str]:
    """The names of what each of rows of a CSR matrix holds, one text a row."""
    part = matrix[rows]
    found = names[part.indices]
    return [" ".join(found[start:end]) for start, end in zip(part.indptr[:-1], part.indptr[1:], strict=True)]


def text_vectors(texts: list[str], kind: str, *, dim: int, seed: int, model: str = "") -> np.ndarray:
    """(n, dim) float32 vectors of texts, fitted on these alone: centred, of a mean square of 1 over all numbers, wider
    ones cut to their first principal directions. UserError as `embed.item_vectors`, and for texts without words."""
    index = pd.RangeIndex(1, len(texts) + 1, name="item")
    items = pd.DataFrame({"raw_id": index.astype(str), "text": texts}, index=index)
    source = Dataset("visits", pd.DataFrame(), items, pd.DataFrame(), order="none")
    found = by_kind.item_vectors(kind, source, None, dim=dim, seed=seed, model=model)[1:]
    found = found - found.mean(axis=0)
    if found.shape[1] > dim:
        _, _, directions = np.linalg.svd(found, full_matrices=False)
        found = found @ directions[:dim].T
    wide = np.zeros((len(found), dim), np.float32)
    wide[:, : found.shape[1]] = found
    size = float(np.sqrt((wide**2).mean()))
    if not size:
        raise UserError("all visits have the same words, so there is nothing that a teacher of words could say", code=3)
    return (wide / size).astype(np.float32)


def draw_on(kind: str, model: str) -> None:
    """Make the code of a kind of vectors, and the files of its encoder, part of the key of a run. UserError for a kind
    that reads no text."""
    if by_kind.REGISTRY.literal(kind, "READS") != "text" or kind.startswith("permuted"):
        kinds = [name for name in by_kind.KINDS if by_kind.REGISTRY.literal(name, "READS") == "text"]
        raise UserError(f"vectors={kind!r} read no text; kinds that do: {', '.join(kinds)}")
    used = by_kind.model_used(kind, model)
    draw("text", digest({"code": by_kind.REGISTRY.code(kind)} | ({"encoder": model_key(used)} if used else {})))
