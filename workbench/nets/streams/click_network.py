"""A small network of clicks: embeddings of user, item and past, a hidden layer, a last vector, and biases beside it."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN = 2  # widths of the hidden layer


class ClickNetwork(nn.Module):
    """The log odds of a click, from user, item, and the items that the user was shown before with the reactions.

    The past is read by attention from the item that is shown, as in DIN (Zhou et al., KDD 2018) and with the softmax
    that it leaves out; the linear part beside the layers is that of wide & deep (Cheng et al., DLRS 2016). A user or
    item that is not `known`, one that no event of train has, is the embedding 0; in training a share `unknown` of them
    is so by chance, so that the others learn to do without.
    """

    def __init__(self, n_users: int, n_items: int, *, width: int, unknown: float = 0.1):
        super().__init__()
        self.unknown = unknown
        self.user = nn.Embedding(n_users + 1, width, padding_idx=0)
        self.item = nn.Embedding(n_items + 1, width, padding_idx=0)
        self.reaction = nn.Embedding(2, width)
        self.user_bias = nn.Embedding(n_users + 1, 1, padding_idx=0)
        self.item_bias = nn.Embedding(n_items + 1, 1, padding_idx=0)
        self.hidden = nn.Linear(4 * width, HIDDEN * width)
        self.last = nn.Linear(HIDDEN * width, width)
        self.out = nn.Linear(width, 1)
        for table in (self.user, self.item, self.reaction):
            table.weight.data.mul_(0.1)
        for table in (self.user_bias, self.item_bias):
            table.weight.data.zero_()
        self.register_buffer("known_users", torch.ones(n_users, dtype=torch.bool))
        self.register_buffer("known_items", torch.ones(n_items + 1, dtype=torch.bool))

    def forward(self, users: Tensor, items: Tensor, history: Tensor, reactions: Tensor) -> tuple[Tensor, Tensor]:
        """(B,) log odds, and (B, D) the last vector before them, of which each number is between -1 and 1. users (B,)
        from 0, items (B,), history (B, T) items or 0, reactions (B, T) 0 or 1, integers all."""
        rows = self._seen((users + 1) * self.known_users[users])
        items = self._seen(items * self.known_items[items])
        user, item = self.user(rows), self.item(items)
        past = self._past(item, history * self.known_items[history], reactions)
        x = F.relu(self.hidden(torch.cat([user, item, past, user * item], dim=-1)))
        last = torch.tanh(self.last(x))
        return (self.out(last) + self.user_bias(rows) + self.item_bias(items)).squeeze(-1), last

    def _past(self, item: Tensor, history: Tensor, reactions: Tensor) -> Tensor:
        """(B, D) what was shown before and how the user reacted, by its likeness to an item (B, D)."""
        past = self.item(history)
        scores = torch.einsum("bd,btd->bt", item, past) / item.shape[-1] ** 0.5
        weights = scores.masked_fill(history == 0, -1e9).softmax(dim=-1) * (history > 0)
        return torch.einsum("bt,btd->bd", weights, past + self.reaction(reactions))

    def _seen(self, ids: Tensor) -> Tensor:
        if not self.training or not self.unknown:
            return ids
        return ids * (torch.rand(ids.shape, device=ids.device) >= self.unknown)
