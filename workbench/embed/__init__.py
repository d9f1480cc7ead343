"""Item vectors, (I+1, D) float32 with a zero row 0: from text, features, train co-occurrence, or as controls.

Read by_kind first, then kinds/, one file a kind; documents, text, features and svd hold what they share.
"""
from workbench.embed.by_kind import KINDS, REGISTRY, item_vectors, model_used
from workbench.embed.documents import default_kind

__all__ = ["KINDS", "REGISTRY", "default_kind", "item_vectors", "model_used"]
