"""Several interests of a history: attentive pooling of its hidden states, once for each interest and each prefix."""
import torch
from torch import Tensor, nn


class MultiInterestPooling(nn.Module):
    """Hidden states H (B, T, D), causal and right-padded, to interests V (B, T, K, D) after each event.

    V_t = softmax_{s <= t}(W_2 tanh(W_1 h_s)) H (self-attentive pooling, Lin et al. 2017; ComiRec-SA, arXiv:2005.09347):
    the weights of an event are those of a softmax over the events of the prefix alone, so V_t sees no later event.
    """

    def __init__(self, width: int, interests: int, hidden: int):
        super().__init__()
        self.hidden, self.score = nn.Linear(width, hidden, bias=False), nn.Linear(hidden, interests, bias=False)

    def forward(self, h: Tensor) -> Tensor:
        T = h.shape[1]
        scores = self.score(torch.tanh(self.hidden(h))).mT  # (B, K, T)
        later = torch.ones(T, T, dtype=torch.bool, device=h.device).triu(1)
        weights = scores[:, None].masked_fill(later[:, None], -torch.inf).softmax(-1)  # (B, T, K, T)
        return (weights.flatten(1, 2) @ h).unflatten(1, weights.shape[1:3])


class MultiInterestEncoder(nn.Module):
    """Item ids (B, T), right-padded with 0, to interests (B, T, K, D) after each event: an encoder of hidden states,
    such as a `SequenceEncoder`, and pooling."""

    def __init__(self, encoder: nn.Module, pooling: MultiInterestPooling):
        super().__init__()
        self.encoder, self.pooling = encoder, pooling

    @property
    def item(self) -> nn.Embedding:
        """The embeddings (I+1, D) of the encoder, tied to the output layer."""
        return self.encoder.item

    def forward(self, items: Tensor) -> Tensor:
        return self.pooling(self.encoder(items))
