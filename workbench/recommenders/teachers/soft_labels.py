"""Soft labels: a teacher's logits of each event of train and of some other items, and a loss that follows them."""
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.interfaces import Scorer
from workbench.losses.distillation import soft_label_kl
from workbench.recommenders.sequential import Additions, LossOfStates, next_items
from workbench.recommenders.vector import Objective
from workbench.train import named_rng
from workbench.train.fit import TrainingSession

USERS, ROWS = 64, 512  # scored at a time by a teacher: users, and dense rows of the catalogue
EVENT = "event"  # a column: the place of an event among those of train


class Teachers(NamedTuple):
    """Recommenders whose scores are weights, 0 or more, and (U,) the one that scores each user: one that has not seen
    this user's events, or its labels would hold the targets."""

    teachers: Sequence[Scorer]
    of_user: np.ndarray


def soft_labels(
    train: Histories, by: Teachers, n_items: int, rng: np.random.Generator, *, negatives: int, length: int,
    shuffled: bool = False,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(N, n) int32 `negatives` of each event of train, uniform over the other items, and (N, 1 + n) float32 logits
    log(score + 1 / I) of the event and of them, by the teacher's scores after the `length` events before it. A user's
    first event has logits 0. shuffled: the scores are those after the events before another one.
    """
    drawn = rng.integers(1, n_items, (len(train.items), negatives), dtype=np.int32)
    drawn += drawn >= train.items[:, None]
    candidates = np.concatenate([train.items[:, None], drawn], 1)
    logits = np.zeros(candidates.shape, np.float32)
    events = _numbered(train)
    for place, teacher in enumerate(by.teachers):
        users = np.flatnonzero(by.of_user[train.users] == place)
        users = rng.permutation(users) if shuffled else users
        for start in range(0, len(users), USERS):
            part = events.take(users[start : start + USERS])
            at = part.columns[EVENT][_later(part)]
            before = part.prefixes(length + 1).without_last(1)
            before = before.take(rng.permutation(len(before))) if shuffled else before
            for rows in np.split(np.arange(len(at)), np.arange(ROWS, len(at), ROWS)):
                scores = np.take_along_axis(teacher.score(before.take(rows)), candidates[at[rows]], 1)
                logits[at[rows]] = np.log(scores + 1 / n_items)
    return drawn, logits


def distilled_next_items(
    loss: LossOfStates, by: Teachers, *, weight: float, temperature: float, negatives: int, max_length: int,
    additions: Additions, shuffled: bool = False,
):  # fmt: skip
    """The objective of `sequential.next_items` with (1 - weight) loss + weight T^2 KL(teacher || student) over each
    target and its negatives, which are drawn once a training. additions: with no term of their own."""

    def objective(module: nn.Module, split: Split, session: TrainingSession) -> Objective:
        labels = soft_labels(
            split.train, by, split.n_items, named_rng(session.seed, "soft labels"), negatives=negatives,
            length=max_length, shuffled=shuffled,
        )  # fmt: skip
        both = BothTerms(loss, *map(torch.from_numpy, labels), weight, temperature)
        make = next_items(both.hard, max_length=max_length, additions=additions._replace(loss=both.soft))
        return make(module, replace(split, train=_numbered(split.train)), session)

    return objective


class BothTerms:
    """The terms of a batch's loss: `hard` is called with its states, then `soft` with its windows, which say to what
    events the states belong. negatives (N, n), labels (N, 1 + n): of all events of train."""

    def __init__(self, loss: LossOfStates, negatives: Tensor, labels: Tensor, weight: float, temperature: float):
        self.loss, self.negatives, self.labels = loss, negatives, labels
        self.weight, self.temperature = weight, temperature
        self.batch: tuple[Tensor, ...] = ()

    def hard(self, h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        """1 - lambda times the loss of states h (N, D) at targets (N,)."""
        self.batch = h, weight, targets
        return (1 - self.weight) * self.loss(h, weight, targets, step)

    def soft(self, windows: Histories, step: int) -> Tensor:
        """lambda times the divergence from the teacher, of the batch that `hard` was called with."""
        (h, weight, targets), self.batch = self.batch, ()
        at = torch.from_numpy(windows.columns[EVENT][_later(windows)])
        candidates = torch.cat([targets[:, None], self.negatives[at].to(h.device)], 1)
        logits = (F.embedding(candidates, weight) * h[:, None]).sum(-1)
        return self.weight * soft_label_kl(logits, self.labels[at].to(h.device), self.temperature)


def _numbered(train: Histories) -> Histories:
    """The same histories with the column EVENT."""
    return replace(train, columns={**train.columns, EVENT: np.arange(len(train.items))})


def _later(histories: Histories) -> np.ndarray:
    """(N,) bool: the events that have one before them."""
    later = np.ones(len(histories.items), bool)
    later[histories.offsets[:-1][histories.lengths > 0]] = False
    return later
