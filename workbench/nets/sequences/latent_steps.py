"""Latent steps: an encoder goes on reading after the last event, its own last state, fed back, in the place of an item.

The chains of all prefixes of a history run at once: token j after events 0..t attends to these events, whose keys and
values all chains share, and to the tokens up to j of its own chain. n further tokens cost as much as n passes.
"""
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.attention import KeyValues
from workbench.nets.transformer import SequenceEncoder

START = 0.02  # standard deviation of start weights, as of the item embeddings


def embedded(encoder: SequenceEncoder, items: Tensor) -> Tensor:
    """(B, T, D) what the encoder's first block reads of ids (B, T)."""
    x = encoder.item(items) + encoder.position.weight[: items.shape[1]]
    return F.dropout(x, encoder.dropout, encoder.training)


def read(encoder: SequenceEncoder, x: Tensor, before: Sequence[KeyValues] = ()) -> tuple[Tensor, list[KeyValues]]:
    """Hidden states (B, T, D) of embeddings (B, T, D), and each block's keys and values (B, H, T, d): the encoder's own
    pass, bit for bit. before: keys and values (1, H, k, d) of tokens in front of every row; they are part of those
    returned."""
    cache = []
    for layer, block in enumerate(encoder.blocks):
        q, k, v = block.attention.project(block.attention_norm(x))
        if before:
            k, v = (torch.cat([old.expand(len(new), -1, -1, -1), new], 2) for old, new in zip(before[layer], (k, v)))
        mask = k.new_ones(q.shape[2], k.shape[2]).tril(k.shape[2] - q.shape[2]).bool() if before else None
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        x = block.add(x, block.attention.merge_heads(attended))
        cache.append((k, v))
    return encoder.norm(x), cache


class Chains(NamedTuple):
    """P chains in each of B rows. state: (B, P, D) of their last tokens. shared: each block's keys and values
    (B, H, S, d) of what comes before all chains. bias: (B or 1, P, S), 0 where a chain attends to it, else -inf. own:
    each block's keys and values (B, H, P, j, d) of the chains' j tokens so far."""

    state: Tensor
    shared: list[KeyValues]
    bias: Tensor
    own: list[KeyValues]

    def rows(self, keep: Tensor) -> "Chains":
        """The rows where `keep` (B,) bool holds."""
        pairs = [[(k[keep], v[keep]) for k, v in each] for each in (self.shared, self.own)]
        return Chains(self.state[keep], pairs[0], self.bias if len(self.bias) == 1 else self.bias[keep], pairs[1])


def start(h: Tensor, cache: list[KeyValues], last: Tensor | None = None) -> Chains:
    """Chains after every event (P = T) of h (B, T, D), or after the event `last` (B,) alone (P = 1). cache: see `read`;
    what it holds before the T events all chains attend to."""
    (B, T, _), S = h.shape, cache[0][0].shape[2]
    at = torch.arange(T, device=h.device)
    ends = at[None] if last is None else last[:, None]  # (1, T) or (B, 1)
    hidden = torch.arange(S, device=h.device) - (S - T) > ends[..., None]
    bias = torch.zeros(hidden.shape, device=h.device).masked_fill(hidden, -torch.inf)
    return Chains(h if last is None else h[torch.arange(B, device=h.device), last][:, None], cache, bias, [])


def follow(blocks: Sequence[nn.Module], x: Tensor, chains: Chains) -> tuple[Tensor, list[KeyValues]]:
    """What causal blocks give for n further tokens x (B, P, n, D) of each chain, (B, P, n, D), and the keys and values
    of the chains' tokens with these, for their `own`."""
    B, P, n, D = x.shape
    own, x = [], x.reshape(B, P * n, D)
    for layer, block in enumerate(blocks):
        q, k, v = (each.unflatten(2, (P, n)) for each in block.attention.project(block.attention_norm(x)))
        if chains.own:
            k, v = (torch.cat([old, new], 3) for old, new in zip(chains.own[layer], (k, v)))
        attended = attend(q, (k, v), chains.shared[layer], chains.bias)
        x = block.add(x, block.attention.merge_heads(attended.flatten(2, 3)))
        own.append((k, v))
    return x.view(B, P, n, D), own


