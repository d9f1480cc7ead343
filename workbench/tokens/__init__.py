"""Semantic IDs of items: tokenizers, control codes, published codes, collision policies and the prefix trie.

Read codes (ItemCodes) and trie first, then by_kind and kinds/, one file a kind; rq_kmeans, published_codes and
collisions are what kinds are made of.
"""
from workbench.tokens.by_kind import (
    CONTENT_KINDS,
    KINDS,
    REGISTRY,
    check_settings,
    default_size,
    is_codes_folder,
    make_codes,
)  # fmt: skip
from workbench.tokens.codes import ItemCodes, item_codes
from workbench.tokens.rq_kmeans import RQKMeans

__all__ = [
    "CONTENT_KINDS", "KINDS", "REGISTRY", "ItemCodes", "RQKMeans", "check_settings", "default_size", "is_codes_folder",
    "item_codes", "make_codes",
]  # fmt: skip
