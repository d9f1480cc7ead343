"""What generative systems share: the recipe, the sizes allowed, and a causal decoder built as tiger is."""
from typing import Any

from workbench.errors import UserError
from workbench.nets.semantic_id_decoder import SemanticIdDecoder
from workbench.recommenders.generative import Generative
from workbench.tokens import ItemCodes
from workbench.train import Recipe

HEAD, ITEMS = 32, 20  # width of an attention head; number of most recent items read
CONTENT = 128  # columns of the vectors behind codes, as `bench.codes` takes them
SEMANTIC_ID_RECIPE = Recipe(  # of all of them, so that studies compare ideas and not budgets
    epochs=60, batch_size=128, lr=1e-3, schedule="linear", patience=6, valid_every=2, valid_cases=2000,
    sizes={
        "small": {"batch_size": 64, "lr": 2e-3, "schedule": "constant", "patience": 3},
        "paper": {"width": 256, "layers": 5},
    },
)


def check_sizes(system: str, width: int, layers: int, beam: int, dropout: float) -> None:
    """UserError for sizes of which no network can be built. width: a multiple of 32, the width of an attention head."""
    if min(width, layers, beam) < 1 or width % HEAD or not 0 <= dropout < 1:
        actual = f"width={width}, layers={layers}, beam={beam}, dropout={dropout}"
        raise UserError(f"{system}: width must be a multiple of {HEAD}, sizes positive, 0 <= dropout < 1, not {actual}")


def causal_decoder(
    bench: Any, codes: ItemCodes, *, width: int, layers: int, dropout: float, prefixes: bool,
    streams: tuple[int, ...] = (), drop_streams: float = 0.0, local: str = "",
) -> SemanticIdDecoder:  # fmt: skip
    """A network for the codes of a bench's items, its weights drawn from the bench's seed. prefixes: whether code
    prefixes have embeddings of their own. streams, drop_streams, local: see `SemanticIdDecoder`."""
    with bench.init():
        return SemanticIdDecoder(
            codes.sizes, width=width, layers=layers, heads=width // HEAD, max_length=ITEMS, dropout=dropout,
            prefixes=codes.prefix_counts if prefixes else (), streams=streams, drop_streams=drop_streams, local=local,
        )  # fmt: skip


def plain_recommender(
    bench: Any, codes: str, *, vectors: str, width: int, layers: int, dropout: float, beam: int
) -> Generative:
    """TIGER with codes of a kind, as the system `tiger` builds it with its own defaults: what is left of a system whose
    idea is switched off."""
    item_codes = bench.codes(codes, vectors=vectors)
    module = causal_decoder(bench, item_codes, width=width, layers=layers, dropout=dropout, prefixes=True)
    return Generative(module, item_codes, beam=beam, max_length=ITEMS, all_positions=True)
