"""An encoder of item sequences that reads what the user said after each event, and a head that names words."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import SequenceEncoder


class CritiquedEncoder(nn.Module):
    """Item ids (B, T) and numbers of critiques (B, T), 0 for none, to hidden states (B, T, D): position t attends to
    the items 0..t and to what was said after each of them.

    encoder: whose parts it takes over. words: (C+1, L) ids of the words of each critique, right-padded with 0; row 0 is
    empty. n_words: ids are 1 to n_words. said: n_words, of the head `narrator`; 0 for none.
    """

    def __init__(self, encoder: SequenceEncoder, words: np.ndarray, n_words: int, *, said: int = 0):
        super().__init__()
        self.item, self.position, self.blocks, self.norm = encoder.item, encoder.position, encoder.blocks, encoder.norm
        self.dropout, width = encoder.dropout, self.item.weight.shape[1]
        self.register_buffer("words", torch.from_numpy(np.ascontiguousarray(words, np.int64)), persistent=False)
        self.word = nn.Embedding(n_words + 1, width, padding_idx=0)
        nn.init.normal_(self.word.weight, std=0.02)
        with torch.no_grad():
            self.word.weight[0] = 0
        self.narrator = nn.Linear(width, said) if said else None

    def critiques(self, numbers: Tensor) -> Tensor:
        """(K, D) the sum of the words of critiques (K,), by the root of how many there are; zeros for number 0."""
        words = self.words[numbers]
        count = (words > 0).sum(1, keepdim=True).clamp_min(1)
        return self.word(words).sum(1) / count.sqrt()

    def forward(self, items: Tensor, critiques: Tensor) -> Tensor:
        kinds, places = critiques.unique(return_inverse=True)
        x = self.item(items) + self.position.weight[: items.shape[1]] + self.critiques(kinds)[places]
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def word_loss(logits: Tensor, words: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy in nats between the words of a text and a softmax over all words, a mean over the texts that have
    words.

    logits: (N, W). words: (N, L) columns of logits. weights: (N, L) shares that sum to 1 in a row, or to 0 for a text
    without words.
    """
    each = -(logits.log_softmax(1).gather(1, words) * weights).sum(1)
    return each.sum() / (weights.sum(1) > 0).sum().clamp_min(1)
