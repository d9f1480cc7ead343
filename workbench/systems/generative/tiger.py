"""TIGER: items become semantic IDs, and a transformer spells the next one code by code.

Paper     Recommender Systems with Generative Retrieval, NeurIPS 2023, arXiv:2305.05065.
Idea      Retrieval as spelling: codes that similar items share, written by beam search from the history's codes.
Differs   A causal decoder over the flattened code stream with a loss at every item (architecture="encoder-decoder" is
          the paper's shape, one target a row); a code is read together with the codes before it, by an embedding of
          the prefix (prefixes=False reads it alone, as the paper does); RQ-KMeans on TF-IDF-SVD vectors instead of an
          RQ-VAE on sentence embeddings; no user token; the beam cannot leave the trie; learned positions, pre-norm.
Reported  Beauty 5-core, leave-one-out, unmasked: NDCG@10 .0384, Recall@10 .0648; public reimplementations reach
          .0319 to .0378.
"""
import torch

from workbench.errors import UserError, unknown
from workbench.nets.encoder_decoder import EncoderDecoder
from workbench.nets.semantic_id_decoder import CausalSpeller
from workbench.recommenders.generative import Generative
from workbench.train import Recipe, derive

PARENT = None
OFF = {"prefixes": False}
PLACEBO = {"permuted": True}
RECIPE = Recipe(
    epochs=60, batch_size=128, lr=1e-3, schedule="linear", patience=6, valid_every=2, valid_cases=2000,
    sizes={"small": {"batch_size": 64, "lr": 2e-3, "epochs": 20}, "paper": {"width": 256, "layers": 5}},
)
HEAD, ITEMS = 32, 20  # the width of a head; how many of the last items are read
ARCHITECTURES = {"decoder": CausalSpeller, "encoder-decoder": EncoderDecoder}


def build(
    bench, *, codes="rq-kmeans", vectors="text", policy="dedup", permuted=False, prefixes=True, width=64, layers=3,
    dropout=0.1, beam=20, architecture="decoder",
):  # fmt: skip
    """A TIGER for the bench's catalogue.

    codes: a kind in tokens.KINDS, or a folder of saved ItemCodes; vectors: the item vectors behind rq-kmeans; policy:
    what is done about collisions (none, dedup, nearest). permuted: the placebo, each code given to another item.
    prefixes: whether a prefix has an embedding of its own; memory for what a small network cannot compute.
    width: a multiple of 32, the width of a head. beam: prefixes kept at each level.
    UserError on an unknown name or a setting out of range.
    """
    if architecture not in ARCHITECTURES:
        raise unknown("architecture", architecture, ARCHITECTURES)
    if min(width, layers, beam) < 1 or width % HEAD or not 0 <= dropout < 1:
        given = f"width={width}, layers={layers}, beam={beam}, dropout={dropout}"
        raise UserError(f"tiger: width must be a multiple of {HEAD}, sizes positive, 0 <= dropout < 1, not {given}")
    names = bench.codes(codes, vectors=vectors, policy=policy, permuted=permuted)
    with torch.random.fork_rng():
        torch.manual_seed(derive(bench.seed, "init"))
        module = ARCHITECTURES[architecture](
            names.sizes, width=width, layers=layers, heads=width // HEAD, max_length=ITEMS, dropout=dropout,
            prefixes=names.prefixes if prefixes else (),
        )
    return Generative(module, names, beam=beam, max_length=ITEMS, all_positions=architecture == "decoder")
