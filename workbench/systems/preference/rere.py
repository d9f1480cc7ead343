"""ReRe: a trained generative recommender learns from its own beams: the target among them is rewarded, others by rank.

Paper     Reinforced Preference Optimization for Recommendation, arXiv:2510.12211; its successor is MiniOneRec.
Idea      A beam constrained to the trie is a group of rollouts that are all items and all different, and what it ranks
          above the target are the negatives that the model itself finds likeliest. They are penalised by their rank.
Equation  r_i = 1 if i is the target, else -(1 / log2(i + 2)) / sum_j 1 / log2(j + 2) if the target is in the group,
          i = 0 .. G-1 the place in the beam, and 0 if it is not;  A = (r - mean r) / (std r + 1e-4)
          L = -mean A exp(log p - sg[log p]) + kl mean k3(p, p_tiger),  sg stop-gradient, k3 Schulman's estimate of
          the KL divergence, exp(d) - d - 1 with d = log p_tiger - log p
Claim     After it the metric is higher than after at most as many epochs of further cross-entropy (objective="ce"), and
          than with the same rewards dealt out anew within each group (the placebo).
Differs   A causal decoder of TIGER's size in the place of a language model; the start is tiger, the training after it
          has a tenth of the learning rate, and one event of each train history an epoch. Dropout is off in it. The
          control has dropout, learns from all positions of all windows in an epoch and stops early by itself, so that
          it is not equal in time. std is over G, not G-1. The loss that is printed is -mean A (log p - log p_tiger) +
          kl k3, which has the same gradient. No rewards from SASRec or text; no DAPO (clips of two sizes, and groups
          without an advantage drawn again), no GSPO (one ratio of a whole sequence). Beams are the likeliest items and
          no sample, so that this is no policy gradient of the expected reward.
Reported  Of its successor, with a language model: NDCG@10 .1167 on Industrial and .1242 on Office (Amazon 2018, a
          window of time), beside .0908 and .1002 of TIGER; not the protocol here.
"""
import torch
from torch import Tensor

from workbench.errors import UserError, unknown_name
from workbench.losses.group_policy import standardised
from workbench.recommenders.preference.group_policy import OBJECTIVES, GroupPolicy
from workbench.recommenders.semantic_ids import SEMANTIC_ID_RECIPE, check_sizes, plain_recommender

PARENT = "tiger"
OFF = {"group": 0}
PLACEBO = {"shuffled": True}
RECIPE = SEMANTIC_ID_RECIPE


def build(
    bench, *, group=16, ranking=True, kl=0.001, objective="policy", shuffled=False, vectors="text", width=64, layers=3,
    dropout=0.1, beam=20,
):  # fmt: skip
    """A trained TIGER that goes on to learn from rewards of its beams, for the bench's catalogue.

    group: G, the rollouts of a history; 0 gives tiger. ranking: whether others than the target are penalised by their
    rank; without it the target alone has a reward. kl: weight of the penalty. objective: "ce" goes on with the loss of
    tiger instead, the control. shuffled: the placebo. The others as in tiger. UserError on an unknown name or a setting
    out of range.
    """
    check_sizes("rere", width, layers, beam, dropout)
    if objective not in OBJECTIVES:
        raise unknown_name("objective", objective, OBJECTIVES)
    if not kl >= 0:
        raise UserError(f"rere: kl={kl} weighs the penalty of leaving tiger; give 0 or more")
    sizes = {"vectors": vectors, "width": width, "layers": layers, "dropout": dropout, "beam": beam}
    tiger = plain_recommender(bench, "rq-kmeans", **sizes)
    if not group:
        return tiger

    def signal(shared: Tensor, levels: int) -> tuple[Tensor, Tensor]:
        rewards = rank_rewards(shared == levels, ranking=ranking)
        return rewards, standardised(rewards)

    start = bench.teacher("tiger", **sizes).recommender().state()
    return GroupPolicy(tiger, start, signal, group=group, kl=kl, objective=objective, shuffled=shuffled)


def rank_rewards(hits: Tensor, *, ranking: bool = True) -> Tensor:
    """(B, G) rewards of beams, best first. hits: (B, G) bool, which is the target. Those of a group that has it sum to
    the share of its place in all discounts, those of another group are 0.

    >>> rank_rewards(torch.tensor([[False, True]])).tolist()  # 1 / log2(2) and 1 / log2(3), of a sum of 1.63
    [[-0.6131471991539001, 1.0]]
    """
    rewards = hits.float()
    if not ranking:
        return rewards
    discounts = 1 / torch.arange(2, hits.shape[1] + 2, device=hits.device).log2()
    penalties = (discounts / discounts.sum()).expand(hits.shape).masked_fill(hits, 0)
    return rewards - penalties * hits.any(1, keepdim=True)
