"""A network of visits, trained on the train visits of a fold by the binary cross-entropy of every item."""
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data.visits.records import Visits
from workbench.errors import UserError
from workbench.evaluate.sets.cases import BATCH, Fold, at_threshold, dense
from workbench.evaluate.sets.measures import Prescribed, best_threshold
from workbench.losses.contrast import info_nce
from workbench.nets.sets.visit_network import Reading, VisitInputs, VisitNetwork
from workbench.recommenders import score_methods
from workbench.train import Recipe
from workbench.train.fit import TrainingSession, fit
from workbench.train.rng import named_rng

VISIT_RECIPE = Recipe(epochs=60, batch_size=16, lr=5e-3, weight_decay=0.05, patience=8, monitor="jaccard")
TAU = 0.5  # temperature of the contrast between a profile and a set


class VisitModel:
    """A `cross_fitted.FoldModel` around a `VisitNetwork`.

    contrast: weight of the contrast between the profile of a visit and its set. lesson: None, or a function, called
    when training begins, to one of the reading of B visits and their places (B,) in `fold.train`, whose value is added
    to the loss. The set of a visit is read in the loss and nowhere else.
    """

    def __init__(
        self, visits: Visits, fold: Fold, module: VisitNetwork, *, past: int, contrast: float = 0.0,
        lesson: Callable[[], Callable[[Reading, np.ndarray], Tensor]] | None = None,
    ):  # fmt: skip
        self.visits, self.fold, self.module, self.past, self.contrast = visits, fold, module, past, contrast
        self.lesson = lesson

    def fit(self, session: TrainingSession) -> list[dict]:
        """On validation visits the threshold is chosen after every epoch, and the epoch."""
        self.module.to(session.device)
        self._mark_known()
        rows, size = self.fold.train, session.recipe.batch_size
        lesson = self.lesson() if self.lesson is not None else None

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "order", epoch).permutation(len(rows))
            return [order[start : start + size] for start in range(0, len(order), size)]

        def loss(places: np.ndarray, step: int) -> Tensor:
            reading = self.module(self.inputs(rows[places]))
            truth = self._tensor(dense(self.visits, rows[places])).float()
            total = F.binary_cross_entropy_with_logits(reading.logits[:, 1:], truth[:, 1:])
            if self.contrast and len(places) > 1:
                total = total + self.contrast * info_nce(reading.profile, reading.own, TAU)
            return total if lesson is None else total + lesson(reading, places)

        def validate() -> dict[str, float]:
            scores = self.scores(self.fold.valid)
            self.module.threshold.fill_(best_threshold(scores, dense(self.visits, self.fold.valid)))
            return session.validate(self)

        return fit(self.module, batches, loss, session, validate=validate if session.validate else None)

    def prescribe(self, rows: np.ndarray) -> Prescribed:
        """Probabilities, and the sets above the threshold."""
        return at_threshold(self.scores(rows), float(self.module.threshold))

    @torch.no_grad()
    def scores(self, rows: np.ndarray) -> np.ndarray:
        """(n, I+1) float32 probabilities of every item at rows (n,); column 0 is 0."""
        self.module.eval()
        parts = [self.module(self.inputs(rows[start : start + BATCH])).logits.sigmoid()
                 for start in range(0, len(rows), BATCH)]  # fmt: skip
        scores = torch.cat(parts).cpu().numpy() if parts else np.zeros((0, self.visits.n_items + 1), np.float32)
        scores[:, 0] = 0
        return scores

    def inputs(self, rows: np.ndarray) -> VisitInputs:
        """What the network reads of visits (B,): their codes and profile, and their users' visits before."""
        window = np.concatenate([self.visits.before(rows, self.past), rows[:, None]], axis=1)
        needed = np.unique(window[window >= 0])
        places = np.where(window >= 0, np.searchsorted(needed, window), len(needed))
        return VisitInputs(
            {kind: self._tensor(padded(matrix, needed)) for kind, matrix in self.visits.codes.items()},
            self._tensor(padded(self.visits.sets, needed)), self._tensor(places),
            self._tensor(self._known_profile[rows]),
        )  # fmt: skip

    @cached_property
    def _known_profile(self) -> np.ndarray:
        """(V, P) the profile of every visit, where values that no train visit has are missing."""
        profile = self.visits.profile.copy()
        for values in profile.T:
            values[~np.isin(values, values[self.fold.train])] = 0
        return profile

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.module.out.weight.device)

    def _mark_known(self) -> None:
        """Codes and items of train visits are known, others are read as none."""
        pairs = [(encoder, self.visits.codes[kind]) for kind, encoder in self.module.kinds.items()]
        for encoder, matrix in [*pairs, (self.module.sets, self.visits.sets)]:
            encoder.known[:] = False
            encoder.known[torch.from_numpy(np.unique(matrix[self.fold.train].indices)).long()] = True

    state = score_methods.state
    load_state = score_methods.load_state


def padded(matrix: Any, rows: np.ndarray) -> np.ndarray:
    """(R, S) int64: the columns of each of rows of a CSR matrix, padded with 0; S is at least 1."""
    part = matrix[rows]
    lengths = np.diff(part.indptr)
    found = np.zeros((len(rows), max(1, int(lengths.max(initial=0)))), np.int64)
    found[np.arange(found.shape[1]) < lengths[:, None]] = part.indices
    return found


def visit_network(bench: Any, visits: Visits, fold: Fold, *, width: int, past: int, tokens: bool) -> VisitNetwork:
    """A network with start weights of its own for each fold. UserError for a width that is odd or below 2, or a number
    of earlier visits below 0."""
    if width < 2 or width % 2 or past < 0:
        raise UserError(f"{width=} is an even number of at least 2 (two heads), and {past=} 0 or more")
    codes = {kind: matrix.shape[1] - 1 for kind, matrix in visits.codes.items()}
    with bench.init(f"fold {fold.number}"):
        return VisitNetwork(codes, visits.n_items, visits.sizes, width=width, past=past, tokens=tokens)
