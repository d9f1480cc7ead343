"""State-space duality (Mamba-2, arXiv:2405.21060): a linear recurrence with its own step at every event, as a scan, as
one masked matrix, and in chunks; and the block of a sequence network around it.

    S_t = exp(-a_h d_t) S_{t-1} + d_t B_t x_t^T,   y_t = C_t S_t      for each head h, with a step d_t > 0 and a_h > 0
        = sum_{s <= t} exp(-a_h (d_{s+1} + .. + d_t)) (C_t . B_s) d_s x_s

Shapes: x (B, T, H, P) of H heads; step (B, T, H); decay a (H,); b, c (B, T, N), shared by the heads; y as x.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHUNK = 64  # events whose pairs are multiplied at once
HEAD, KERNEL = 32, 4  # width of a head; events that the convolution reads


def recurrent_scan(x: Tensor, step: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The recurrence itself, event by event: slow, and what the other forms are held to."""
    state, out = x.new_zeros(len(x), x.shape[2], b.shape[2], x.shape[3]), []
    for t in range(x.shape[1]):
        added = step[:, t, :, None, None] * b[:, t, None, :, None] * x[:, t, :, None]
        state = (-decay * step[:, t]).exp()[:, :, None, None] * state + added
        out.append(torch.einsum("bn,bhnp->bhp", c[:, t], state))
    return torch.stack(out, 1)


def quadratic_scan(x: Tensor, step: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The same as attention without softmax: a T x T matrix of decays and products, for each head."""
    pairs = (c @ b.transpose(1, 2))[:, None] * _decays((decay * step).cumsum(1))  # (B, H, T, T)
    return (pairs @ (x * step[..., None]).transpose(1, 2)).transpose(1, 2)


def chunked_scan(x: Tensor, step: Tensor, decay: Tensor, b: Tensor, c: Tensor, *, chunk: int = CHUNK) -> Tensor:
    """The same, quadratic within chunks of events, with one state handed on from chunk to chunk."""
    T, out, state = x.shape[1], [], None
    for start in range(0, T, chunk):
        part = slice(start, min(start + chunk, T))
        xs, steps, bs, cs = x[:, part], step[:, part], b[:, part], c[:, part]
        y, total = quadratic_scan(xs, steps, decay, bs, cs), (decay * steps).cumsum(1)  # (B, t, H)
        if state is not None:
            y = y + torch.einsum("btn,bth,bhnp->bthp", cs, (-total).exp(), state)
        if part.stop < T:
            left = (total - total[:, -1:]).exp() * steps  # what remains of each event at the end of the chunk
            added = torch.einsum("btn,bth,bthp->bhnp", bs, left, xs)
            state = added if state is None else added + (-total[:, -1]).exp()[:, :, None, None] * state
        out.append(y)
    return torch.cat(out, 1)


def _decays(total: Tensor) -> Tensor:
    """(B, H, T, T) exp of minus the steps between two events, 0 where the second is later. total: (B, T, H), summed."""
    total = total.transpose(1, 2)
    between = total[:, :, None, :] - total[:, :, :, None]  # at [t, s], of s less t: 0 or negative where s <= t
    later = torch.ones(between.shape[-2:], dtype=torch.bool, device=total.device).triu(1)
    return between.masked_fill(later, -torch.inf).exp()


class StateSpaceBlock(nn.Module):
    """Pre-norm state-space mixing, then a pre-norm feed-forward network: (B, T, D) -> (B, T, D), event t reads 0..t.

    x, b and c pass a causal depthwise convolution; the result is gated, normalised and projected. state: N. The step is
    softplus(time * d + bias): time (B, T, H) scales it, None leaves it.
    """

    def __init__(self, width: int, feedforward: int, dropout: float, *, state: int, expand: int):
        super().__init__()
        self.inner, self.state, self.dropout = expand * width, state, dropout
        self.heads = max(1, self.inner // HEAD)
        mixed = self.inner + 2 * state
        self.mixer_norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, self.inner + mixed + self.heads)
        self.convolution = nn.Conv1d(mixed, mixed, KERNEL, groups=mixed, padding=KERNEL - 1)
        self.decay = nn.Parameter(torch.linspace(1, 4, self.heads).log())
        self.step = nn.Parameter(torch.linspace(0.02, 0.5, self.heads).expm1().log())
        self.skip = nn.Parameter(torch.ones(self.heads))
        self.gate_norm, self.contract_mixed = nn.RMSNorm(self.inner), nn.Linear(self.inner, width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.expand, self.contract = nn.Linear(width, feedforward), nn.Linear(feedforward, width)

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        x = x + F.dropout(self.mix(self.mixer_norm(x), time), self.dropout, self.training)
        inner = F.gelu(self.expand(self.feedforward_norm(x)))
        return x + F.dropout(self.contract(inner), self.dropout, self.training)

    def mix(self, x: Tensor, time: Tensor | None) -> Tensor:
        """(B, T, D) the mixer of normalised x, with the steps scaled by time (B, T, H)."""
        B, T, _ = x.shape
        gate, mixed, d = self.project(x).split([self.inner, self.inner + 2 * self.state, self.heads], 2)
        mixed = F.silu(self.convolution(mixed.transpose(1, 2))[:, :, :T].transpose(1, 2))
        values, b, c = mixed.split([self.inner, self.state, self.state], 2)
        values = values.view(B, T, self.heads, -1)
        step = F.softplus((d if time is None else d * time) + self.step)
        y = chunked_scan(values, step, self.decay.exp(), b, c) + self.skip[:, None] * values
        return self.contract_mixed(self.gate_norm(y.flatten(2) * F.silu(gate)))


class StateSpaceEncoder(nn.Module):
    """Item ids (B, T), right-padded with 0, to hidden states (B, T, D), by state-space blocks without positions.

    item: the embedding table (I+1, D), tied to the output. time: maps inputs (B, T) of the events to factors (B, T, H)
    of the steps, which all blocks share; None for no inputs.
    """

    def __init__(
        self, n_items: int, *, width: int, layers: int, feedforward: int, dropout: float, state: int, expand: int,
        time: nn.Module | None = None,
    ):  # fmt: skip
        super().__init__()
        self.item = nn.Embedding(n_items + 1, width, padding_idx=0)
        self.blocks = nn.ModuleList(
            StateSpaceBlock(width, feedforward, dropout, state=state, expand=expand) for _ in range(layers)
        )
        self.norm, self.dropout, self.time = nn.LayerNorm(width), dropout, time
        nn.init.normal_(self.item.weight, std=0.02)
        with torch.no_grad():
            self.item.weight[0] = 0

    def forward(self, items: Tensor, *inputs: Tensor) -> Tensor:
        x = F.dropout(self.item(items), self.dropout, self.training)
        factors = self.time(*inputs) if self.time is not None else None
        for block in self.blocks:
            x = block(x, factors)
        return self.norm(x)


class RelativeTime(nn.Module):
    """Factors (B, T, H) of the steps from relative gaps u (B, T): exp(3 tanh(f(u) - f(0))), f a network of one hidden
    layer. A gap like those before it, u = 0, leaves the step as it is."""

    def __init__(self, heads: int, hidden: int = 16):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, hidden), nn.SiLU(), nn.Linear(hidden, heads, bias=False))

    def forward(self, gaps: Tensor) -> Tensor:
        both = self.net(torch.stack([gaps, torch.zeros_like(gaps)])[..., None])
        return (3 * torch.tanh(both[0] - both[1])).exp()
