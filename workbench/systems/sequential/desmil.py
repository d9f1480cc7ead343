"""DESMIL: several interests of a history, and training samples weighted so that the interests are independent.

Paper     Deep Stable Multi-Interest Learning for Out-of-distribution Sequential Recommendation, arXiv:2304.05615.
Idea      Interests that occur together in train are correlated, and a model learns from the correlation what does not
          hold elsewhere. Weigh the samples so that interests are independent, then learn from the weighted samples.
Equation  V = softmax(W_2 tanh(W_1 H^T)) H, K interests;  s(i) = max_k v_k . e_i
          w = argmin sum_{a < b} ||C_ab(w)||_F^2 (weighted HSIC of v_a and v_b),  w > 0,  sum_n w_n = N
          L = sum_n w_n (-log softmax s_n(target)) / N
Claim     Weighted samples rank better than the same interests with weights 1 (steps=0), most of all where test differs
          from train; weights of other samples (the placebo) do not. The parent has one state in place of interests.
Differs   No code was found: after the abstract and the parts it stands on (ComiRec-SA, StableNet). H are the states of
          a SASRec, and interests are pooled after every event, each of which is a sample. Cross-entropy over the whole
          catalogue, of the scores that rank: ComiRec's takes those of the target's nearest interest, which leaves
          interests incomparable and ranked hardly better than popularity here. Weights are sought anew in each batch,
          by normalised gradient steps on a softmax that begin at 1 and stay near, with new random features; no memory
          of earlier batches. After one event all interests are the same.
Reported  Up to 36.8 % over the best baseline on shifted test data and 21.7 % on a random split, by its abstract.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError
from workbench.losses.independence import cosine_features, independence_weights
from workbench.nets.sequences.multi_interest import MultiInterestEncoder, MultiInterestPooling
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import sequential
from workbench.train import derive_seed

PARENT = "sasrec"
OFF = {"interests": 0}
PLACEBO = {"permuted": True}
RECIPE = SASREC_RECIPE


def build(
    bench, *, interests=4, steps=10, features=5, permuted=False, width=64, layers=2, max_length=50, dropout=0.3
):
    """Several interests with samples weighted for their independence, for the bench's catalogue.

    interests: K; 0 is sasrec, whose state is not pooled. steps: of the search for weights in each batch; 0 leaves all
    weights 1. features: random features Q of each interest. permuted: the placebo, the weights of a batch are those of
    other samples. The others as in sasrec. UserError for a setting out of range.
    """
    check_sizes("desmil", width, layers, max_length, dropout)
    if min(interests, steps) < 0 or features < 1 or (interests == 1 and steps):
        raise UserError(f"desmil: {interests=} are 2 or more (0 for sasrec, 1 with steps=0), {steps=} 0 or more, "
                        f"{features=} 1 or more")  # fmt: skip
    seed = bench.seed
    encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if not interests:
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    with bench.init("interests"):
        module = MultiInterestEncoder(encoder, MultiInterestPooling(width, interests, 4 * width))

    def random(name: str, step: int) -> torch.Generator:
        return torch.Generator().manual_seed(derive_seed(seed, name, step))

    def sample_weights(h: Tensor, step: int) -> Tensor | None:
        """(N,) of interests (N, K, D), or None where all are 1."""
        if not steps or len(h) < 2:
            return None
        found = independence_weights(cosine_features(h, features, random("frequencies", step)), steps=steps)
        return found[torch.randperm(len(h), generator=random("permuted weights", step))] if permuted else found

    def loss(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        """h (N, K, D) interests, weight (I+1, D) item embeddings, targets (N,)."""
        with torch.no_grad():
            weights = sample_weights(h, step)
        return weighted_softmax(h, weight, targets, weights)

    return sequential(module, loss=loss, max_length=max_length)


def weighted_softmax(h: Tensor, weight: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """The mean over samples of w_n (None: 1) times the cross-entropy of max_k h_nk . e_i, h (N, K, D), over all items:
    a target teaches the interest that is nearest to it, and each other item the one nearest to that."""
    scores = (h.flatten(0, 1) @ weight[1:].T).unflatten(0, h.shape[:2]).amax(1)
    losses = F.cross_entropy(scores, targets - 1, reduction="none")
    return (losses if weights is None else weights * losses).mean()