def attend(q: Tensor, own: KeyValues, shared: KeyValues, bias: Tensor) -> Tensor:
    """Attention of the last n tokens of each chain to what comes before it and, causally, to the chain's m tokens.

    q (B, H, P, n, d); own: keys and values (B, H, P, m, d); shared: (B, H, S, d); bias (B or 1, P, S). Returns
    (B, H, P, n, d).
    """
    (P, n), m, S = q.shape[2:4], own[0].shape[3], shared[0].shape[2]
    q = q * q.shape[-1] ** -0.5
    events = (q.flatten(2, 3) @ shared[0].transpose(2, 3)).unflatten(2, (P, n)) + bias[:, None, :, None]
    later = q.new_ones(n, m).tril(m - n) == 0
    tokens = (q[..., None, :] * own[0][:, :, :, None]).sum(-1).masked_fill(later, -torch.inf)
    weights = torch.cat([events, tokens], 4).softmax(-1)
    from_events = (weights[..., :S].flatten(2, 3) @ shared[1]).unflatten(2, (P, n))
    return from_events + (weights[..., S:, None] * own[1][:, :, :, None]).sum(-2)


class LatentSteps(nn.Module):
    """Ids (B, T), right-padded, to states (B, T, K, D): r_1 .. r_K of K latent steps after every event.

    r_j is the state after token j, r_{j-1} + s_j; r_0 is the encoder's state. step: s (K, D). clusters: how many
    prototypes the steps before the last have; the buffers `labels` (K-1, I+1), the cluster of each item, and
    `centroids` (sum of clusters, D) hold them, zeros until `set_prototypes`.
    """

    def __init__(self, encoder: SequenceEncoder, steps: int, clusters: Sequence[int]):
        super().__init__()
        n, width = encoder.item.weight.shape
        self.encoder, self.clusters = encoder, list(clusters)
        self.step = nn.Parameter(torch.randn(steps, width) * START)
        self.register_buffer("labels", torch.zeros(len(clusters), n, dtype=torch.int64))
        self.register_buffer("centroids", torch.zeros(sum(clusters), width))

    @property
    def item(self) -> nn.Embedding:
        """The embeddings of the items."""
        return self.encoder.item

    def forward(self, items: Tensor) -> Tensor:
        chains, states = self.begin(items), []
        for _ in self.step:
            chains = self.advance(chains)
            states.append(chains.state)
        return torch.stack(states, 2)

    def begin(self, items: Tensor, last: Tensor | None = None) -> Chains:
        """Chains without tokens: after every event, or after the event `last` (B,) alone."""
        return start(*read(self.encoder, embedded(self.encoder, items)), last)

    def advance(self, chains: Chains) -> Chains:
        """One latent step more."""
        done = chains.own[0][0].shape[3] if chains.own else 0
        x = F.dropout(chains.state + self.step[done], self.encoder.dropout, self.training)
        x, own = follow(self.encoder.blocks, x[:, :, None], chains)
        return chains._replace(state=self.encoder.norm(x)[:, :, 0], own=own)

    def set_prototypes(self, labels: Tensor) -> None:
        """Take over the clusters (K-1, I) of the items; a prototype is the mean of its items' embeddings now."""
        table = self.item.weight.detach()[1:]
        means = [
            torch.zeros(k, table.shape[1], device=table.device).index_add_(0, row, table)
            / torch.bincount(row, minlength=k).clamp_min(1)[:, None]
            for k, row in zip(self.clusters, labels.to(table.device))
        ]
        self.labels[:, 1:] = labels.to(table.device)
        self.centroids.copy_(torch.cat(means))

    def prototype_loss(self, h: Tensor, targets: Tensor) -> Tensor:
        """Sum over the steps before the last of the mean of -log softmax_c(r_j . m_c)[cluster of the target]. h:
        (N, K, D) states at targets (N,). While the prototypes are zeros it is a constant, without gradient."""
        tables = self.centroids.split(self.clusters)
        terms = [F.cross_entropy(h[:, j] @ m.T, self.labels[j, targets]) for j, m in enumerate(tables)]
        return sum(terms, h.new_zeros(()))


def halting_signals(before: Tensor, now: Tensor, weight: Tensor) -> Tensor:
    """(n, 3) in [0, 1], small where a further step would change little, of successive states (n, D): the entropy of the
    prediction over the items, as a share of log I; its total variation distance to the one before; and the change of
    state, |r_j - r_{j-1}| / (|r_j| + |r_{j-1}|). weight: (I+1, D)."""
    was, log_p = (before @ weight[1:].T).softmax(1), (now @ weight[1:].T).log_softmax(1)
    p = log_p.exp()
    entropy = -(p * log_p).sum(1) / math.log(max(2, len(weight) - 1))
    change = (now - before).norm(dim=1) / (now.norm(dim=1) + before.norm(dim=1)).clamp_min(1e-12)
    return torch.stack([entropy, (p - was).abs().sum(1) / 2, change], 1)
