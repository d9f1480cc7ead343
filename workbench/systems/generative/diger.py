"""DIGER: codes are drawn with Gumbel noise while they learn with the recommender, only where the noise is needed.

Paper     DIGER, arXiv:2601.19711.
Idea      Codebooks under a straight-through gradient collapse to few codes. Noise lets an item try others; it is given
          to items whose first code is overused, or shrinks by itself as the loss falls (deviation).
Equation  y = softmax((-d + s g) / tau), forward one-hot(argmax y), backward y; input of an item: sum_l y_l W_l
          overused    s = noise where the usage of an item's first code exceeds 1.5 / K, else 0
          deviation   s = noise * sigma,  L' = L / (2 (sigma + lambda)^2) + log(sigma + lambda), least at sigma =
                      sqrt(L) - lambda
Claim     More codes stay in use than without noise (noise=0, the straight-through estimator), and the metric rises; as
          much noise on items drawn at random (the placebo) does less.
Differs   The codes that are read carry the gradient of CE, which the released trainer detaches. A causal decoder, as in
          unigrec: the drawn codes of an item are read with the last of its hard ones. Codebooks start from residual
          k-means of the text vectors and there is no encoder, so the latent is those vectors; noise and tau are in
          units of a level's mean squared error. sigma learns from the scaled loss alone. rate is the
          paper's ratio of learning rates, 1e-5 to 1e-3.
Reported  No table was found.
"""
import torch
from torch import Tensor, nn

from workbench.errors import UserError, unknown_name
from workbench.losses.code_sequences import CodeLoss, code_cross_entropy
from workbench.recommenders.codes.joint_training import distinct, joint_decoder, joint_recommender, learned_codebooks
from workbench.recommenders.semantic_ids import CONTENT, SEMANTIC_ID_RECIPE, check_sizes, plain_recommender
from workbench.tokens.residual_quantiser import Quantised, quantise

PARENT = "tiger"
OFF = {"joint": False}
PLACEBO = {"where": "random"}
RECIPE = SEMANTIC_ID_RECIPE
WHERE = ("overused", "deviation", "random")
OVERUSED, MOMENTUM = 1.5, 0.99  # times 1/K; of the moving average of usage
LAMBDA = 1.0


def build(
    bench, *, vectors="text", joint=True, rate=0.01, tau=0.1, noise=0.1, where="overused", width=64, layers=3,
    dropout=0.1, beam=20,
):  # fmt: skip
    """A causal decoder over codes that learn with it, for the bench's catalogue.

    joint: False gives tiger. rate: the learning rate of the codebooks as a share of the others'. tau, noise:
    temperature of the gradient and scale of the noise, in units of a level's mean squared error. where: which items
    get noise: those of overused codes, all by a deviation that is learned, or random ones, the placebo, as many as are
    overused. The others as in tiger. UserError on an unknown name or a setting out of range.
    """
    if not joint:
        return plain_recommender(
            bench, "rq-kmeans", vectors=vectors, width=width, layers=layers, dropout=dropout, beam=beam
        )
    check_sizes("diger", width, layers, beam, dropout)
    if where not in WHERE:
        raise unknown_name("place of the noise", where, WHERE)
    if not tau > 0 or not noise >= 0:
        raise UserError(f"diger: tau={tau} must be above 0, and noise={noise} at least 0")
    tokenizer = learned_codebooks(bench, bench.vectors(vectors, dim=CONTENT), rate=rate)
    size = tokenizer.tables.shape[1]
    tokenizer.register_buffer("share", torch.full((size,), 1 / size))
    tokenizer.register_buffer("noisy", torch.ones(1))
    if where == "deviation":
        tokenizer.sigma = nn.Parameter(torch.ones(1))

    def drawn(items: Tensor, training: bool) -> Quantised:
        rows, settings = tokenizer.vectors[items], {"how": "gumbel", "tau": tau}
        if not training or not noise:
            return tokenizer.assign(rows, **settings)
        if where == "deviation":
            return tokenizer.assign(rows, noise=noise * tokenizer.sigma.detach().clamp_min(0).item(), **settings)
        return tokenizer.assign(rows, noise=noise, noisy=noisy_items(tokenizer, rows, where), **settings)

    def addition(states: Tensor, items: Tensor, step: int) -> Tensor:
        rows = tokenizer.vectors[distinct(items)[0]]
        return (rows - tokenizer.assign(rows, how="gumbel", tau=tau).quantised).square().sum(1).mean()

    module, codes = joint_decoder(bench, tokenizer, drawn, width=width, layers=layers, dropout=dropout)
    loss = scaled_by_deviation(tokenizer) if where == "deviation" else code_cross_entropy
    return joint_recommender(
        module, codes, beam=beam, every=1, loss=loss, addition=addition,
        report=lambda: {"codes/noisy": float(tokenizer.noisy)},
    )  # fmt: skip


@torch.no_grad()
def noisy_items(tokenizer: nn.Module, rows: Tensor, where: str) -> Tensor:
    """(n,) bool, which items (n, F) get noise; counts their codes in the moving average `share` (K,)."""
    first = quantise(rows, tokenizer.tables[:1]).codes[:, 0]
    used = torch.bincount(first, minlength=len(tokenizer.share)) / len(first)
    tokenizer.share.lerp_(used, 1 - MOMENTUM)
    noisy = tokenizer.share[first] > OVERUSED / len(tokenizer.share)
    tokenizer.noisy.copy_(noisy.float().mean())
    return noisy[torch.randperm(len(noisy), device=rows.device)] if where == "random" else noisy


def scaled_by_deviation(tokenizer: nn.Module) -> CodeLoss:
    """CE / (2 (sigma + lambda)^2) + log(sigma + lambda) with the learned sigma of a tokenizer."""

    def loss(logits, targets, children) -> Tensor:
        deviation = tokenizer.sigma.clamp_min(0) + LAMBDA
        return (code_cross_entropy(logits, targets, children) / (2 * deviation.square()) + deviation.log()).sum()

    return loss
