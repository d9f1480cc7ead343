"""A graph of train dialogues, what they mention and knowledge of it, and walks over it that restart at a dialogue."""
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags

from workbench.data import Histories, Split
from workbench.data.dialogues.mentions import Mentions, entity_rows
from workbench.data.links.knowledge_graph import KnowledgeGraph

COLUMNS = 128  # histories that walk at a time
Reader = Callable[[Histories], csr_matrix]  # (B, E+1): what is mentioned in each history


def conversation_graph(mentioned: csr_matrix, graph: KnowledgeGraph, *, knowledge: float = 1.0) -> csr_matrix:
    """(N, N) float64, N = E + 1 + C: A D^-1, A the weights of links both ways, D the sums of its columns.

    Nodes: 0 is padding, then the entities 1..E, then dialogues. mentioned: (C, E+1), weights of the links of a dialogue
    and what it mentions. knowledge: weight of a link between two entities, 0 for none; two relations between the same
    two add up. A node without a link stays where it is, so that every column sums to 1.
    """
    C, width = mentioned.shape
    n = width + C
    said = mentioned.tocoo()
    rows, columns = [said.row + width, said.col], [said.col, said.row + width]
    values = [said.data, said.data]
    if knowledge:
        rows, columns = [*rows, graph.heads], [*columns, graph.tails]  # both directions are there
        values.append(np.full(len(graph.heads), knowledge))
    links = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n)).tocsr()
    degree = np.asarray(links.sum(axis=0)).ravel()
    return (links @ diags(np.divide(1.0, degree, out=np.zeros(n), where=degree > 0))
            + diags((degree == 0).astype(float))).tocsr()  # fmt: skip


def page_rank(links: csr_matrix, restart: np.ndarray, *, alpha: float, steps: int) -> np.ndarray:
    """(N, B) probabilities of being at each node after `steps` steps of r <- alpha p + (1 - alpha) A D^-1 r, from r =
    p = restart (N, B), whose columns sum to 1; those of the result do, too. With many steps it is
    alpha (1 - (1 - alpha) A D^-1)^-1 p (Page et al. 1999; personalised, Haveliwala, WWW 2002)."""
    r = restart
    for _ in range(steps):
        r = alpha * restart + (1 - alpha) * (links @ r)
    return r


class DialogueWalk:
    """Walks from dialogues over a `conversation_graph`.

    read: see `Reader`. usual: (E+1,) where a dialogue without a mention restarts. n_items: I.
    """

    def __init__(self, links: csr_matrix, read: Reader, usual: np.ndarray, *, n_items: int, alpha: float, steps: int):
        self.links, self.read, self.usual = links.astype(np.float32), read, usual  # half the time of float64
        self.n_items, self.alpha, self.steps = n_items, alpha, steps

    def from_mentions(self, mentioned: csr_matrix) -> np.ndarray:
        """(B, N) where walks are that restart at what is mentioned (B, E+1), each mention alike."""
        p = np.zeros((self.links.shape[0], mentioned.shape[0]), np.float32)
        total = np.asarray(mentioned.sum(axis=1)).ravel()
        p[: mentioned.shape[1]] = (diags(np.divide(1.0, total, out=np.zeros(len(total)), where=total > 0))
                                   @ mentioned).toarray().T  # fmt: skip
        p[: len(self.usual), total == 0] = self.usual[:, None]
        return page_rank(self.links, p, alpha=self.alpha, steps=self.steps).T.astype(np.float64)

    def from_usual(self) -> np.ndarray:
        """(I+1,) probabilities of the items in a walk that restarts at all that train mentions."""
        return self.from_mentions(csr_matrix((1, len(self.usual))))[0, : self.n_items + 1]

    def __call__(self, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
        """(B, I+1) and (B, C) probabilities of the items and of the dialogues of train."""
        mentioned, width = self.read(histories), len(self.usual)
        parts = [self.from_mentions(mentioned[start : start + COLUMNS])
                 for start in range(0, len(histories), COLUMNS)]  # fmt: skip
        found = np.concatenate(parts) if parts else np.zeros((0, self.links.shape[0]))
        return found[:, : self.n_items + 1], found[:, width:]


def walk_statistics(split: Split, mentions: Mentions, graph: KnowledgeGraph, *, knowledge: float) -> dict[str, Any]:
    """What a walk needs of train: links; usual (E+1,), the shares of what is mentioned; said (C, E+1), the mentions of
    each dialogue with an event, and dialogues (C,), the users that these are."""
    users = np.flatnonzero(split.train.lengths)
    said = entity_rows(mentions, split.train.take(users))
    usual = np.asarray(said.sum(axis=0)).ravel()
    return {"links": conversation_graph(said, graph, knowledge=knowledge), "usual": usual / max(1.0, usual.sum()),
            "said": said, "dialogues": users}  # fmt: skip


def most_similar(dialogues: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(B, n) places of the dialogues that a walk (B, C) is most often at, most often first, and (B, n) their shares of
    it, which sum to 1 (or are 0, where it is at none)."""
    n = min(n, dialogues.shape[1])
    top = np.argsort(-dialogues, axis=1, kind="stable")[:, :n]
    found = np.take_along_axis(dialogues, top, axis=1)
    return top, found / np.maximum(found.sum(axis=1, keepdims=True), 1e-300)


def overlap(dialogues: np.ndarray, said: csr_matrix, n: int, n_items: int) -> np.ndarray:
    """(B, I+1) share, 0 to 1, of the n most similar dialogues, weighed by the walk, that mention each item."""
    top, share = most_similar(dialogues, n)
    rows = np.repeat(np.arange(len(top)), top.shape[1])
    weights = csr_matrix((share.ravel(), (rows, top.ravel())), shape=dialogues.shape)
    return (weights @ said[:, : n_items + 1]).toarray()
