"""The interfaces between packages, on one page: read this first.

Shape letters used everywhere: B batch, T time, I items, U users, L code levels, K codes per level, D width, F features.
Item ids are 1..I and row 0 is padding; users are 0..U-1; a higher score is better. Arguments and results are numpy
arrays, so a counting baseline, a neural network on a GPU and predictions from a CSV file share one interface.
"""
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np


class Recommendations(NamedTuple):
    """Top-k lists, best item first: valid item ids, distinct within a row, never padding.

    items: (B, k) int. scores: (B, k) float, non-increasing along a row.
    group, group_size: (B, k) int or None; the code group of each item, and how many items of that group could be
    recommended. They are set by recommenders whose item codes collide, so that metrics can be collision-corrected; such
    a recommender has `codes` (workbench.tokens.ItemCodes), whose trie numbers the groups. None: no items share codes.
    """

    items: np.ndarray
    scores: np.ndarray
    group: np.ndarray | None = None
    group_size: np.ndarray | None = None


@runtime_checkable
class Recommender(Protocol):
    """The interface of every recommender. `histories` is a workbench.data.Histories of B rows, oldest event first."""

    def fit(self, split: Any, session: Any) -> list[dict]:
        """Learn from `split.train` only; `session` is a workbench.train.fit.TrainingSession. Returns the learning
        curve, one dict per epoch, or [] for a system without iterative training."""

    def recommend(self, histories: Any, k: int, exclude: Any = None) -> Recommendations:
        """The k best items for each history. `exclude`: Histories of B rows whose items must not be returned."""

    def state(self) -> dict[str, np.ndarray]:
        """Everything learned by fit, as named arrays: `load_state` on a fresh build restores identical predictions."""

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore what another instance learned."""


@runtime_checkable
class Scorer(Protocol):
    """Optional capability, tested with isinstance: a score for every item."""

    def score(self, histories: Any) -> np.ndarray:
        """(B, I+1) float; column 0 is meaningless."""


@runtime_checkable
class Likelihood(Protocol):
    """Optional capability: log-probabilities of items. likelihood: whether training maximises them; ask it before they
    are called probabilities, because where scores are learned from pairs the softmax is one in form only."""

    likelihood: bool

    def log_prob(self, histories: Any, items: np.ndarray) -> np.ndarray:
        """(B, n) float for items (B, n)."""


@runtime_checkable
class NextItemNetwork(Protocol):
    """What a torch.nn.Module of one's own answers, so that `bench.fit(module, name="mynet")` trains, evaluates and
    stores it: `forward` alone. The layers, their names and the widths inside are its own.

    It must not read ahead (position t has read items 0..t), must not depend on padding or on the other rows of the
    batch, and has float32 parameters. Before training these are tried on a few histories, and a UserError says what is
    wrong. It is trained by the cross-entropy of the next item over all items; `fit(..., loss="bpr")` declares a method
    of its own instead: `bpr(items, targets)` returns a scalar, with targets (B, T) where forward scores every position,
    0 where there is none, or (B,). Chance in it comes from torch's generator, which is seeded at every step.
    """

    def forward(self, items: Any) -> Any:
        """items: (B, T) int64 tensor, oldest event first, right-padded with 0. Returns the scores of the next item
        after every event, (B, T, I+1), or only after the last, (B, I+1), of which column 0 is not used."""


@runtime_checkable
class Evaluated(Protocol):
    """What `compare` and `contrast` read: a run, or what `bench.evaluate` returns.

    label: the name of its row. info: among others protocol, dataset, data_hash, users, seed, depth, settings, recipe,
    family.
    """

    label: str
    info: dict

    def per_case(self, metric: str) -> np.ndarray:
        """(C,) values of a metric such as "ndcg@10", one per test case; UserError if its cutoff exceeds the depth of
        the evaluated lists."""


@runtime_checkable
class InBatches(Protocol):
    """Optional capability of a traceable recommender: `trace` takes at most `batch` histories at a time."""

    batch: int


@runtime_checkable
class Retrieves(Protocol):
    """Optional capability of a recommender in two stages: only what its first stage retrieves can be recommended on
    top. retrieved: how many. Its results add the recall that this allows, and what is reached within it."""

    retrieved: int

    def candidates(self, histories: Any, exclude: Any = None) -> np.ndarray:
        """(B, retrieved) the items that the first stage retrieves."""


@runtime_checkable
class HasCodes(Protocol):
    """Optional capability: items have semantic IDs. codes: workbench.tokens.ItemCodes."""

    codes: Any


@runtime_checkable
class HasBeam(Protocol):
    """Optional capability: semantic IDs are decoded code by code with a beam. beam: its width, the longest list."""

    beam: int
    codes: Any

    def beams(self, histories: Any, *, beam: int = 0, constrained: bool = True, exclude: Any = None) -> Any:
        """The beams of histories after every code, a workbench.decode.Beams."""

    def code_log_probs(self, cases: Any) -> np.ndarray:
        """(C, L) log-probability of each code of the targets of C cases, given the true codes before it."""


@runtime_checkable
class ScoredByItems(Protocol):
    """Optional capability: a score is the product of the state of a history and an item's embedding, a row of the
    torch parameter `module.item.weight` (I+1, D), up to terms that all users share."""

    module: Any

    def states(self, histories: Any) -> Any:
        """(B, D) tensor, the states of B histories."""


def codes_of(recommender: Any) -> Any:
    """The semantic IDs of a recommender's items, or None."""
    return recommender.codes if isinstance(recommender, HasCodes) else None


def item_embeddings(recommender: Any) -> Any:
    """The (I+1, D) torch parameter that a recommender's states are multiplied with, or None."""
    return recommender.module.item.weight if isinstance(recommender, ScoredByItems) else None


class ReadoutPositions(NamedTuple):
    """The token positions at which the activations of a network are read, and what each of them stands for.

    mask: bool, the shape of a module's output without its last axis: (B, S), or (B,) for one position per history; it
    has more rows than there are histories if each history is read several times. Its n true entries, in row order, are
    the readout positions. event: (n,) int64, index into the batch's `items` of the last event seen at the position.
    level: (n,) int64, the code level of the next item that the position predicts; 0 for the first level and for items
    without codes.
    """

    mask: np.ndarray
    event: np.ndarray
    level: np.ndarray


@runtime_checkable
class Traceable(Protocol):
    """Optional capability: activations of the network can be recorded. It has a torch `module`, which reads at most
    `max_length` events of a history."""

    module: Any
    max_length: int

    def trace(self, histories: Any) -> ReadoutPositions:
        """Run the network over histories of at most `max_length` events, as in training but without dropout."""


@runtime_checkable
class MaskReadout(Protocol):
    """Optional capability of a traceable recommender: where it is read out. If it predicts at a mask token appended to
    the history, activations may be replaced there and nowhere else.

    readout_mask(x): the positions read out while recommending, a bool tensor of the shape of x, a module's output,
    without its last axis. None where every position is read out.
    """

    readout_mask: Any
