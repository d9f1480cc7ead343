"""Losses of the codes of a semantic ID under teacher forcing, as functions of logits.

logits: for each of L levels (N, K), of the code there given the true codes before it. targets: (N, L) int64 codes.
children: for each level, the child table of the trie (nodes, K), -1 where no item continues (workbench.tokens.trie).
"""
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

CodeLoss = Callable[[Sequence[Tensor], Tensor, Sequence[Tensor]], Tensor]  # of (logits, targets, children): a scalar


def code_cross_entropy(logits: Sequence[Tensor], targets: Tensor, children: Sequence[Tensor]) -> Tensor:
    """Mean over targets and levels of -log p(c_l | c_1 .. c_{l-1}), p over all K codes (TIGER, arXiv 2305.05065)."""
    return torch.stack([F.cross_entropy(each, targets[:, level]) for level, each in enumerate(logits)]).mean()


def tempered_cross_entropy(tau: float) -> CodeLoss:
    """Cross-entropy of logits / tau: below 1 it weighs the codes that are hard to tell from the target more (LETTER,
    arXiv 2405.07314, eq. 8). tau=1 is `code_cross_entropy` bit for bit."""
    if tau == 1:
        return code_cross_entropy
    return lambda logits, targets, children: code_cross_entropy([each / tau for each in logits], targets, children)


def trie_cross_entropy(logits: Sequence[Tensor], targets: Tensor, children: Sequence[Tensor]) -> Tensor:
    """`code_cross_entropy` with each p over the codes that continue an item's prefix alone, the children of the node of
    the true codes before: never more than over all K, and without gradient on codes that the trie forbids (the
    constrained sequence learning of MSCGRec, arXiv 2602.03713)."""
    return code_cross_entropy(within_trie(logits, targets, children), targets, children)


def within_trie(logits: Sequence[Tensor], targets: Tensor, children: Sequence[Tensor]) -> list[Tensor]:
    """The logits with -inf for codes that do not continue the true codes before them."""
    nodes = target_nodes(targets, children)
    return [each.masked_fill(table[nodes[:, level]] < 0, -torch.inf)
            for level, (each, table) in enumerate(zip(logits, children))]  # fmt: skip


def target_nodes(targets: Tensor, children: Sequence[Tensor]) -> Tensor:
    """(N, L+1) int64: the nodes of the trie on the way to each target, from the root."""
    nodes = [torch.zeros(len(targets), dtype=torch.int64, device=targets.device)]
    for level, table in enumerate(children):
        nodes.append(table[nodes[-1], targets[:, level]].long())
    return torch.stack(nodes, 1)
