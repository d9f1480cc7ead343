"""What systems share whose codes learn with the recommender: the decoder that reads them, and their renewal."""
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.data import Cases
from workbench.errors import UserError
from workbench.nets.semantic_id_decoder import SemanticIdDecoder
from workbench.recommenders.codes.learned_codebooks import LearnedCodebooks, LearnedCodeTable
from workbench.recommenders.generative import Additions, Generative
from workbench.recommenders.semantic_ids import ITEMS, causal_decoder
from workbench.tokens.by_kind import default_size
from workbench.tokens.code_usage import code_usage
from workbench.tokens.codes import ItemCodes, item_codes, raw_ids
from workbench.tokens.collisions import append_dedup_code
from workbench.tokens.residual_quantiser import Quantised
from workbench.tokens.rq_kmeans import RQKMeans

LEVELS, SPARE = 3, 4  # of the codes; how many times as many items may share them later as do at the start
Assign = Callable[[Tensor, bool], Quantised]


def learned_codebooks(bench: Any, vectors: np.ndarray, *, rate: float) -> LearnedCodebooks:
    """Codebooks over item vectors (I+1, F) that start from residual k-means. UserError for a rate below 0."""
    if not rate >= 0:
        raise UserError(f"rate={rate} is the learning rate of the codebooks as a share of the others'; give 0 or more")
    size = default_size(len(vectors) - 1)
    start = RQKMeans(levels=LEVELS, size=size, seed=bench.seed).fit(vectors[1:]).centroids
    return LearnedCodebooks(vectors, start, rate=rate)


def joint_decoder(
    bench: Any, tokenizer: LearnedCodebooks, assign: Assign, *, width: int, layers: int, dropout: float,
    user_codes: np.ndarray | None = None, user_size: int = 0,
) -> tuple[SemanticIdDecoder, ItemCodes]:  # fmt: skip
    """A causal decoder that reads the soft codes of a tokenizer, and the codes it starts with: those of each item with
    a number that tells apart the items that share them. user_codes, user_size: see `LearnedCodeTable`."""
    codes = tokenizer.hard_codes()
    shared = int(np.unique(codes, axis=0, return_counts=True)[1].max())
    sizes = (tokenizer.tables.shape[1],) * LEVELS + (SPARE * shared,)
    start = item_codes(with_number(codes, sizes[-1]), sizes, raw_ids(bench.dataset), policy="dedup",
                       about={"kind": "learned", "seed": bench.seed})  # fmt: skip
    module = causal_decoder(bench, start, width=width, layers=layers, dropout=dropout, prefixes=False)
    with bench.init("learned codes"):
        module.code = LearnedCodeTable(
            sizes, width, start.n_items, tokenizer, assign, user_codes=user_codes, user_size=user_size
        )
    return module, start


def with_number(codes: np.ndarray, size: int) -> np.ndarray:
    """(I, L+1): codes (I, L) and the number of each item among those that share them, in order of their ids; from the
    `size`-th on items share the last number.

    >>> with_number(np.array([[5], [5], [7], [5]]), 2).tolist()
    [[5, 0], [5, 1], [7, 0], [5, 1]]
    """
    numbered, _ = append_dedup_code(codes, (0,) * codes.shape[1])
    number = numbered[:, -1] if numbered.shape[1] > codes.shape[1] else np.zeros(len(codes), codes.dtype)
    return np.column_stack([codes, np.minimum(number, size - 1)])


class Renewal:
    """Gives a `Generative` the codes of its tokenizer anew after every `every` epochs, and notes what changes: a
    callable for its `each_epoch`, with a `report` for its additions.

    changed: share of items with another code (of the first levels) than before the last renewal. used, largest: of the
    codes of the first level, how many occur and the largest share of items. before, after: with `watched` cases, the
    mean negative log-probability of their targets' codes, nats, just before and after the last renewal.
    """

    def __init__(
        self, recommender: Generative, tokenizer: LearnedCodebooks, *, every: int = 1, watched: Cases | None = None
    ):
        if every < 1:
            raise UserError(f"every={every}: codes are renewed after so many epochs; give 1 or more")
        self.recommender, self.tokenizer, self.every, self.watched = recommender, tokenizer, every, watched
        self.changed, self.nats = 0.0, {}

    def __call__(self, epochs: int) -> None:
        if epochs % self.every:
            return
        old, new = self.recommender.codes, self.tokenizer.hard_codes()
        moved = (old.codes[1:, :LEVELS] != new).any(1)
        self.changed = float(moved.mean())
        self.nats = self._nats("before")
        if moved.any():
            numbered = with_number(new, old.sizes[-1])
            self.recommender.code_buffer.write(old.with_codes(numbered))
        self.nats |= self._nats("after")

    def report(self) -> dict[str, float]:
        """For the learning curve: of the codes as they are now."""
        codes = self.recommender.codes.codes[1:]
        share = np.bincount(codes[:, 0]) / len(codes)
        used = code_usage(codes[:, :1], self.recommender.codes.sizes[:1])["used"][0]
        shares = {"codes/used": float(used), "codes/largest": float(share.max())}
        return {"codes/changed": self.changed} | shares | self.nats

    def _nats(self, when: str) -> dict[str, float]:
        if self.watched is None:
            return {}
        return {f"codes/{when}": -float(self.recommender.code_log_probs(self.watched).sum(1).mean())}


def joint_recommender(
    module: SemanticIdDecoder, codes: ItemCodes, *, beam: int, every: int, loss: Any,
    addition: Callable | None = None, mark: Callable | None = None,
    report: Callable[[], dict[str, float]] | None = None, watched: Cases | None = None,
) -> Generative:  # fmt: skip
    """The recommender of a `joint_decoder`, whose codes are renewed every `every` epochs. loss: of the codes. addition,
    mark, report: see `generative.Additions`. watched: see `Renewal`, whose report is always given."""
    made = Generative(module, codes, beam=beam, max_length=ITEMS, all_positions=True, loss=loss)
    renewal = Renewal(made, module.code.tokenizer, every=every, watched=watched)
    made.additions = Additions(mark, addition, renewal, lambda: renewal.report() | (report() if report else {}))
    return made


def distinct(items: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct items (m,) of targets (N,), and the index (m,) of the first target that is each."""
    found, which = items.unique(return_inverse=True)
    first = torch.full((len(found),), len(items), device=items.device)
    first.scatter_reduce_(0, which, torch.arange(len(items), device=items.device), "amin")
    return found, first
