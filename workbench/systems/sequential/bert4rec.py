"""BERT4Rec: bidirectional self-attention over the item sequence, trained to predict masked items.

Paper     BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from Transformer, CIKM 2019,
          arXiv:1904.06690.
Idea      Masked items are predicted from both sides (Cloze); a mask after the last event predicts the next item.
Equation  p(x_m | context) = softmax_i(h_m . e_i) at every masked position m (section 3.4)
Claim     Context from both sides, learned from masked items, ranks better than attention from left to right (sasrec)
          and than gru4rec, as in the paper; and better than the training-free baselines.
Differs   New random masks every epoch instead of ten sets in advance; only the newest item is masked in a tenth of the
          windows, not in a copy of each; pre-norm blocks with dropout on the residual branches, none on attention
          weights; no layer or bias between the last norm and the item embeddings; a constant learning rate.
Reported  Beauty 5-core, leave-one-out, full ranking, unmasked: NDCG@10 .0300, Recall@10 .0601 (as printed in the MCLRec
          paper).
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.transformer import Block
from workbench.recommenders.masked_sequential import masked_sequential
from workbench.train import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe(
    epochs=400, batch_size=128, lr=1e-3, patience=15, valid_every=2,
    sizes={"small": {"batch_size": 64, "lr": 2e-3, "mask": 0.5, "dropout": 0.1, "patience": 4}},
)  # fmt: skip


class BidirectionalEncoder(nn.Module):
    """Item ids (B, T), newest first, -1 at masked positions, right-padded with 0, to hidden states (B, T, D): every
    position attends to every other.

    item: the embedding table (I+1, D), tied to the output. mask: (D,), the embedding of the mask token. position:
    (max_length + 1, D), counted back from the newest item.
    """

    def __init__(
        self, n_items: int, *, width: int, layers: int, heads: int, feedforward: int, max_length: int, dropout: float
    ):
        super().__init__()
        self.item, self.position = nn.Embedding(n_items + 1, width, padding_idx=0), nn.Embedding(max_length + 1, width)
        self.mask = nn.Parameter(torch.empty(width))
        self.blocks = nn.ModuleList(Block(width, heads, feedforward, dropout, causal=False) for _ in range(layers))
        self.norm, self.dropout = nn.LayerNorm(width), dropout
        for table in (self.item.weight, self.position.weight, self.mask):
            nn.init.normal_(table, std=0.02)
        with torch.no_grad():
            self.item.weight[0] = 0

    def forward(self, items: Tensor) -> Tensor:
        x = self.item(items.clamp(min=0)) + (items < 0)[..., None] * self.mask
        x = F.dropout(x + self.position.weight[: items.shape[1]], self.dropout, self.training)
        real = (items != 0)[:, None, None]  # (B, 1, 1, T): nothing attends to padding
        for block in self.blocks:
            x = block(x, real)
        return self.norm(x)


def build(
    bench, *, width=64, layers=2, heads=2, feedforward=256, max_length=50, dropout=0.3, mask=0.2, last=0.1
):
    """BERT4Rec for the bench's catalogue.

    mask: masking probability in training. last: share of training windows in which only the newest item is masked.
    UserError if width is not a multiple of heads or a setting is out of range.
    """
    if width % heads or min(width, layers + 1, heads, feedforward, max_length) < 1:
        raise UserError(f"bert4rec: width {width} must be a multiple of heads {heads}, and sizes positive")
    if not (0 < mask < 1 and 0 <= last <= 1 and 0 <= dropout < 1):
        actual = f"mask={mask}, last={last}, dropout={dropout}"
        raise UserError(f"bert4rec: 0 < mask < 1, 0 <= last <= 1 and 0 <= dropout < 1 are needed, not {actual}")
    with bench.init():
        module = BidirectionalEncoder(
            bench.split.n_items, width=width, layers=layers, heads=heads, feedforward=feedforward,
            max_length=max_length, dropout=dropout,
        )
    return masked_sequential(module, mask=mask, last=last, max_length=max_length)
