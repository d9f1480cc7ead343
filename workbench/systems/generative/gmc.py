"""GMC: one codebook and one decoder for several domains, told apart by a contrast of the tokenizer and by adapters.

Paper     GMC, arXiv:2507.12871.
Idea      A tokenizer and a decoder for each domain share nothing, and one for all blurs them. Share both, but let the
          tokenizer's loss draw items of a domain together, and adapt the decoder to each domain by few parameters.
Equation  L = L_RQ-VAE + lambda L_dom,  L_dom = -mean_i mean_{p of i's domain} log e^{s_ip} / sum_{j != i} e^{s_ij}
          s_ij = cos(z_i, z_j) / tau;  then W + B_d A_d of rank r for each domain d, all else frozen
Claim     On a catalogue of several domains (dataset merged) it beats the same shared codebook and decoder without
          contrast, adapters and decoding by domain (the parent), and a contrast and adapters that are blind to domains
          (the placebo).
Differs   After an abstract and notes on the paper. Domains are the column `domain` of the items; a catalogue without it
          is one domain: the contrast has nothing to tell apart, and the placebo is another draw of the same. A causal
          decoder as tiger's. Adapters are trained in the last quarter of the epochs, which are the parent's. tau is .2.
          The placebo permutes domains among items for the contrast, and has one adapter of as many parameters as all
          have together, trained on all.
Reported  Amazon Scientific, Pantry, Instruments, Arts and Office, leave-one-out: NDCG@10 .0850, a mean weighted by
          users, beside .0782 of TIGER.
"""

from workbench.errors import UserError
from workbench.nets.low_rank import add_low_rank
from workbench.recommenders.domains.by_domain import ByDomain
from workbench.recommenders.domains.item_domains import item_domains
from workbench.recommenders.generative import Generative
from workbench.recommenders.semantic_ids import CONTENT, ITEMS, SEMANTIC_ID_RECIPE, causal_decoder, check_sizes
from workbench.stages import stage
from workbench.tokens.alignment.domain_contrast import DomainContrast, domain_purity
from workbench.tokens.by_kind import default_size, finished_codes
from workbench.tokens.codes import ItemCodes, raw_ids
from workbench.tokens.rq_vae import RQVAE

PARENT = "tiger_rqvae"
OFF = {"contrast": 0.0, "rank": 0, "within": False}
PLACEBO = {"blind": True}
RECIPE = SEMANTIC_ID_RECIPE


def build(
    bench, *, vectors="text", contrast=0.1, rank=4, within=True, blind=False, prefixes=True, width=64, layers=3,
    dropout=0.1, beam=20,
):  # fmt: skip
    """TIGER on one RQ-VAE's codes for all domains of the bench's catalogue, with an adapter for each.

    contrast: weight of the contrast of domains; 0 takes the codes of rq-vae. rank: of the adapters, 0 for none. within:
    whether a history is decoded among the items of its domain only. blind: the placebo, which sees no domains but in
    decoding. The others as in tiger. UserError on an unknown name or a setting out of range, or items without a domain.
    """
    check_sizes("gmc", width, layers, beam, dropout)
    if not contrast >= 0 or not 0 <= rank <= width:
        raise UserError(f"gmc: {contrast=} weighs a loss, 0 or more; {rank=} of the adapters is 0 to {width=}")
    domains, names = item_domains(bench.dataset)
    if contrast and len(names) > 1:
        labels = bench.rng("blind contrast").permutation(domains[1:]) if blind else domains[1:]
        content = bench.vectors(vectors, dim=CONTENT)[1:]
        codes = _contrasted(content, labels, raw_ids(bench.dataset), contrast, bench.seed)
    else:
        codes = bench.codes("rq-vae", vectors=vectors)
    module = causal_decoder(bench, codes, width=width, layers=layers, dropout=dropout, prefixes=prefixes)
    model = Generative(module, codes, beam=beam, max_length=ITEMS, all_positions=True)
    if rank:
        with bench.init("adapters"):
            n, own = (1, rank * len(names)) if blind else (len(names), rank)
            add_low_rank(module.blocks, n, own)
    if not rank and not within:
        return model
    adapters = "" if not rank else "shared" if blind else "own"
    return ByDomain(model, domains, names, within=within, adapters=adapters)


@stage("codes")
def _contrasted(content, domains, ids, weight: float, seed: int) -> ItemCodes:
    size = default_size(len(content))
    tokenizer = RQVAE(size=size, seed=seed).fit(content, DomainContrast(domains, weight=weight))
    codes = tokenizer.encode(content)
    about = {"kind": "gmc", "seed": seed, "contrast": weight, "used": tokenizer.used,
             "perplexity": tokenizer.perplexity, "unexplained_variance": tokenizer.unexplained_variance,
             "domain_purity": domain_purity(codes[:, 0], domains)}  # fmt: skip
    return finished_codes(codes, (size,) * tokenizer.levels, ids, "dedup", about)
