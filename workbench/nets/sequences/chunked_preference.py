"""A preference that is renewed chunk by chunk of a history, and a judge that answers yes or no about an item."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

YES, NO = 0, 1  # columns of a judge's answer


class ChunkedPreference(nn.Module):
    """Vectors of events (B, T, F) to states (B, T, D): s_j = f(s_{j-1}, mean of chunk j), f a GRU cell, s_0 = 0.

    The state at an event has read the whole chunks before it, and its own chunk up to it. So the state after a whole
    chunk may be kept, and a later one follows from it and the events since (`renew`). What stands after an event does
    not matter to it.
    """

    def __init__(self, features: int, width: int, chunk: int):
        super().__init__()
        self.cell, self.chunk = nn.GRUCell(features, width), chunk

    def renew(self, state: Tensor, mean: Tensor) -> Tensor:
        """States (..., D) after one more chunk of mean vector (..., F)."""
        flat = self.cell(mean.reshape(-1, mean.shape[-1]), state.reshape(-1, state.shape[-1]))
        return flat.reshape(state.shape)

    def forward(self, x: Tensor) -> Tensor:
        B, T, features = x.shape
        chunks = F.pad(x, (0, 0, 0, -T % self.chunk)).reshape(B, -1, self.chunk, features)
        means = chunks.cumsum(2) / _counts(self.chunk, x)  # of a chunk up to each of its events
        before = [x.new_zeros(B, self.cell.hidden_size)]
        for whole in means[:, :-1, -1].unbind(1):
            before.append(self.renew(before[-1], whole))
        states = torch.stack(before, 1)[:, :, None].expand(-1, -1, self.chunk, -1)
        return self.renew(states, means).flatten(1, 2)[:, :T]


class MeanPreference(nn.Module):
    """The same without chunks: a linear layer and tanh of the mean of all events up to each one."""

    def __init__(self, features: int, width: int):
        super().__init__()
        self.linear = nn.Linear(features, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.linear(x.cumsum(1) / _counts(x.shape[1], x)))


class YesNoJudge(nn.Module):
    """Logits (..., 2) of the answers YES and NO, of a preference (..., D) and the vector of an item (..., F)."""

    def __init__(self, features: int, width: int):
        super().__init__()
        self.item, self.hidden = nn.Linear(features, width), nn.Linear(3 * width, width)
        self.answer = nn.Linear(width, 2)

    def forward(self, preference: Tensor, item: Tensor) -> Tensor:
        preference, item = torch.broadcast_tensors(preference, self.item(item))
        return self.answer(F.gelu(self.hidden(torch.cat([preference, item, preference * item], -1))))


def log_odds(answers: Tensor, yes: int = YES) -> Tensor:
    """(...) log p(yes) / p(no) of logits (..., 2), a softmax over the two; yes: the column that stands for it."""
    return answers[..., yes] - answers[..., 1 - yes]


def _counts(n: int, like: Tensor) -> Tensor:
    """(n, 1): 1 .. n."""
    return torch.arange(1, n + 1, device=like.device, dtype=like.dtype)[:, None]
