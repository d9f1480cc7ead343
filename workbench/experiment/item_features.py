"""Item vectors and semantic IDs of a bench, as stored stages: keyed by the code of their kind, not of other kinds."""
import logging
from typing import Any

import numpy as np

from workbench.embed import by_kind as embed
from workbench.embed import default_kind
from workbench.errors import UserError
from workbench.llm.models import model_key
from workbench.stages import stage
from workbench.tokens import by_kind as tokens
from workbench.tokens.code_usage import warn_of_unused_codes
from workbench.tokens.codes import ItemCodes
from workbench.tokens.collisions import warn_of_collapse

log = logging.getLogger("workbench")
WITH_TEXT = "datasets with text are office, beauty, movielens-small and synthetic"


def item_vectors(bench: Any, kind: str = "", *, dim: int = 64, model: str = "") -> np.ndarray:
    """(I+1, D) float32 item vectors of a kind in `embed.KINDS`; row 0 is zeros. Without a kind the default one for the
    dataset: text where items have words, else collaborative. UserError as `embed.item_vectors`."""
    kind = kind or bench.default_vectors
    model = embed.model_used(kind, model)
    if embed.REGISTRY.literal(kind, "READS") == "text" and default_kind(bench.dataset) != "text":
        raise UserError(f"{bench.dataset.name} has no item text (title, text, category, brand), of which vectors of "
                        f"kind {kind!r} are made; {WITH_TEXT}", code=3)  # fmt: skip
    dim = 1 if model else dim  # an encoder has a width of its own
    vectors = _vectors(bench, kind, dim, model, _made_by(kind, model))
    if without := int((~vectors[1:].any(axis=1)).sum()):  # said also where they were made long ago
        log.info("%s: %s of %s items have no vector of kind %s, zeros stand for it and they are near no item",
                 bench.dataset.name, f"{without:,}", f"{bench.dataset.n_items:,}", kind)  # fmt: skip
    return vectors


@stage("vectors")
def _vectors(bench: Any, kind: str, dim: int, model: str, made_by: dict) -> np.ndarray:  # made_by: for the key alone
    return embed.item_vectors(kind, bench.dataset, bench.split, dim=dim, seed=bench.seed, model=model)


def _made_by(kind: str, model: str) -> dict:
    """What stands for the making of item vectors in a key: the code of their kind, and the encoder's files."""
    return {"code": embed.REGISTRY.code(kind)} | ({"encoder": model_key(model)} if model else {})


def item_codes(
    bench: Any, kind: str = "rq-kmeans", *, vectors: str = "text", levels: int = 3, size: int = 0,
    policy: str = "dedup", normalize: bool = False, dim: int = 128, model: str = "",
) -> ItemCodes:  # fmt: skip
    """Semantic IDs of a kind in `tokens.KINDS`, or those that `ItemCodes.save` wrote to a folder; see `Bench.codes`."""
    settings = {"levels": levels, "size": size, "policy": policy, "normalize": normalize}
    if tokens.is_codes_folder(kind):
        if settings != {"levels": 3, "size": 0, "policy": "dedup", "normalize": False}:
            raise UserError(f"{kind} holds finished codes: leave levels, size, policy and normalize out")
        codes = ItemCodes.load(kind).for_catalogue(bench.dataset.items["raw_id"].to_numpy(object))
        return _said_if_poor(kind, codes)
    settings |= {"seed": bench.seed}
    tokens.check_settings(kind, n_items=bench.dataset.n_items, **settings)
    content, made_by = None, {"codes": tokens.REGISTRY.code(kind)}
    if kind in tokens.CONTENT_KINDS:
        model = embed.model_used(vectors, model)
        content, made_by["vectors"] = {"kind": vectors, "dim": dim, "model": model}, _made_by(vectors, model)
    return _said_if_poor(kind, _codes(bench, kind, content, settings, made_by))


def _said_if_poor(kind: str, codes: ItemCodes) -> ItemCodes:
    """The codes, after a warning if many items share one, or a codebook is hardly used: also where they were made long
    ago."""
    appended = codes.policy == "dedup" and codes.about.get("collided", 0) > 0
    own = codes.codes[1:, : codes.levels - appended]
    warn_of_collapse(own)
    warn_of_unused_codes(kind, [len(np.unique(column)) for column in own.T], codes.sizes)
    return codes


@stage("codes")
def _codes(bench: Any, kind: str, content: dict | None, settings: dict, made_by: dict) -> ItemCodes:
    return tokens.make_codes(kind, bench.dataset, item_vectors(bench, **content) if content else None, **settings)
