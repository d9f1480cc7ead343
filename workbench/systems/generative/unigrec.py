"""UniGRec: items are read as soft codes, so the recommender's loss also moves the codebooks, with help of a teacher.

Paper     UniGRec, arXiv:2601.17438.
Idea      A tokenizer that is trained alone does not know what the recommender needs. Soft codes in the input let the
          gradient through, hard codes stay what is generated, and a collaborative teacher guides both.
Equation  p_l = softmax(-|r_l - E_l|^2 / tau),  input of an item: sum_l p_l W_l
          L = CE + alpha |x - x'|^2 + unity sum_l sum_k mean(p_lk) log mean(p_lk) + gamma CDT + delta CDR
          CDT  symmetric KL between the code distributions of A(h) and of B(teacher's vector of the target)
          CDR  symmetric InfoNCE between C(h) and the teacher's vector
Claim     Codebooks that learn are better than the same, read alike, that do not (rate=0, the placebo), and than tiger.
Differs   A causal decoder: the hard codes of an item are read where they are predicted, its soft ones with the last of
          them. Codebooks start from residual k-means of the text vectors, as the parent's; there is no encoder, and
          the reconstruction is of those vectors. tau is fixed, and rate is DIGER's 1 %, where the paper's is below
          .01 %; codes are renewed each epoch; no warm-up before distillation, no last phase with a fixed tokenizer.
          Distances enter the softmax with a minus sign, in CDT too.
Reported  Beauty, own preprocessing: Recall@5 .0548 beside .0513 of DiscRec.
"""
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.interfaces import item_embeddings
from workbench.losses.code_sequences import code_cross_entropy
from workbench.losses.contrast import info_nce, negative_entropy, symmetric_kl
from workbench.recommenders.codes.joint_training import distinct, joint_decoder, joint_recommender, learned_codebooks
from workbench.recommenders.semantic_ids import CONTENT, SEMANTIC_ID_RECIPE, check_sizes, plain_recommender

PARENT = "tiger"
OFF = {"joint": False}
PLACEBO = {"rate": 0.0}
RECIPE = SEMANTIC_ID_RECIPE
ALPHA, UNITY, GAMMA, DELTA, CONTRAST_TAU = 0.5, 1e-4, 0.01, 0.1, 0.07


def build(
    bench, *, vectors="text", joint=True, rate=0.01, tau=0.1, teacher="sasrec", width=64, layers=3, dropout=0.1,
    beam=20,
):  # fmt: skip
    """A causal decoder over codes that learn with it, for the bench's catalogue.

    joint: False gives tiger. rate: the learning rate of the codebooks as a share of the others'; 0 fixes them. tau:
    temperature of the soft codes, in units of a level's mean squared error. teacher: a system with item embeddings, or
    "" for none. The others as in tiger. UserError on an unknown name or a setting out of range.
    """
    if not joint:
        return plain_recommender(
            bench, "rq-kmeans", vectors=vectors, width=width, layers=layers, dropout=dropout, beam=beam
        )
    check_sizes("unigrec", width, layers, beam, dropout)
    if not tau > 0:
        raise UserError(f"unigrec: tau={tau} divides the distances to codewords; give a number above 0")
    tokenizer = learned_codebooks(bench, bench.vectors(vectors, dim=CONTENT), rate=rate)

    def soft(items: Tensor, training: bool):
        return tokenizer.assign(tokenizer.vectors[items], how="soft", tau=tau)

    module, codes = joint_decoder(bench, tokenizer, soft, width=width, layers=layers, dropout=dropout)
    distil = _distillation(bench, module, teacher, width, tau) if teacher else None

    def addition(states: Tensor, items: Tensor, step: int) -> Tensor:
        found, first = distinct(items)
        assigned = soft(found, True)
        error = (tokenizer.vectors[found] - assigned.quantised).square().sum(1).mean()
        loss = ALPHA * error + UNITY * negative_entropy(assigned.weights)
        return loss if distil is None else loss + distil(states[first, 0], found)

    return joint_recommender(module, codes, beam=beam, every=1, loss=code_cross_entropy, addition=addition)


def _distillation(bench, module, system: str, width: int, tau: float):
    """CDT and CDR of states (n, D) before the first code of distinct items (n,). Adapters become part of the module."""
    embeddings = item_embeddings(bench.teacher(system).recommender())
    if embeddings is None:
        raise UserError(f"unigrec: teacher={system} has no item embeddings to learn from; give one such as sasrec or "
                        "bpr_mf, or \"\" for none")  # fmt: skip
    target = embeddings.detach().cpu().clone()
    tokenizer = module.code.tokenizer
    with bench.init("adapters"):
        module.to_latent = nn.Linear(width, tokenizer.vectors.shape[1])  # A
        module.teacher_to_latent = nn.Linear(target.shape[1], tokenizer.vectors.shape[1])  # B
        module.to_teacher = nn.Linear(width, target.shape[1])  # C
    module.register_buffer("teacher", target)

    def loss(states: Tensor, items: Tensor) -> Tensor:
        taught = module.teacher[items]
        own, other = (tokenizer.assign(rows, how="soft", tau=tau).weights
                      for rows in (module.to_latent(states), module.teacher_to_latent(taught)))  # fmt: skip
        return GAMMA * symmetric_kl(own, other) + DELTA * info_nce(module.to_teacher(states), taught, CONTRAST_TAU)

    return loss
