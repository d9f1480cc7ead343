"""DynamicPO: preference optimisation against the negatives at the boundary alone, each pair with a weight of its own.

Paper     DynamicPO, arXiv:2605.00327.
Idea      With more negatives, preference optimisation gets worse: the many easy ones drown the few that the model still
          confuses with the chosen item. Learn against those alone, each pair with a weight of its own.
Equation  B = {j : log p_j >= log p+}; if it is empty, the highest of three clusters of the log p_j (k-means)
          d1 = log p+ - log p_b,  d2 = log p_b - mean of log p over the negatives outside of B
          beta_b = beta (1 + tanh((d1 - d2 - 2) / (|d1| + |d2|)) / 2)
          L = -log sigmoid(mean over b in B of beta_b (D+ - D_b)),  D = log p - log p_sasrec
Claim     It ranks above DMPO (boundary="all" dynamic=False) and SASRec, and more negatives, 5 to 50, lower the hit rate
          at 1 of DMPO and not its own; as many negatives drawn at random (the placebo) do less.
Differs   SASRec in the place of a language model with prompts of 20 candidates: the policy is a softmax over the
          catalogue, whose normaliser cancels in all equations. Clusters are the best there are, not those of a random
          start. The margin is 2; a version of the release has 6. If all are in B, d2 is to their own mean, as in the
          release; if d1 = d2 = 0, beta_b is half of beta, its limit. A negative weighs the less the nearer it is to the
          chosen item, but above that a little more again: so the equation has it. loss="s_dpo" puts selection and
          weights before S-DPO. A tenth of SASRec's learning rate, without dropout. loss="ce" is the control: at most as
          many epochs of further cross-entropy over all items, at the same positions but with dropout; it stops early by
          itself, so that it is not equal in time.
Reported  Up to 8 % of the hit rate over its base losses on LastFM, Goodreads and Steam, 20 candidates; the table was
          not seen.
"""
import torch
from torch import Tensor

from workbench.errors import UserError, unknown_name
from workbench.losses.preference import dmpo, s_dpo, top_cluster
from workbench.recommenders.preference.after_training import AfterTraining, Log
from workbench.recommenders.preference.preferences import at_positions, preferences
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import LastState, sequential
from workbench.recommenders.vector import VectorRecommender

PARENT = "sasrec"
OFF = {"negatives": 0}
PLACEBO = {"boundary": "random"}
RECIPE = SASREC_RECIPE
LOSSES = {"dmpo": dmpo, "s_dpo": s_dpo, "ce": None}
BOUNDARIES = ("policy", "all", "random")
MARGIN, SWING = 2.0, 0.5


def build(
    bench, *, negatives=15, beta=1.0, boundary="policy", dynamic=True, loss="dmpo", width=64, layers=2, max_length=50,
    dropout=0.3,
):  # fmt: skip
    """A trained SASRec that goes on to prefer next items to others, for the bench's catalogue.

    negatives: K of a pair's chosen item, 0 gives sasrec. beta: how fast a preference is satisfied. boundary: which
    negatives take part: those that the policy confuses, all, or, the placebo, as many at random. dynamic: whether each
    pair has its own beta. loss: dmpo, s_dpo, or ce, the control. The others as in sasrec. UserError on an unknown name
    or a setting out of range.
    """
    check_sizes("dynamic_po", width, layers, max_length, dropout)
    for what, name, allowed in (("loss", loss, LOSSES), ("boundary", boundary, BOUNDARIES)):
        if name not in allowed:
            raise unknown_name(what, name, allowed)
    if negatives < 0 or not beta > 0:
        raise UserError(f"dynamic_po: {negatives=} must be 0 or more, and {beta=} above 0")
    sizes = {"width": width, "layers": layers, "max_length": max_length, "dropout": dropout}
    encoder = sasrec_encoder(bench, **sizes)
    own = sequential(encoder, loss=cross_entropy, max_length=max_length)
    if not negatives:
        return own
    log = Log("preference")

    def over_candidates(policy: Tensor, reference: Tensor, generator: torch.Generator) -> Tensor:
        """Of scores (N, 1 + K), the chosen item first; what normalises them cancels in gaps, boundary and weights."""
        now, gains = policy.detach(), policy - reference
        kept = boundary_negatives(now, boundary, generator)
        weights = pair_weights(now, kept) if dynamic else torch.ones_like(now[:, 1:])
        log.add(boundary=kept.float().mean(), beta=beta * weights[kept].mean(),
                hit=(now[:, :1] > now[:, 1:]).all(1).float().mean())  # fmt: skip
        return LOSSES[loss](beta * weights * (gains[:, :1] - gains[:, 1:]), kept)

    if loss != "ce":
        objective = preferences(over_candidates, negatives=negatives, candidates=at_positions(max_length))
        own = VectorRecommender(encoder, LastState(max_length), objective, likelihood=False)
    start = bench.teacher("sasrec", **sizes).recommender().state()
    return AfterTraining(own, start, name=loss, log=log)


def boundary_negatives(scores: Tensor, boundary: str, generator: torch.Generator) -> Tensor:
    """(N, K) bool, at least one a row: the negatives that take part. scores (N, 1 + K), the chosen item first.

    >>> boundary_negatives(torch.tensor([[1.0, 2.0, 0.0, 1.0], [5.0, 3.0, 0.0, 0.5]]), "policy", None).tolist()
    [[True, False, True], [True, False, False]]
    """
    own, others = scores[:, :1], scores[:, 1:]
    if boundary == "all":
        return torch.ones_like(others, dtype=torch.bool)
    kept = others >= own
    none = ~kept.any(1)
    kept[none] = top_cluster(others[none])
    if boundary == "random":
        order = torch.rand(kept.shape, generator=generator).argsort(1).to(kept.device)
        return order < kept.sum(1, keepdim=True)
    return kept


def pair_weights(scores: Tensor, kept: Tensor) -> Tensor:
    """(N, K) beta_j / beta, between 1/2 and 3/2, of each negative as if it were in B. scores (N, 1 + K), the chosen
    first. kept: (N, K) bool, B.

    >>> kept = torch.tensor([[True, False]])  # d1 = 4, d2 = 1: 1 + tanh(1 / 5) / 2
    >>> round(pair_weights(torch.tensor([[5.0, 1.0, 0.0]]), kept)[0, 0].item(), 4)
    1.0987
    """
    own, others = scores[:, :1], scores[:, 1:]
    easy = torch.where(kept.all(1, keepdim=True), kept, ~kept)
    d1, d2 = own - others, others - (others * easy).sum(1, keepdim=True) / easy.sum(1, keepdim=True)
    return 1 + SWING * torch.tanh((d1 - d2 - MARGIN) / (d1.abs() + d2.abs()))  # of -2 / 0 it is -1
