"""ARAG: agents at one board say what a user wants, which retrieved items offer it, and rank what passed that gate.

Paper     ARAG: Agentic Retrieval Augmented Generation for Personalized Recommendation, SIGIR 2025 workshop,
          arXiv:2506.21931. After its abstract and pages about it.
Idea      What was retrieved is alike, which is not the same as wanted. Ask of each candidate, before it is ranked,
          whether its text supports what the user wants; rank by a summary of those that do.
Equation  wanted_u = the strongest TF-IDF terms of the history, an event counting 2^{-age / 5}, weights that sum to 1
          support(u, i) = sum of wanted_u over terms that the text of i has, less those that it denies ("no perfume")
          accepted = support >= gate;  summary_u = the strongest terms of accepted i, weighed by support
          list = accepted by support + cos(summary_u, i), then the others in the order of retrieval
Claim     With the gate the list is better than by likeness to what is wanted alone (gated=False), and than in the order
          of retrieval (n=0).
Differs   Without model= no language model: summaries are terms, and entailment is containment of terms, with the sign
          turned where a text denies one. With model= a local one judges entailment, yes or no, its log-odds over both
          orders of the two words less those of an empty text; support is tanh of half of them, so that the same gate of
          .2 asks for log-odds of at least .41. It reads the first 160 characters of an item's text, containment reads
          all of it. The paper's agents all write text. Candidates are the first stage's, by transitions, where the
          paper retrieves by embeddings. Nothing is trained.
Reported  Amazon Clothing: NDCG@5 .439 and Hit@5 .535 against .299 and .379 of retrieval alone, on lists whose
          candidates it does not state.
"""
from collections.abc import Callable

import numpy as np

from workbench.embed.documents import documents
from workbench.errors import UserError
from workbench.recommenders.prompts.board import Board, Terms, products, strongest
from workbench.recommenders.prompts.entailment import entailed
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.reranked import Reranked
from workbench.train import Recipe

PARENT = "item_transitions"
OFF = {"n": 0}
PLACEBO = {"permuted": True}
RECIPE = Recipe(epochs=1)
HALF_LIFE = 5.0  # events
Step = Callable[[Board], None]


def build(bench, *, first="item_transitions", n=20, gate=0.2, gated=True, terms=12, permuted=False, model=""):
    """The first n items of `first`, gated and ranked at a board.

    n: candidates; 0 leaves the order of `first`. gate: the least support that is accepted, from -1 (all are) to 1.
    gated: False judges no support; candidates are ranked by likeness to what is wanted. terms: that say what is wanted.
    permuted: the placebo, items have the texts of others. model: a local language model that judges support. UserError
    for a setting out of range, or where no item has text.
    """
    if not 0 <= n <= bench.split.n_items or not -1 <= gate <= 1 or terms < 1:
        raise UserError(f"arag: {n=} must be 0 to {bench.split.n_items:,} items, -1 <= {gate=} <= 1, {terms=} positive")
    if not n:
        return Reranked(bench.teacher(first).recommender(), None, n=0)
    texts = documents(bench.dataset).to_numpy(object)
    texts = texts[bench.rng("permuted texts").permutation(len(texts))] if permuted else texts
    said = Terms(texts.tolist())
    support = entailed(local_model(model), said, texts) if model else contained(said)
    retrieve = bench.teacher(first).recommender()
    if not gated:
        return Reranked(retrieve, Agents([understand(said, terms), by_likeness(said)]), n=n)
    return Reranked(retrieve, Agents([understand(said, terms), support, accept(gate), summarise(said, terms),
                                      rank(said)]), n=n)  # fmt: skip


class Agents:
    """A `verb_interfaces.Reranker`: steps that write on one board, the last of them the scores."""

    def __init__(self, steps: list[Step]):
        self.steps = steps

    def rescore(self, histories, candidates: np.ndarray) -> np.ndarray:
        """(B, N) scores of the candidates (B, N), best first as they were retrieved."""
        return self.discuss(histories, candidates).scores

    def discuss(self, histories, candidates: np.ndarray) -> Board:
        """The board after all steps."""
        board = Board(histories, np.asarray(candidates, np.int64))
        for step in self.steps:
            step(board)
        return board


def understand(said: Terms, k: int) -> Step:
    """Writes what is wanted: the k strongest terms of a history, the newest events counting most."""

    def step(board: Board) -> None:
        events, rows = board.histories, board.histories.rows()
        age = events.offsets[1:][rows] - 1 - np.arange(len(rows))
        board.write("wanted", strongest(said.of(rows, 2 ** (-age / HALF_LIFE), events.items, len(events)), k))

    return step


def contained(said: Terms) -> Step:
    """Writes the support of each candidate: the wanted terms that its text has, less those that it denies."""

    def step(board: Board) -> None:
        board.write("support", products(board.wanted, said.says, board.candidates))

    return step


def accept(gate: float) -> Step:
    """Writes which candidates pass: those whose support is the gate or more."""

    def step(board: Board) -> None:
        board.write("accepted", board.support >= gate)

    return step


def summarise(said: Terms, k: int) -> Step:
    """Writes the k strongest terms of what was accepted, by its support; where nothing was, of what is wanted."""

    def step(board: Board) -> None:
        B, N = board.candidates.shape
        weights = np.maximum(np.where(board.accepted, board.support, 0), 0).ravel()
        mixed = said.of(np.repeat(np.arange(B), N), weights, board.candidates.ravel(), B) + board.wanted * 1e-6
        board.write("summary", strongest(mixed, k))

    return step


def rank(said: Terms) -> Step:
    """Writes the scores: the accepted by support and likeness to the summary, below them the others as retrieved."""

    def step(board: Board) -> None:
        below = -10.0 - np.arange(board.candidates.shape[1])
        accepted = board.support + likeness(said, board.summary, board.candidates)
        board.write("scores", np.where(board.accepted, accepted, below))

    return step


def by_likeness(said: Terms) -> Step:
    """Writes the scores: the cosine of a candidate's text and what is wanted."""
    return lambda board: board.write("scores", likeness(said, board.wanted, board.candidates))


def likeness(said: Terms, terms, candidates: np.ndarray) -> np.ndarray:
    """(B, N) cosines of terms (B, F) and the texts of candidates (B, N); 0 where there are no terms."""
    length = np.sqrt(np.asarray(terms.multiply(terms).sum(1)))
    return products(terms, said.weights, candidates) / np.maximum(length, 1e-9)
