"""TIGER with RQ-VAE codes: the tokenizer of the paper, residual quantisation of an autoencoder's latent.

Paper     Recommender Systems with Generative Retrieval, NeurIPS 2023, arXiv:2305.05065.
Idea      A learned latent is easier to quantise than the vectors themselves.
Equation  z = E(x), r_1 = z, c_l = argmin_k ||r_l - e_lk||^2, r_{l+1} = r_l - e_{l,c_l}, x' = D(sum_l e_{l,c_l})
Claim     RQ-VAE codes are better to generate than those of residual k-means on the same vectors, with the same decoder.
Differs   As tiger beside the codes. At most 800 steps of AdamW in place of 20,000 epochs of Adagrad; dead
          codes restart at random residuals; collisions get a further code.
Reported  Beauty 5-core, leave-one-out, unmasked: NDCG@10 .0384, Recall@10 .0648 (tiger's).
"""
from workbench.recommenders.generative import Generative
from workbench.recommenders.semantic_ids import ITEMS, SEMANTIC_ID_RECIPE, causal_decoder, check_sizes

PARENT = "tiger"
OFF = {"codes": "rq-kmeans"}
PLACEBO = {"permuted": True}
RECIPE = SEMANTIC_ID_RECIPE


def build(
    bench, *, codes="rq-vae", vectors="text", policy="dedup", permuted=False, prefixes=True, width=64, layers=3,
    dropout=0.1, beam=20,
):  # fmt: skip
    """TIGER for the bench's catalogue; keywords as in tiger. UserError on an unknown name or a setting out of range."""
    check_sizes("tiger_rqvae", width, layers, beam, dropout)
    item_codes = bench.codes(codes, vectors=vectors, policy=policy, permuted=permuted)
    module = causal_decoder(bench, item_codes, width=width, layers=layers, dropout=dropout, prefixes=prefixes)
    return Generative(module, item_codes, beam=beam, max_length=ITEMS, all_positions=True)
