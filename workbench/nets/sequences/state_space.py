"""State-space duality (SSD): a linear recurrence over a sequence, which is also a product with a masked matrix.

After Mamba-2, arXiv:2405.21060. For each head, with states S_t (N, P) and a decay rate a > 0,

    S_t = exp(-a dt_t) S_{t-1} + dt_t B_t x_t^T,   y_t = S_t^T C_t                                    (recurrence)
    y = (L o C B^T)(dt x),   L_ij = exp(-a (dt_{j+1} + ... + dt_i)) for i >= j, else 0                (quadratic form)

`recurrent` and `quadratic` are these two lines; `chunked`, the one that the mixer uses, is the second within chunks of
the sequence and the first between them. All take and return the same: x (B, T, H, P), step (B, T, H) the dt > 0, rate
(H,) the a > 0, b and c (B, T, N) the B_t and C_t, which all heads share; y (B, T, H, P). y_t depends on events up to t.
"""
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block

HEAD, KERNEL = 32, 4  # P, values per head; events that a short convolution reads


def recurrent(x: Tensor, step: Tensor, rate: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """One event after the other: the definition."""
    decay, added = torch.exp(-rate * step), step[..., None] * x
    state, outputs = x.new_zeros(x.shape[0], x.shape[2], b.shape[2], x.shape[3]), []
    for t in range(x.shape[1]):
        state = decay[:, t, :, None, None] * state + b[:, t, None, :, None] * added[:, t, :, None, :]
        outputs.append(torch.einsum("bn,bhnp->bhp", c[:, t], state))
    return torch.stack(outputs, 1)


def quadratic(x: Tensor, step: Tensor, rate: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """All pairs of events at once, as in attention without a softmax."""
    return _pairs(step[..., None] * x, _decayed(rate * step), b, c)


def chunked(x: Tensor, step: Tensor, rate: Tensor, b: Tensor, c: Tensor, *, longest: int = 64) -> Tensor:
    """All pairs of events of a chunk at once, and states from chunk to chunk.

    longest: events of a chunk, at most. Chunks are equally long, and padded at the end by events that write nothing. A
    window of 50 is one chunk, since that is the fastest; at 200 events chunks take half the time of all pairs.
    """
    B, T, H, P = x.shape
    n = -(-T // longest)
    Q = -(-T // n)

    def folded(values: Tensor) -> Tensor:
        """(B, T, ...) to chunks (B n, Q, ...)."""
        padded = F.pad(values, [0, 0] * (values.ndim - 2) + [0, n * Q - T])
        return padded.reshape(B * n, Q, *values.shape[2:])

    decayed, added, b, c = _decayed(folded(rate * step)), folded(step[..., None] * x), folded(b), folded(c)
    y = _pairs(added, decayed, b, c)
    if n > 1:
        to_end = torch.exp(decayed - decayed[:, -1:])  # of what an event writes, the share that its chunk hands on
        written = b.mT @ (to_end[..., None] * added).flatten(2)
        start = _starts(written.view(B, n, -1, H, P), torch.exp(-decayed[:, -1]).view(B, n, H))
        y = y + torch.exp(-decayed)[..., None] * (c @ start.flatten(0, 1).flatten(2)).unflatten(2, (H, P))
    return y.reshape(B, n * Q, H, P)[:, :T]


def _decayed(rates: Tensor) -> Tensor:
    """(B, T, H) of a dt: their sum up to each event, so that L_ij = exp(decayed_j - decayed_i)."""
    return rates.cumsum(1)


def _pairs(added: Tensor, decayed: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """(L o C B^T)(dt x) of added = dt x (B, T, H, P)."""
    log = decayed.mT[..., None, :] - decayed.mT[..., :, None]  # (B, H, T, T), of L at i >= j
    later = torch.ones(log.shape[-2:], dtype=torch.bool, device=log.device).triu(1)
    weights = log.masked_fill(later, -torch.inf).exp() * (c @ b.mT)[:, None]
    return (weights @ added.transpose(1, 2)).transpose(1, 2)


def _starts(written: Tensor, decay: Tensor) -> Tensor:
    """(B, n, N, H, P) states at the start of each chunk, of what the chunks write and of their decay (B, n, H)."""
    states = [torch.zeros_like(written[:, 0])]
    for chunk in range(written.shape[1] - 1):
        states.append(decay[:, chunk, None, :, None] * states[-1] + written[:, chunk])
    return torch.stack(states, 1)


class StateSpaceMixer(nn.Module):
    """Hidden states (B, T, D) to (B, T, D) by SSD, in the place of causal attention (the layer of Mamba-2).

    state: N. expand: the heads together are expand * D wide, in heads of 32. timed: whether the step size depends on
    the time gaps g (B, T) before the events, dt_t = softplus(t w x_t + bias) with t = exp(f(g_t)) of each head
    (TiM4Rec). f is a network without biases, so g_t = 0 gives t = 1, the plain layer, to the last bit.
    """

    def __init__(self, width: int, *, state: int = 32, expand: int = 2, timed: bool = False):
        super().__init__()
        inner = expand * width
        heads = inner // HEAD
        self.sizes, self.state = (inner, inner + 2 * state, heads), state
        self.read, self.out = nn.Linear(width, sum(self.sizes), bias=False), nn.Linear(inner, width, bias=False)
        self.kernel = nn.Parameter(torch.empty(KERNEL, inner + 2 * state).uniform_(-1, 1) * KERNEL**-0.5)
        self.kernel_bias = nn.Parameter(torch.zeros(inner + 2 * state))
        self.log_rate = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        first = torch.empty(heads).uniform_(math.log(1e-3), math.log(1e-1)).exp()  # dt at the start
        self.bias = nn.Parameter(first.expm1().log())
        self.skip, self.norm = nn.Parameter(torch.ones(heads)), nn.RMSNorm(inner)
        self.time = None
        if timed:
            self.time = nn.Sequential(nn.Linear(1, 16, bias=False), nn.SiLU(), nn.Linear(16, heads, bias=False))

    def forward(self, x: Tensor, gaps: Tensor | None = None) -> Tensor:
        gate, read, dt = self.read(x).split(self.sizes, -1)
        values, b, c = F.silu(self._convolve(read)).split([self.sizes[0], self.state, self.state], -1)
        values = values.unflatten(-1, (-1, HEAD))
        if self.time is not None:
            dt = dt * self.time(gaps[..., None]).exp()
        y = chunked(values, F.softplus(dt + self.bias), self.log_rate.exp(), b, c) + self.skip[:, None] * values
        return self.out(self.norm(y.flatten(2) * F.silu(gate)))

    def _convolve(self, x: Tensor) -> Tensor:
        """Each channel of (B, T, C) over its last events, as a sum of shifts: a grouped convolution is slower here."""
        padded, T = F.pad(x, (0, 0, KERNEL - 1, 0)), x.shape[1]
        return self.kernel_bias + sum(self.kernel[k] * padded[:, k : k + T] for k in range(KERNEL))


class StateSpaceEncoder(nn.Module):
    """Item ids (B, T), right-padded with 0, and, if `timed`, time gaps (B, T), to hidden states (B, T, D).

    Blocks as of `SequenceEncoder`, each with a `StateSpaceMixer` for its attention. No position embeddings: the
    recurrence has an order. item: the embedding table (I+1, D), tied to the output layer.
    """

    def __init__(
        self, n_items: int, *, width: int, layers: int, feedforward: int, dropout: float, state: int, timed: bool
    ):
        super().__init__()
        self.item = nn.Embedding(n_items + 1, width, padding_idx=0)
        nn.init.normal_(self.item.weight, std=0.02)
        with torch.no_grad():
            self.item.weight[0] = 0
        self.blocks = nn.ModuleList(Block(width, 1, feedforward, dropout) for _ in range(layers))
        for block in self.blocks:
            block.attention = StateSpaceMixer(width, state=state, timed=timed)
        self.norm, self.dropout = nn.LayerNorm(width), dropout

    def forward(self, items: Tensor, gaps: Tensor | None = None) -> Tensor:
        x = F.dropout(self.item(items), self.dropout, self.training)
        for block in self.blocks:
            x = block.add(x, block.attention(block.attention_norm(x), gaps))
        return self.norm(x)
