"""The assembly of a re-ranker: a first stage retrieves, and a network that was trained on such lists orders them."""
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import Recommendations
from workbench.recommenders import score_methods
from workbench.recommenders.rerank.first_stages import FirstStages, Lists, training_lists
from workbench.recommenders.reranked import Reranked
from workbench.train import named_rng
from workbench.train.curves import continued
from workbench.train.fit import TrainingSession, fit

PAIRS = 16_384  # of a history and a candidate, scored at a time


class Batch(NamedTuple):
    """B lists to learn from. candidates: (B, N) item ids, in an order that says nothing. ranks: (B, N) the place, from
    0, that the first stage gave to each. places: (B,) of the right item among the candidates."""

    histories: Histories
    candidates: Tensor
    ranks: Tensor
    places: Tensor


class Phase(NamedTuple):
    """A part of the training. loss(batch, step): a scalar. name: of the phase, "" for one that is all of the training.
    share: of the recipe's epochs. trainable: see train.fit. of(lists): (M,) the cases that it learns from, None for
    all. validated: whether the best epoch is kept, else the last one is."""

    loss: Callable[[Batch, int], Tensor]
    name: str = ""
    share: float = 1.0
    trainable: str | Sequence[str] = "*"
    of: Callable[[Lists], np.ndarray] | None = None
    validated: bool = True


class TrainedReranker:
    """An `interfaces.Recommender` and `Retrieves`, and a `verb_interfaces.Reranker`.

    module(histories, candidates, ranks): scores (B, N) of item ids (B, N), a higher one is better; ranks (B, N) is the
    place of each in the order of the first stage, which a network may read or leave. The place in the list is another:
    candidates are shuffled, in training anew at every step, in use by an order of all items that is drawn once, so that
    the same candidates in any order have the same scores, bit for bit. ordered: the network reads the first stage's
    order by place instead. phases: how it is trained.
    """

    def __init__(
        self, stages: FirstStages, module: nn.Module, phases: Sequence[Phase], *, n: int, n_items: int, seed: int,
        ordered: bool = False,
    ):  # fmt: skip
        self.stages, self.module, self.phases, self.retrieved, self.ordered = stages, module, list(phases), n, ordered
        self.keys = named_rng(seed, "order of candidates").permutation(n_items + 1)

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train the network on lists of the first stages, which are fitted already. Returns one learning curve.

        UserError where no event of train, or of a phase, is among the candidates before it.
        """
        self.module.to(session.device)
        rng = named_rng(session.seed, "training lists")
        lists = training_lists(split.train, self.stages, self.retrieved, masked=split.protocol.mask_history, rng=rng)
        curve: list[dict] = []
        for phase in self.phases:
            epochs = max(1, round(phase.share * session.recipe.epochs))
            own = session.phase(phase.name, epochs=epochs) if phase.name else session
            curve = continued(curve, self._fit_phase(phase, lists, own))
        return curve

    def _fit_phase(self, phase: Phase, lists: Lists, session: TrainingSession) -> list[dict]:
        cases = np.arange(len(lists.events)) if phase.of is None else phase.of(lists)
        if not len(cases):
            raise UserError(f"phase {phase.name}: no event of train that it learns from is among the {self.retrieved} "
                            "candidates before it; give more candidates, or let more users in", code=3)  # fmt: skip

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "order", epoch).permutation(cases)
            return np.array_split(order, -(-len(order) // session.recipe.batch_size))

        def loss(index: np.ndarray, step: int) -> Tensor:
            return phase.loss(self.batch(lists, index, named_rng(session.seed, "candidates", step)), step)

        validate = (lambda: session.validate(self)) if session.validate and phase.validated else None
        return fit(self.module, batches, loss, session, validate=validate, trainable=phase.trainable, weight=len)

    def batch(self, lists: Lists, index: np.ndarray, rng: np.random.Generator) -> Batch:
        """The cases (B,) of the lists, their candidates shuffled, on the module's device."""
        items = lists.candidates[index].astype(np.int64)
        order = np.broadcast_to(np.arange(items.shape[1]), items.shape)
        order = order if self.ordered else np.argsort(rng.random(items.shape), axis=1)
        places = (order == lists.places[index, None]).argmax(axis=1)
        arrays = np.take_along_axis(items, order, axis=1), np.ascontiguousarray(order), places
        return Batch(lists.histories(index), *(torch.from_numpy(array).to(self.device) for array in arrays))

    def candidates(self, histories: Histories, exclude: Histories | None = None) -> np.ndarray:
        """(B, n) the items that are ordered anew."""
        return self.stages.whole.recommend(histories, self.retrieved, exclude).items

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The candidates in the order of the network, then the rest as the first stage has it; scores are -rank."""
        return Reranked(self.stages.whole, self, n=self.retrieved).recommend(histories, k, exclude)

    @torch.no_grad()
    def rescore(self, histories: Histories, candidates: np.ndarray, ranks: np.ndarray | None = None) -> np.ndarray:
        """(B, N) scores of candidates (B, N). ranks: (B, N) of each in the first stage, the given order by default."""
        self.module.eval()
        items = np.asarray(candidates, np.int64)
        given = np.arange(items.shape[1]) if ranks is None else np.asarray(ranks, np.int64)
        ranks = np.broadcast_to(given, items.shape)
        order = np.argsort(ranks if self.ordered else self.keys[items], axis=1, kind="stable")
        shown = [torch.from_numpy(np.take_along_axis(array, order, axis=1)) for array in (items, ranks)]
        scores, rows = np.zeros(items.shape, np.float32), max(1, PAIRS // max(1, items.shape[1]))
        for start in range(0, len(items), rows):
            at = np.arange(start, min(start + rows, len(items)))
            found = self.module(histories.take(at), *(tensor[at].to(self.device) for tensor in shown))
            scores[at] = found.cpu().numpy()
        out = np.empty_like(scores)
        np.put_along_axis(out, order, scores, axis=1)
        return out

    state = score_methods.state
    load_state = score_methods.load_state
