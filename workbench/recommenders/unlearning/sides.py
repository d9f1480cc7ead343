"""Losses of the two sides of an unlearning, what is to be forgotten and what stays, as functions of the step."""
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data import Cases, Split
from workbench.errors import UserError
from workbench.evaluate.unlearning.forget_sets import event_cases
from workbench.recommenders.matrix_factorization import UserState
from workbench.recommenders.sequential import next_items
from workbench.recommenders.unlearning.given_items import softmax_of_given
from workbench.recommenders.unlearning.last_state import states_of
from workbench.recommenders.vector import Objective, VectorRecommender
from workbench.train import named_rng
from workbench.train.fit import TrainingSession

LossOfStep = Callable[[int], Tensor]
BATCH = 128  # forgotten events of a step, where the base is a sequence's


def by_steps(objective: Objective) -> LossOfStep:
    """The loss of batch after batch, epoch after epoch."""
    batches, n = lru_cache(maxsize=1)(objective.batches), len(objective.batches(0))
    return lambda step: objective.loss(batches(step // n)[step % n], step)


def learned_cases(
    model: VectorRecommender, split: Split, rows: np.ndarray, *, most: int = 0, rng: np.random.Generator | None = None
) -> Cases:  # fmt: skip
    """A case for each event in rows (n,) of train that was the next item of something, with what the model reads. most:
    of them, drawn by rng; 0 for all. UserError where there is none."""
    train = split.train
    learned = rows[~np.isin(rows, train.offsets[:-1])]
    if not len(learned):
        raise UserError("all that is to be forgotten are first events of users, which no sequence learns to predict")
    if most:
        learned = np.sort(rng.permutation(learned)[:most])
    return event_cases(train, learned, min(model.max_length, int(train.lengths.max())))


def case_losses(model: VectorRecommender, cases: Cases) -> Tensor:
    """(C,) cross-entropy of the targets over all items, with gradients: the scores are those of `model.scores`."""
    logits = states_of(model, cases.histories) @ model.module.item.weight.T
    logits = logits.amax(1) if logits.ndim == 3 else logits
    logits = (logits + model.module.bias.weight[:, 0] if model.biased else logits)[:, 1:]
    targets = torch.from_numpy(cases.targets.astype(np.int64)).to(logits.device) - 1
    return F.cross_entropy(logits, targets, reduction="none")


def kept_loss(model: VectorRecommender, split: Split, session: TrainingSession) -> LossOfStep:
    """The cross-entropy of every next item of train over all items, in the batches that a sasrec learns from, with
    gradients for all but the table of items. It is a sasrec's own loss, bit for bit."""
    objective = next_items(lambda h, weight, targets, step: softmax_of_given(h, weight, targets),
                           max_length=model.max_length, full=False)  # fmt: skip
    return by_steps(objective(model.module, split, session))


def forget_loss(
    model: VectorRecommender, split: Split, rows: np.ndarray, session: TrainingSession, *,
    of_cases: Callable[[Tensor], Tensor] = torch.mean,
) -> LossOfStep:  # fmt: skip
    """The loss of events in rows (n,) of train, n > 0.

    Of a base that reads no history it is the base's own, on these events alone. Of a sequence it is the cross-entropy
    of each event after those before it; of_cases: of the losses (C,) of a batch, a scalar.
    """
    if isinstance(model.reader, UserState):
        mask = np.isin(np.arange(len(split.train.items)), rows)
        part = replace(split, train=split.train.where(mask))
        return by_steps(model.objective(model.module, part, session))
    cases = learned_cases(model, split, rows)

    def loss(step: int) -> Tensor:
        drawn = named_rng(session.seed, "forgotten", step).permutation(len(cases.targets))[:BATCH]
        return of_cases(case_losses(model, cases.take(np.sort(drawn))))

    return loss
