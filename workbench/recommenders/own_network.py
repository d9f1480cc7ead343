"""A network of one's own as a recommender: any torch module that answers `interfaces.NextItemNetwork`."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.recommenders import score_methods
from workbench.recommenders.sequential import token_batches
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit

MAX_SCORES, MAX_ROWS = 50_000_000, 256  # scores (200 MB) and histories at a time where nothing is learned


class OwnNetwork:
    """An `interfaces.Recommender`, `Scorer`, `Likelihood` and `Traceable` around a `NextItemNetwork`.

    n_items: I. every_position: whether the module scores the next item after every event (B, T, I+1) or after the last
    one (B, I+1). max_length: the longest T. loss: "" for the cross-entropy of the next item over all items, else the
    name of the module's method loss(items, targets).
    """

    def __init__(self, module: nn.Module, *, n_items: int, every_position: bool, max_length: int, loss: str = ""):
        self.module, self.n_items, self.every_position = module, n_items, every_position
        self.max_length, self.loss, self.likelihood = max_length, loss, loss == ""
        self.batch = min(MAX_ROWS, max(1, MAX_SCORES // (max_length * (n_items + 1))))

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train on every next item in train exactly once per epoch: long histories are cut into windows, and where only
        the last event is scored, each event but a user's first is predicted from the `max_length` before it.

        UserError if no train history has two events, or the module gives scores of a wrong shape.
        """
        self.module.to(session.device)
        rows = examples(split.train, self.max_length, self.every_position)
        tokens = session.recipe.batch_size * max(1.0, float(np.mean(rows.lengths - 1)))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(rows.lengths - 1, tokens, named_rng(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            return self.training_loss(*inputs_and_targets(rows.take(index), self.every_position, session.device))

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(self.module, batches, loss, session, validate=validate)

    def training_loss(self, items: Tensor, targets: Tensor) -> Tensor:
        """The loss of items (B, T) with targets (B, T), 0 where there is none, or (B,)."""
        if self.loss:
            return getattr(self.module, self.loss)(items, targets)
        real = targets > 0
        return F.cross_entropy(self.forward(items)[real][:, 1:], targets[real] - 1)

    def forward(self, items: Tensor) -> Tensor:
        """(B, T, I+1) or (B, I+1) scores of items (B, T). UserError if the module gives another shape."""
        scores, expected = self.module(items), (*items.shape[: 1 + self.every_position], self.n_items + 1)
        if not isinstance(scores, Tensor) or tuple(scores.shape) != expected:
            given = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise UserError(f"forward gives {given} for items {tuple(items.shape)}; expected {expected}")
        return scores

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device; an empty history is one padding token."""
        self.module.eval()
        width = max(1, min(self.max_length, int(histories.lengths.max(initial=1))))
        rows = torch.from_numpy(histories.padded(width)).to(self.device)
        last = torch.from_numpy(np.clip(histories.lengths, 1, width) - 1).to(self.device)
        parts = []
        for start in range(0, len(rows), self.batch):
            scores, ends = self.forward(rows[start : start + self.batch]), last[start : start + self.batch]
            parts.append(scores[torch.arange(len(ends), device=self.device), ends] if self.every_position else scores)
        return torch.cat(parts).clone() if parts else torch.empty(0, self.n_items + 1)

    @torch.no_grad()
    def trace(self, histories: Histories) -> ReadoutPositions:
        """Run histories of at most `max_length` events; every event is a readout position. Where only the last event is
        scored, every prefix is run, one row for each event."""
        self.module.eval()
        n = len(histories.items)
        if self.every_position:
            rows = histories.padded()
            mask = rows > 0
        else:
            rows, mask = prefixes(histories), np.ones(n, bool)
        self.module(torch.from_numpy(rows).to(self.device))
        return ReadoutPositions(mask, np.arange(n), np.zeros(n, np.int64))

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state


def examples(train: Histories, max_length: int, every_position: bool) -> Histories:
    """What is learned from: windows of train, or a prefix for each event, whose last event is the target. UserError if
    no history has two events."""
    rows = train.windows(max_length + 1) if every_position else train.prefixes(max_length + 1)
    if not len(rows):
        raise UserError("no train history has two events, so there is no next item to learn from", code=3)
    return rows


def inputs_and_targets(rows: Histories, every_position: bool, device: str) -> tuple[Tensor, Tensor]:
    """Items (B, T), right-padded, with the targets (B, T), 0 at padding, or (B,), where each row ends with its last."""
    padded = torch.from_numpy(rows.padded()).to(device)
    if every_position:
        return padded[:, :-1], padded[:, 1:]
    ends = torch.from_numpy(rows.lengths - 1).to(device)[:, None]
    targets = padded.gather(1, ends)[:, 0]
    return padded.scatter(1, ends, 0)[:, :-1], targets


def prefixes(histories: Histories) -> np.ndarray:
    """(N, T) every event's history up to it, right-padded with 0, in the order of the events."""
    row, position = histories.rows(), np.arange(len(histories.items))
    position = position - histories.offsets[row]
    padded = histories.padded()[row]
    return np.where(np.arange(padded.shape[1]) <= position[:, None], padded, 0)
