"""MCLRec: two views of a history are contrasted, and with them two more that learnt networks make of their states.

Paper     Meta-optimized Contrastive Learning for Sequential Recommendation, SIGIR 2023.
Idea      Masked, cropped and reordered histories are views by chance. Two networks, the augmenters, make further views
          of the states of the first two, and learn in a step of their own which ones the encoder is contrasted with.
Equation  h1, h2 the states of two random views, z1 = w1(h1), z2 = w2(h2);  NT-Xent of products, temperature 1
          L_cl1 = NTXent(h1, h2);  L_cl2 = NTXent(z1, z2) + NTXent(h1, z2) + NTXent(h2, z1)
          R = mean [s+ - o_min]_+ + mean [o_max - s-]_+  of the same three pairs, s the products in them, and of a row
          o_min = min(min s+, max s-), o_max = max(min s+, max s-)
          step 1, the encoder: L_next + lambda L_cl1 + beta (L_cl2 + 0.1 R);  step 2, the augmenters: L_cl2 + 0.1 R
Claim     Learnt augmenters rank better than SASRec with the same loss (the parent), and better than augmenters that
          stay as they were drawn (frozen=True, the placebo).
Differs   Encoder and cross-entropy of every next item as in sasrec, in place of one prefix a sample: a batch's term is
          of one random prefix of each window. A masked event keeps its position and is read, in the release attention
          skips it. Step 2 reads the states after the update of step 1; no third step, which the release adds.
Reported  Beauty 5-core, leave-one-out, full ranking, unmasked: NDCG@10 .0446, Recall@10 .0871 (its SASRec row, of a
          one-negative loss, .0342 and .0624); Sports Recall@10 .0501, NDCG@10 .0260.
"""
from functools import partial

import torch
from torch import Tensor, nn

from workbench.data import Histories
from workbench.errors import UserError
from workbench.losses.contrast import nt_xent
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequences.sequence_views import crop, mask, random_prefix, reorder, two_views
from workbench.recommenders.sequential import NOTHING, Additions, LastState, sequential
from workbench.train import named_rng
from workbench.train.turns import Turn

PARENT = "sasrec"
OFF = {"simple": 0.0, "beta": 0.0}
PLACEBO = {"frozen": True}
RECIPE = SASREC_RECIPE
VIEWS = (partial(mask, share=0.5), partial(crop, share=0.5), partial(reorder, share=0.8))
ENCODER = ("item.*", "position.*", "blocks.*", "norm.*")
HIDDEN = (32, 16)  # widths inside an augmenter
RANGE = 0.1  # weight of R beside L_cl2


def build(bench, *, simple=0.0, beta=0.05, frozen=False, width=64, layers=2, max_length=50, dropout=0.3):
    """SASRec with contrast of random and of learnt views, for the bench's catalogue.

    simple: lambda, the weight of L_cl1. beta: that of L_cl2 and R; without it there are no augmenters, with neither
    weight this is sasrec. frozen: the placebo, step 2 is not taken. The others as in sasrec. UserError for a setting
    out of range.
    """
    check_sizes("mclrec", width, layers, max_length, dropout)
    if not simple >= 0 <= beta:
        raise UserError(f"mclrec: {simple=} and {beta=} are weights, 0 or more")
    encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if beta:
        with bench.init("augmenters"):
            encoder.augmenters = nn.ModuleList(augmenter(width) for _ in range(2))
    reader = LastState(max_length)

    def states_of_views(windows: Histories, step: int) -> list[Tensor]:
        """h1, h2 (B, D) of two views of a random prefix of each window; the same views in both turns of a step."""
        rng = named_rng(bench.seed, "views", step)
        return [reader.states(encoder, view) for view in two_views(random_prefix(windows, rng), VIEWS, rng)]

    def contrast(windows: Histories, step: int) -> Tensor:
        h1, h2 = states_of_views(windows, step)
        learnt = beta * learnt_contrast(encoder.augmenters, h1, h2) if beta else 0.0
        return learnt + simple * nt_xent(h1, h2) if simple else learnt

    def of_augmenters(windows: Histories, step: int) -> Tensor:
        with torch.no_grad():  # the encoder learns nothing from this
            h1, h2 = states_of_views(windows, step)
        return learnt_contrast(encoder.augmenters, h1, h2)

    turns = [Turn(of_augmenters, "augmenters.*")] if beta and not frozen else []
    return sequential(
        encoder, loss=cross_entropy, max_length=max_length, trainable=ENCODER if beta else "*",
        additions=Additions(contrast, turns) if simple or beta else NOTHING,
    )  # fmt: skip


def augmenter(width: int) -> nn.Sequential:
    """(B, D) -> (B, D): a narrowing network with GELU between its layers."""
    sizes = (width, *HIDDEN, width)
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.GELU())]
    return nn.Sequential(*layers[:-1])


def learnt_contrast(augmenters: nn.ModuleList, h1: Tensor, h2: Tensor) -> Tensor:
    """L_cl2 + 0.1 R of the states (B, D) of two views."""
    z1, z2 = (w(h) for w, h in zip(augmenters, (h1, h2)))
    pairs = [(h1, z2), (h2, z1), (z1, z2)]
    return sum(nt_xent(a, b) + RANGE * score_range(a, b) for a, b in pairs)


def score_range(a: Tensor, b: Tensor) -> Tensor:
    """R of views (B, D): each of the 2B rows has one positive and 2(B - 1) negatives. It draws a positive score down to
    the highest negative, and all negatives up to the highest of the row's scores: both stay within a range."""
    if len(a) < 2:
        return (a * 0).sum()  # no negatives
    rows = torch.cat([a, b])
    scores, place = rows @ rows.T, torch.arange(len(rows), device=a.device)
    partner = place.roll(len(a))
    negative = torch.ones_like(scores, dtype=torch.bool)
    negative[place, place] = negative[place, partner] = False
    positives, negatives = scores[place, partner, None], scores[negative].view(len(rows), -1)
    highest = negatives.amax(1, keepdim=True)
    low, high = torch.minimum(positives, highest), torch.maximum(positives, highest)
    return (positives - low).clamp_min(0).mean() + (high - negatives).clamp_min(0).mean()
