"""Intents of a history, read off a frozen encoder by learned vectors around it, and reasoning steps that use them."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.sequences.latent_steps import START, Chains, embedded, follow, read, start
from workbench.nets.transformer import Block, SequenceEncoder


class IntentAttention(nn.Module):
    """States (B, P, D) attend to intents (B, P, m, D), each to those of its own history; returns (B, P, D)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.norm = heads, nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        q = self.query(self.norm(s)).unflatten(2, (self.heads, -1))  # (B, P, H, d)
        k, v = self.key_value(z).unflatten(3, (2, self.heads, -1)).unbind(3)  # (B, P, m, H, d)
        weights = ((q[:, :, None] * k).sum(-1) * q.shape[-1] ** -0.5).softmax(2)
        return self.out((weights[..., None] * v).sum(2).flatten(2))


class IntentReasoner(nn.Module):
    """Ids (B, T), right-padded, to states (B, T, D) after reasoning steps over a frozen encoder's states and intents.

    prefix (k, D): what the encoder reads before every history. intent (m, D): what it reads after each event, its
    states there being the intents after that event, mapped by `align`. A step is deliberation, s + attention to the
    intents, then decision, a block that attends to the encoder's states up to the event and to the steps so far. Both
    have the same weights in every step. shuffled: in training, the intents are those of another row of the batch.
    """

    def __init__(
        self, encoder: SequenceEncoder, *, prefix: int, intents: int, steps: int, heads: int, feedforward: int,
        shuffled: bool = False,
    ):  # fmt: skip
        super().__init__()
        width = encoder.item.weight.shape[1]
        self.encoder, self.steps, self.shuffled = encoder.requires_grad_(False), steps, shuffled
        self.prefix = nn.Parameter(torch.randn(prefix, width) * START)
        self.intent = nn.Parameter(torch.randn(intents, width) * START)
        self.align, self.deliberate = nn.Linear(width, width), IntentAttention(width, heads)
        self.decide = Block(width, heads, feedforward, encoder.dropout)

    @property
    def item(self) -> nn.Embedding:
        """The embeddings of the items, frozen."""
        return self.encoder.item

    def train(self, mode: bool = True) -> "IntentReasoner":
        """The frozen encoder has no dropout, in training either."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, items: Tensor) -> Tensor:
        chains, h = self.begin(items)
        if not self.steps:
            return h
        z = self.intents(chains)
        return self.reason(h, z.roll(1, 0) if self.shuffled and self.training else z, chains.bias)[-1]

    def begin(self, items: Tensor, last: Tensor | None = None) -> tuple[Chains, Tensor]:
        """Chains after every event, or after the event `last` (B,) alone, and the encoder's states h (B, T, D)."""
        before = read(self.encoder, self.prefix[None])[1] if len(self.prefix) else ()
        h, cache = read(self.encoder, embedded(self.encoder, items), before)
        return start(h, cache, last), h

    def intents(self, chains: Chains) -> Tensor:
        """(B, P, m, D) intents after the events with which P chains begin."""
        slots = self.intent.expand(*chains.state.shape[:2], -1, -1)
        return self.align(self.encoder.norm(follow(self.encoder.blocks, slots, chains)[0]))

    def reason(self, h: Tensor, z: Tensor, bias: Tensor) -> list[Tensor]:
        """The states s_1 .. s_K, each (B, T, D), of K steps after every event: of the encoder's states h (B, T, D) and
        intents z (B, T, m, D). bias (1, T, S): of `Chains`; its last T columns are those of the events."""
        k, v = self.decide.attention.project(self.decide.attention_norm(h))[1:]
        chains, states = Chains(h, [(k, v)], bias[..., -h.shape[1] :], []), []
        for _ in range(self.steps):
            s = chains.state + F.dropout(self.deliberate(chains.state, z), self.decide.dropout, self.training)
            x, own = follow([self.decide], s[:, :, None], chains)
            chains = chains._replace(state=x[:, :, 0], own=own)
            states.append(chains.state)
        return states
