"""Exact log-probabilities of every prefix of the catalogue under a decoder of semantic IDs."""
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from workbench import decode
from workbench.data import Histories
from workbench.progress import track

LEVELS = 16  # recorded outputs of a network, one per level: no codes are longer


@torch.no_grad()
def prefix_log_probs(recommender, histories: Histories) -> list[np.ndarray]:
    """For each depth 1..L, (C, nodes) float32 log-probabilities of all prefixes of that depth, normalized over all
    codes."""
    trie, table = recommender.codes.trie, recommender.module.code
    edges = [tuple(torch.from_numpy(at) for at in np.nonzero(below >= 0)) for below in trie.children]
    out = [np.empty((len(histories), len(counts)), np.float32) for counts in trie.counts[1:]]
    recommender.module.eval()
    for case in track(range(len(histories)), "score all prefixes", unit="cases"):
        rows = recommender.tokenize(histories.take([case]).last(recommender.max_length))
        with replaced(table, "logits", table.logits) as outputs:
            decode.exact_scores(recommender.module, *rows, trie)
        scores = torch.zeros(1)
        for level, (parent, code) in enumerate(edges):
            scores = scores[parent] + outputs[level].reshape(-1, table.sizes[level]).log_softmax(1).cpu()[parent, code]
            out[level][case] = scores.numpy()
    return out


@contextmanager
def replaced(owner, name: str, function: Callable) -> Iterator[deque]:
    """Context in which `function` replaces a method of an object; yields its last LEVELS outputs, in order."""
    outputs: deque = deque(maxlen=LEVELS)

    def recorded(*args):
        outputs.append(function(*args))
        return outputs[-1]

    setattr(owner, name, recorded)
    try:
        yield outputs
    finally:
        delattr(owner, name)
