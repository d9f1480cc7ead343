"""Semantic IDs of items: tokenizers, control codes, published codes, collision policies and the prefix trie.

Read codes (ItemCodes) and trie first, then by_kind and kinds/, one file a kind. Kinds are made of the tokenizers
rq_kmeans, balanced_kmeans, rq_vae, fsq and pq, which share residual_quantiser, autoencoder and code_usage, and of
published_codes, collisions and reassignment; alignment/ has what systems add to the loss of a tokenizer.
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
