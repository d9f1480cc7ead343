"""The last state of a SASRec, without the states before it that no later block reads.

Of the last block only the last event's state is read, so its attention has one query and its feed-forward network one
event, which is near half of the work of two blocks.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.sequential import LastState
from workbench.recommenders.vector import VectorRecommender

BATCH = 32  # histories of similar length, as padding is read too


def states_of(model: VectorRecommender, histories: Histories) -> Tensor:
    """(B, D) the states that `model.states` gives, with gradients, of a recommender of any kind; some of (B, K, D)."""
    if not _reads_last_states(model):
        return model.reader.states(model.module, histories)
    parts, order = [], list(histories.batches(BATCH))
    for index in order:
        x, last = embedded(model, histories.take(index))
        parts.append(last_states(model.module, x, last))
    return torch.cat(parts)[torch.from_numpy(np.argsort(np.concatenate(order))).to(model.device)]


def _reads_last_states(model: VectorRecommender) -> bool:
    """Whether a model is a SASRec that reads nothing but items."""
    plain = type(model.reader) is LastState and model.reader.inputs is None
    return plain and isinstance(model.module, SequenceEncoder) and len(model.module.blocks) > 0


def embedded(model: VectorRecommender, histories: Histories) -> tuple[Tensor, Tensor]:
    """(B, T, D) what the first block of a SASRec reads, and (B,) the place of the last event; an empty history is one
    padding token."""
    encoder = model.module
    T = max(1, min(model.max_length, int(histories.lengths.max(initial=1))))
    items = torch.from_numpy(histories.padded(T)).to(model.device)
    last = torch.from_numpy(np.clip(histories.lengths, 1, T) - 1).to(model.device)
    x = encoder.item(items) + encoder.position.weight[:T]
    return F.dropout(x, encoder.dropout, encoder.training), last


def last_states(encoder: SequenceEncoder, x: Tensor, last: Tensor, *, first: int = 0) -> Tensor:
    """(B, D) the states at places last (B,), of what block `first` reads (B, T, D)."""
    for block in encoder.blocks[first:-1]:
        x = block(x)
    return encoder.norm(_of_last(encoder.blocks[-1], x, last)[:, 0])


def _of_last(block: nn.Module, x: Tensor, last: Tensor) -> Tensor:
    """(B, 1, D) what a causal block makes of places last (B,) of x (B, T, D)."""
    q, k, v = block.attention.project(block.attention_norm(x))
    q = q[torch.arange(len(x), device=x.device), :, last][:, :, None]
    seen = torch.arange(x.shape[1], device=x.device) <= last[:, None]
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None])
    return block.add(at_places(x, last)[:, None], block.attention.merge_heads(attended))


def at_places(x: Tensor, last: Tensor) -> Tensor:
    """(B, D) x (B, T, D) at places last (B,)."""
    return x[torch.arange(len(x), device=x.device), last]
