"""TIGER: items become semantic IDs, and a transformer spells the next one code by code.

Paper     Recommender Systems with Generative Retrieval, NeurIPS 2023, arXiv:2305.05065.
Idea      Retrieval as spelling: codes that similar items share, written by beam search from the history's codes.
Differs   A causal decoder over the flattened code stream with a loss at every item (architecture="encoder-decoder" is
          the paper's shape, one target a row); RQ-KMeans on TF-IDF-SVD vectors instead of an RQ-VAE on sentence
          embeddings; no user token; the beam cannot leave the trie; learned positions, pre-norm, GELU.
Reported  Beauty 5-core, leave-one-out, unmasked: NDCG@10 .0384, Recall@10 .0648; public reimplementations reach
          .0319 to .0378.
"""
import torch

from workbench.errors import UserError, unknown
from workbench.nets.encoder_decoder import EncoderDecoder
from workbench.nets.speller import CausalSpeller
from workbench.recommenders.generative import Generative
from workbench.train import Recipe, derive

PARENT = OFF = None
PLACEBO = {"permuted": True}
RECIPE = Recipe(
    epochs=60, batch_size=128, lr=1e-3, patience=6, valid_every=2, valid_cases=2000,
    sizes={"small": {"batch_size": 64, "lr": 2e-3}, "paper": {"width": 256, "layers": 5, "heads": 4}},
)
ARCHITECTURES = {"decoder": CausalSpeller, "encoder-decoder": EncoderDecoder}


def build(
    bench, *, codes="rq-kmeans", vectors="text", permuted=False, width=64, layers=3, heads=2, max_length=20,
    dropout=0.1, beam=20, architecture="decoder",
):  # fmt: skip
    """A TIGER for the bench's catalogue.

    codes: a kind in tokens.KINDS, or a folder of saved ItemCodes; vectors: the item vectors behind rq-kmeans. permuted:
    the placebo, each code given to another item. max_length: items read. beam: prefixes kept at each level.
    UserError on an unknown name or a setting out of range.
    """
    if architecture not in ARCHITECTURES:
        raise unknown("architecture", architecture, ARCHITECTURES)
    if min(width, layers, heads, max_length, beam) < 1 or width % heads or not 0 <= dropout < 1:
        raise UserError(f"tiger: width {width} must be a multiple of heads {heads}, sizes positive, 0 <= dropout < 1")
    names = bench.codes(codes, vectors=vectors, permuted=permuted)
    with torch.random.fork_rng():
        torch.manual_seed(derive(bench.seed, "init"))
        module = ARCHITECTURES[architecture](
            names.sizes, width=width, layers=layers, heads=heads, max_length=max_length, dropout=dropout
        )
    return Generative(module, names, beam=beam, max_length=max_length, all_positions=architecture == "decoder")
