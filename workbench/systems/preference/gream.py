"""GREAM: beams are rewarded by the prefix that they share with the target, and more so where a hit is rare.

Paper     Generative Reasoning Recommendation via LLMs, arXiv:2510.20815.
Idea      A whole semantic ID is seldom right, and a group without a hit teaches nothing. Half-right ones are rewarded
          by the codes they share from the start, and a hit has a bonus: the advantage it has where one of k counts.
Equation  r = 1 for the target, else 0, .5, .707, .866, .95 for 0, 1, 2, 3, 4 or more codes in common from the start
          A = (r - mean r) / (std r + 1e-4) + pass@k advantage of the hits (losses.group_policy.pass_at_k)
          L = -mean A exp(log p - sg[log p]) + .001 mean k3(p, p_tiger),  sg stop-gradient, k3 Schulman's estimate of
          the KL divergence, as in rere
Claim     More groups have an advantage than with the reward of the target alone (reward="exact"), and the metric rises
          above that of at most as many epochs of further cross-entropy (objective="ce") and of the same advantages
          dealt out anew within each group (the placebo).
Differs   The mode that answers directly, on a causal decoder of TIGER's size: reasoning as text, with what it is
          trained on, is not here; what it adds to an untrained local model is in reports/results/reasoning.json. The
          sum of both advantages, and k=4, are the release's. Rollouts are beams, all different, no samples: a group has
          at most one hit. A group without an advantage stays in its batch, where the release draws others, as DAPO. One
          update a group: the policy is still the one that made the beams, so that its ratio is 1 and no clip acts.
          Start, contexts, learning rate and the loss that is printed as in rere; so is the control, which has dropout,
          learns from all positions of all windows in an epoch and stops early by itself, not equal in time. The codes
          are tiger's, the last of them against collisions, which counts as a code in common.
Reported  Its figures on Beauty, Sports and Instruments were not seen.
"""
import torch
from torch import Tensor

from workbench.errors import UserError, unknown_name
from workbench.losses.group_policy import pass_at_k, standardised
from workbench.recommenders.preference.group_policy import OBJECTIVES, GroupPolicy
from workbench.recommenders.semantic_ids import SEMANTIC_ID_RECIPE, check_sizes, plain_recommender

PARENT = "tiger"
OFF = {"group": 0}
PLACEBO = {"shuffled": True}
RECIPE = SEMANTIC_ID_RECIPE
REWARDS = ("prefix", "exact")
BY_PREFIX = (0.0, 0.5, 0.707, 0.866, 0.95)  # of 0 .. 4 codes in common
KL = 0.001


def build(
    bench, *, group=16, k=4, reward="prefix", objective="policy", shuffled=False, vectors="text", width=64, layers=3,
    dropout=0.1, beam=20,
):  # fmt: skip
    """A trained TIGER that goes on to learn from the prefixes of its beams, for the bench's catalogue.

    group: the rollouts of a history; 0 gives tiger. k: of pass@k; 0 leaves the bonus out. reward: prefix, or exact, of
    the target alone. objective: "ce" goes on with the loss of tiger instead, the control. shuffled: the placebo. The
    others as in tiger. UserError on an unknown name or a setting out of range.
    """
    check_sizes("gream", width, layers, beam, dropout)
    for what, name, allowed in (("objective", objective, OBJECTIVES), ("reward", reward, REWARDS)):
        if name not in allowed:
            raise unknown_name(what, name, allowed)
    if group and not 0 <= k <= group:
        raise UserError(f"gream: k={k} are drawn from a group of {group} rollouts; give 0 to {group}")
    sizes = {"vectors": vectors, "width": width, "layers": layers, "dropout": dropout, "beam": beam}
    tiger = plain_recommender(bench, "rq-kmeans", **sizes)
    if not group:
        return tiger

    def signal(shared: Tensor, levels: int) -> tuple[Tensor, Tensor]:
        hits = shared == levels
        rewards = prefix_rewards(shared, levels) if reward == "prefix" else hits.float()
        return rewards, standardised(rewards) + pass_at_k(hits, k) if k else standardised(rewards)

    start = bench.teacher("tiger", **sizes).recommender().state()
    return GroupPolicy(tiger, start, signal, group=group, kl=KL, objective=objective, shuffled=shuffled)


def prefix_rewards(shared: Tensor, levels: int) -> Tensor:
    """(B, G) rewards of rollouts that have their first `shared` (B, G) codes of `levels` in common with the target.

    >>> prefix_rewards(torch.tensor([[0, 1, 2, 3]]), 3).tolist()
    [[0.0, 0.5, 0.7070000171661377, 1.0]]
    """
    table = torch.tensor(BY_PREFIX, device=shared.device)
    return table[shared.clamp_max(len(BY_PREFIX) - 1)].masked_fill(shared == levels, 1.0)
