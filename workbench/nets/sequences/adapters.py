"""Bottleneck adapters (arXiv:1902.00751): small networks beside a frozen encoder, here one for each domain of items."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import SequenceEncoder


class Bottleneck(nn.Module):
    """What an adapter adds to a state (..., D): up(dropout(relu(down(x)))), through `bottleneck` units, 0 at the start.
    The residual connection is left to its user."""

    def __init__(self, width: int, bottleneck: int, dropout: float):
        super().__init__()
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        self.dropout = dropout
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(F.dropout(F.relu(self.down(x)), self.dropout, self.training))


class DomainAdapters(nn.Module):
    """Item ids (B, T), right-padded with 0, to a state for each of n domains, (B, T, n, D): h_t + A_d(h_t^d).

    h is what the encoder makes of all events; h^d what it makes of those of domain d alone, up to event t, with the
    positions of that domain; without such an event A_d adds nothing. encoder: shared, meant to be frozen. domains:
    (I+1,) the domain of each item. positions: (n, max_length, D), those of each domain less the encoder's own.
    """

    def __init__(self, encoder: SequenceEncoder, domains: Tensor, n: int, *, bottleneck: int, dropout: float):
        super().__init__()
        length, width = encoder.position.weight.shape
        self.encoder = encoder
        self.positions = nn.ParameterList(torch.zeros(length, width) for _ in range(n))
        self.adapters = nn.ModuleList(Bottleneck(width, bottleneck, dropout) for _ in range(n))
        self.register_buffer("domains", domains, persistent=False)

    @property
    def item(self) -> nn.Embedding:
        """The embedding table of the encoder, (I+1, D)."""
        return self.encoder.item

    def forward(self, items: Tensor) -> Tensor:
        h = self.encoder(items)
        return torch.stack([h + self.adapted(items, domain) for domain in range(len(self.adapters))], dim=2)

    def adapted(self, items: Tensor, domain: int) -> Tensor:
        """(B, T, D) what the adapter of a domain adds to each state: A_d(h^d), 0 before the first event of d."""
        inside = (items > 0) & (self.domains[items] == domain)
        seen = inside.cumsum(1)  # events of the domain up to and including t
        order = (~inside).long().argsort(dim=1, stable=True)[:, : max(1, int(seen.max()))]
        own = (items * inside).gather(1, order)  # the events of the domain alone, right-padded
        added = self.adapters[domain](self.encoded(own, domain))  # (B, T_d, D)
        last = (seen - 1).clamp_min(0)[:, :, None].expand(-1, -1, added.shape[2])
        return added.gather(1, last) * (seen > 0)[:, :, None]

    def encoded(self, items: Tensor, domain: int) -> Tensor:
        """(B, T, D) states of the encoder over ids (B, T), with the positions of a domain in place of its own."""
        encoder, T = self.encoder, items.shape[1]
        x = encoder.item(items) + encoder.position.weight[:T] + self.positions[domain][:T]
        x = F.dropout(x, encoder.dropout, self.training)
        for block in encoder.blocks:
            x = block(x)
        return encoder.norm(x)


def by_domain_of_item(weight: Tensor, domains: Tensor, n: int) -> Tensor:
    """(I+1, n * D) item vectors (I+1, D), each in the columns of its domain and 0 elsewhere: their product with states
    (N, n * D), one after another, scores every item by the state of its own domain."""
    spread = weight.new_zeros(len(weight), n, weight.shape[1])
    spread[torch.arange(len(weight), device=weight.device), domains] = weight
    return spread.flatten(1)
