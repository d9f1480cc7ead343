"""Several interests from the states of a history, by attention with a query for each (ComiRec-SA, arXiv:2005.09347)."""
import torch
from torch import Tensor, nn

from workbench.nets.transformer import SequenceEncoder


class InterestPooling(nn.Module):
    """States h (B, T, D) to K interests of every prefix (B, T, K, D): a = W_2 tanh(W_1 h), v_k(t) = sum_s p_ks h_s, p_k
    the softmax of a_ks + b_k(t - s) over the events s = 0..t. age: (K, max_length) the b, in place of the positions
    that ComiRec adds to h, so that an interest can be of the newest events."""

    def __init__(self, width: int, interests: int, max_length: int):
        super().__init__()
        self.inner, self.queries = nn.Linear(width, width), nn.Linear(width, interests, bias=False)
        self.age = nn.Parameter(torch.zeros(interests, max_length))

    def forward(self, h: Tensor) -> Tensor:
        logits = self.queries(torch.tanh(self.inner(h))).transpose(1, 2)  # (B, K, T)
        T = h.shape[1]
        later = torch.ones(T, T, dtype=torch.bool, device=h.device).triu(1)
        place = torch.arange(T, device=h.device)
        aged = logits[:, :, None] + self.age[:, (place[:, None] - place).clamp_min(0)]  # (B, K, T, T)
        weights = aged.masked_fill(later, -torch.inf).softmax(3)
        return (weights @ h[:, None]).transpose(1, 2)


class InterestEncoder(nn.Module):
    """Item ids (B, T), right-padded with 0, to K interests after each event, (B, T, K, D): the states of an encoder and
    `InterestPooling`. item: the encoder's embeddings."""

    def __init__(self, encoder: SequenceEncoder, pooling: InterestPooling):
        super().__init__()
        self.encoder, self.pooling = encoder, pooling

    @property
    def item(self) -> nn.Embedding:
        """(I+1, D), tied to the output."""
        return self.encoder.item

    def forward(self, items: Tensor) -> Tensor:
        return self.pooling(self.encoder(items))
