"""LETTER: an RQ-VAE whose codes also follow who buys what, with codewords spread out, and a sharper loss.

Paper     Learnable Item Tokenization for Generative Recommendation, CIKM 2024, arXiv:2405.07314.
Idea      Codes from content alone ignore co-occurrence, and crowd into few codewords. Two terms of the tokenizer's loss
          mend that; a temperature below 1 weighs the codes that are hard to tell from the target.
Equation  L = L_RQ-VAE + alpha L_CF + beta L_Div;  L_CF = -log e^{<z_i, h_i>} / sum_j e^{<z_i, h_j>};
          L_rec = -sum_l log softmax(logits / tau)
Claim     Items that go together share longer prefixes, codes are used more evenly, and the metric rises.
Differs   Collaborative vectors h are a truncated SVD of train in place of SASRec's; the tokenizer trains for at most
          800 steps in place of 20,000 epochs; the recommender as tiger.
Reported  Beauty 5-core, leave-one-out, on TIGER: NDCG@10 .0364, Recall@10 .0672.
"""
from workbench.errors import UserError
from workbench.losses.code_sequences import tempered_cross_entropy
from workbench.recommenders.generative import Generative
from workbench.recommenders.semantic_ids import CONTENT, ITEMS, SEMANTIC_ID_RECIPE, causal_decoder, check_sizes
from workbench.stages import stage
from workbench.tokens.alignment.code_alignment import CodeAlignment
from workbench.tokens.by_kind import default_size, finished_codes
from workbench.tokens.codes import ItemCodes, raw_ids
from workbench.tokens.rq_vae import RQVAE

PARENT = "tiger_rqvae"
OFF = {"alpha": 0.0, "beta": 0.0, "tau": 1.0}
PLACEBO = {"shuffled": True}
RECIPE = SEMANTIC_ID_RECIPE
LATENT = 32  # width of the tokenizer's latent, and so of the collaborative vectors


def build(
    bench, *, vectors="text", alpha=0.02, beta=1e-4, tau=0.8, shuffled=False, prefixes=True, width=64, layers=3,
    dropout=0.1, beam=20,
):  # fmt: skip
    """TIGER on LETTER's codes for the bench's catalogue.

    alpha, beta: weights of collaborative alignment and of the spread of codewords; both 0 takes the codes of rq-vae.
    tau: temperature of the recommender's loss. shuffled: the placebo, every item is aligned to another one's vector.
    The others as in tiger. UserError on an unknown name or a setting out of range.
    """
    check_sizes("letter", width, layers, beam, dropout)
    if not tau > 0:
        raise UserError(f"letter: tau={tau} divides the logits; give a number above 0, below 1 to sharpen the loss")
    codes = aligned_codes(bench, vectors, alpha, beta, shuffled) if alpha or beta else bench.codes(
        "rq-vae", vectors=vectors
    )
    module = causal_decoder(bench, codes, width=width, layers=layers, dropout=dropout, prefixes=prefixes)
    loss = tempered_cross_entropy(tau)
    return Generative(module, codes, beam=beam, max_length=ITEMS, all_positions=True, loss=loss)


def aligned_codes(bench, vectors: str, alpha: float, beta: float, shuffled: bool) -> ItemCodes:
    """The codes of an RQ-VAE of the items' vectors with both terms in its loss."""
    content = bench.vectors(vectors, dim=CONTENT)[1:]
    together = bench.vectors("collaborative", dim=LATENT)[1:]
    if shuffled:
        together = together[bench.rng("shuffled alignment").permutation(len(together))]
    return _fitted(content, together, raw_ids(bench.dataset), alpha, beta, bench.seed)


@stage("codes")
def _fitted(content, together, ids, alpha: float, beta: float, seed: int) -> ItemCodes:
    size = default_size(len(content))
    terms = CodeAlignment(together, alignment=alpha, spread=beta, seed=seed)
    tokenizer = RQVAE(size=size, width=LATENT, seed=seed).fit(content, terms)
    about = {"kind": "letter", "seed": seed, "alpha": alpha, "beta": beta, "used": tokenizer.used,
             "perplexity": tokenizer.perplexity, "unexplained_variance": tokenizer.unexplained_variance}  # fmt: skip
    return finished_codes(tokenizer.encode(content), (size,) * tokenizer.levels, ids, "dedup", about)
