"""What systems over SASRec share with it: encoder, start weights, loss and recipe; so their off switches are it."""
from torch import Tensor

from workbench.errors import UserError
from workbench.losses.ranking import full_softmax
from workbench.nets.transformer import SequenceEncoder
from workbench.train import Recipe

HEADS, FEEDFORWARD = 2, 256
SASREC_RECIPE = Recipe(
    epochs=100, batch_size=128, lr=1e-3, patience=8,
    sizes={"small": {"batch_size": 32, "lr": 2e-3, "dropout": 0.2, "patience": 3, "valid_every": 2}},
)  # fmt: skip


def check_sizes(
    system: str, width: int, layers: int, max_length: int, dropout: float, *, multiple: int = HEADS, least: int = 0
) -> None:
    """UserError for a size out of range. multiple: of which the width is one. least: number of layers."""
    if width % multiple or min(width, layers + 1 - least, max_length) < 1 or not 0 <= dropout < 1:
        raise UserError(
            f"{system}: {width=} must be a multiple of {multiple}, {layers=} at least {least}, {max_length=} positive, "
            f"0 <= {dropout=} < 1"
        )


def sasrec_encoder(bench, *, width: int, layers: int, max_length: int, dropout: float) -> SequenceEncoder:
    """The encoder of sasrec for the bench's catalogue, with the start weights that sasrec has."""
    with bench.init():
        return SequenceEncoder(
            bench.split.n_items, width=width, layers=layers, heads=HEADS, feedforward=FEEDFORWARD,
            max_length=max_length, dropout=dropout,
        )  # fmt: skip


def cross_entropy(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
    """Mean cross-entropy over all items (I+1, D) of states (N, D) at targets (N,); the step is not read."""
    return full_softmax(h, weight, targets, chunk=128)
