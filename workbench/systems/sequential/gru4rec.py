"""GRU4Rec: a recurrent network over the item sequence; its last state is scored against the item embeddings.

Paper     Session-based Recommendations with Recurrent Neural Networks, ICLR 2016, arXiv:1511.06939.
Idea      A gated recurrent unit keeps a representation of the session that is updated at every click.
Equation  s(i | x_1 .. x_t) = h_t . e_i, with h_t = GRU(h_{t-1}, e_{x_t}) (section 3, equations 1 to 4)
Claim     A state of the whole history ranks better than item neighbours (item_knn), popularity and factors (bpr_mf), as
          in the paper; and if it holds more than the last items do, better than item_transitions.
Differs   Cross-entropy over the whole catalogue at every event instead of pairwise losses over session-parallel
          batches; tied input and output embeddings; a norm and a linear layer before the output; histories are read
          from their start, long ones in windows.
Reported  Beauty, leave-one-out, full ranking: NDCG@10 .0356 (in the tables released with arXiv:2507.16289).
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.losses.ranking import full_softmax
from workbench.recommenders.sequential import sequential
from workbench.train import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe(
    epochs=100, batch_size=128, lr=1e-3, patience=8,
    sizes={"small": {"batch_size": 64, "lr": 2e-3, "patience": 3, "valid_every": 2}},
)  # fmt: skip


class RecurrentEncoder(nn.Module):
    """Item ids (B, T), right-padded with 0, to hidden states (B, T, D): position t has read items 0..t.

    item: the embedding table (I+1, D), tied to the output.
    """

    def __init__(self, n_items: int, *, width: int, layers: int, dropout: float):
        super().__init__()
        self.item = nn.Embedding(n_items + 1, width, padding_idx=0)
        self.gru = nn.GRU(width, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.norm, self.out, self.dropout = nn.LayerNorm(width), nn.Linear(width, width), dropout
        nn.init.normal_(self.item.weight, std=0.02)
        with torch.no_grad():
            self.item.weight[0] = 0

    def forward(self, items: Tensor) -> Tensor:
        x, _ = self.gru(F.dropout(self.item(items), self.dropout, self.training))
        return self.out(F.dropout(self.norm(x), self.dropout, self.training))


def build(bench, *, width=64, layers=1, max_length=50, dropout=0.3):
    """GRU4Rec for the bench's catalogue. UserError if a setting is out of range."""
    if min(width, layers, max_length) < 1 or not 0 <= dropout < 1:
        actual = f"width={width}, layers={layers}, max_length={max_length}, dropout={dropout}"
        raise UserError(f"gru4rec: sizes must be positive and 0 <= dropout < 1, not {actual}")
    with bench.init():
        module = RecurrentEncoder(bench.split.n_items, width=width, layers=layers, dropout=dropout)

    def objective(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        return full_softmax(h, weight, targets, chunk=128)

    return sequential(module, loss=objective, max_length=max_length)
