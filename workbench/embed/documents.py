"""The text of items, one document each."""
import html

import pandas as pd

from workbench.data.schema import Dataset
from workbench.embed.by_kind import KINDS, REGISTRY
from workbench.errors import UserError

FIELDS = ("title", "text", "category", "brand")


def documents(dataset: Dataset) -> pd.Series:
    """(I,) one text per item, in order of item ids: title, text, category and brand, as far as they exist.

    UserError where no item has text.
    """
    fields = [dataset.items[name].astype("string").fillna("") for name in FIELDS if name in dataset.items]
    joined = pd.Series("", index=dataset.items.index, dtype="string")
    for field in fields:
        joined = (joined + " " + field).str.strip()
    if not (joined != "").any():
        others = [kind for kind in KINDS if REGISTRY.literal(kind, "READS") != "text"]
        raise UserError(f"{dataset.name} has no item text ({', '.join(FIELDS)}); kinds of item vectors without text: "
                        f"{', '.join(others)}", code=3)  # fmt: skip
    return joined.map(html.unescape)


def default_kind(dataset: Dataset) -> str:
    """The default kind of item vectors: text where items have text, else collaborative."""
    fields = [dataset.items[name].astype("string") for name in FIELDS if name in dataset.items]
    has_text = any(field.str.contains(r"\w\w", na=False).any() for field in fields)
    return "text" if has_text else "collaborative"
