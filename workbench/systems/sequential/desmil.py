"""DESMIL: several interests of a history, and sample weights under which the interests depend less on each other.

Paper     After the abstract of DESMIL (de-correlated multi-interest learning by sample reweighting); interests as in
          ComiRec, arXiv:2005.09347, weights as in StableNet, arXiv:2104.07876.
Idea      Interests that always occur together in train are learned together, and fail where they come apart. Weigh the
          samples so that under the weights the interests are independent, and train on the weighted loss.
Equation  v_k(t) = sum_{s <= t} softmax(W_2 tanh(W_1 h_s) + b(t-s))_k h_s,  s(i) = max_k v_k . e_i
          w = argmin sum_{a<b} |cov_w(f(v_a), f(v_b))|^2 with sum_n w_n = N;  L = mean_n w_n CE_n
Claim     It ranks better than SASRec (the parent), and by the weights: the same weights on other samples (the placebo),
          and none at all (steps=0), are worse. The paper claims most where popularity shifts after training.
Differs   No code was found. Interests are pooled from the states of a SASRec; the interest nearest to the target learns
          from it; cross-entropy over the whole catalogue. Weights are found anew for each batch, by a few steps on
          random cosine features, without a memory of earlier batches.
Reported  Amazon Books and others: gains of up to 36.8 % under shift and 21.7 % in a random split; no table read.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError, unknown_name
from workbench.losses.independence import independent_weights
from workbench.nets.sequences.multi_interest import InterestEncoder, InterestPooling
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import sequential
from workbench.train import derive_seed

PARENT = "sasrec"
OFF = {"interests": 0}
PLACEBO = {"weights": "permuted"}
RECIPE = SASREC_RECIPE
RATE, FEATURES = 0.5, 5
WEIGHTS = ("independent", "permuted")


def build(bench, *, interests=4, steps=5, weights="independent", width=64, layers=2, max_length=50, dropout=0.3):
    """SASRec with several interests and weighted samples, for the bench's catalogue.

    interests: K; 0 is SASRec. steps: by which the weights are found, 0 for none. weights: independent, or permuted
    among the samples of a batch (the placebo). The others as in sasrec. UserError on an unknown name or a setting out
    of range.
    """
    if weights not in WEIGHTS:
        raise unknown_name("use of weights", weights, WEIGHTS)
    check_sizes("desmil", width, layers, max_length, dropout)
    if interests < 0 or interests == 1 or steps < 0:
        raise UserError(f"desmil: {interests=} are 0 or at least 2, of which pairs can depend; {steps=} are 0 or more")
    encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if not interests:
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    with bench.init("interests"):
        module = InterestEncoder(encoder, InterestPooling(width, interests, max_length))
    seed = bench.seed

    def weighted(v: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        """v: (N, K, D) interests at targets (N,)."""
        generator = torch.Generator().manual_seed(derive_seed(seed, "cosines", step))
        w = independent_weights(v, steps=steps, rate=RATE, features=FEATURES, generator=generator)
        if weights == "permuted":
            w = w[torch.randperm(len(w), generator=generator)]
        return (w * nearest_interest_loss(v, weight, targets)).mean()

    return sequential(module, loss=weighted, max_length=max_length)


def nearest_interest_loss(v: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """(N,) cross-entropy over the items (I+1, D) of the one of K interests (N, K, D) that is nearest to the target."""
    nearest = (v.detach() @ weight.detach()[targets][:, :, None])[:, :, 0].argmax(1)
    return F.cross_entropy(v[torch.arange(len(v)), nearest] @ weight[1:].T, targets - 1, reduction="none")
