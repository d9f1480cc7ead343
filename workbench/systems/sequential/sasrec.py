"""SASRec: causal self-attention over the item sequence, trained with full cross-entropy.

Paper     Self-Attentive Sequential Recommendation, ICDM 2018, arXiv:1808.09781.
Idea      A causal transformer reads the history, and its last state is scored against the item embeddings.
Equation  s(i | x_1 .. x_t) = h_t . e_i, with h = Blocks(e_x + p) under a causal mask (section III, equations 2 to 6)
Claim     Attention over the history finds what the last item alone does not: layers=0, which reads only the last item
          and its position, is worse.
Differs   Cross-entropy over the whole catalogue (loss="bce" is the paper's loss with one negative, "sampled" shares
          uniform negatives within a batch); pre-norm blocks with GELU and dropout on the residual branches, none on
          attention weights; right padding; long histories are cut into windows, so every next item is a target once
          per epoch.
Reported  Beauty 5-core, leave-one-out, full ranking, unmasked: NDCG@10 .0342, Recall@10 .0624 (one-negative loss, as
          printed in the MCLRec paper).
"""
import torch
from torch import Tensor

from workbench.errors import UserError, unknown_name
from workbench.losses.ranking import binary_cross_entropy, full_softmax, sampled_softmax
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.sequential import sequential
from workbench.train import Recipe, derive_seed

PARENT = PLACEBO = None
OFF = {"layers": 0}
RECIPE = Recipe(
    epochs=100, batch_size=128, lr=1e-3, patience=8,
    sizes={"small": {"batch_size": 32, "lr": 2e-3, "dropout": 0.2, "patience": 3, "valid_every": 2}},
)  # fmt: skip
LOSSES = ("full", "sampled", "bce")


def build(
    bench, *, width=64, layers=2, heads=2, feedforward=256, max_length=50, dropout=0.3, loss="full", negatives=256
):
    """SASRec for the bench's catalogue.

    loss: full (all items), sampled (`negatives` shared by a batch) or bce (one negative per target).
    UserError if width is not a multiple of heads or a setting is out of range.
    """
    if loss not in LOSSES:
        raise unknown_name("loss", loss, LOSSES)
    if width % heads or min(width, layers + 1, heads, feedforward, max_length, negatives) < 1 or not 0 <= dropout < 1:
        raise UserError(f"sasrec: width {width} must be a multiple of heads {heads}, sizes positive, 0 <= dropout < 1")
    n_items, seed = bench.split.n_items, bench.seed

    def sample(step: int, count: int, device: torch.device) -> Tensor:
        generator = torch.Generator().manual_seed(derive_seed(seed, "negatives", step))
        return torch.randint(1, n_items + 1, (count,), generator=generator).to(device)

    def objective(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        if loss == "full":
            return full_softmax(h, weight, targets, chunk=128)
        count = negatives if loss == "sampled" else len(targets)
        term = sampled_softmax if loss == "sampled" else binary_cross_entropy
        return term(h, weight, targets, sample(step, count, h.device))

    with bench.init():
        module = SequenceEncoder(
            n_items, width=width, layers=layers, heads=heads, feedforward=feedforward, max_length=max_length,
            dropout=dropout,
        )
    return sequential(
        module, loss=objective, max_length=max_length, full=loss == "full",
        cheaper=f"loss=sampled negatives={negatives}", likelihood=loss != "bce",
    )  # fmt: skip
