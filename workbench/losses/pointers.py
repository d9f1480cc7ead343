"""The loss of a pointer network that makes a list for one right item: cross-entropy of its steps, weighted by what the
right choice would have gained (after SCASRec, arXiv:2602.03324)."""
import torch
import torch.nn.functional as F
from torch import Tensor

NOTHING = -100  # a label that is not learnt from


def pointer_labels(chosen: Tensor, places: Tensor, n: int) -> Tensor:
    """(B, S) what each step should have been: the right item, at places (B,) of n candidates, as long as the list of
    chosen (B, S) lacks it; then once n, which is to stop; then NOTHING."""
    step, rank = _steps(chosen), _rank(chosen, places)
    labels = torch.where(step <= rank, places[:, None], NOTHING)
    return torch.where(step == rank + 1, n, labels)


def marginal_gains(chosen: Tensor, places: Tensor) -> Tensor:
    """(B, S) float32 weights of the steps: the reciprocal rank that the list has if the right item, at places (B,), is
    taken at this step, less that of the list as it was made, chosen (B, S); 0 where that has it then or before. For the
    step that should stop it is the reciprocal of its own place, all that a choice there could be worth. A list that
    lacks the item in all S steps has reciprocal rank 0."""
    step, rank = _steps(chosen), _rank(chosen, places)
    made = torch.where(rank < chosen.shape[1], 1 / (rank + 1.0), 0.0)
    worth = 1 / (step + 1.0)
    return torch.where(step < rank, worth - made, torch.where(step == rank + 1, worth, 0.0))


def weighted_pointer_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean over lists of the sum of weights (B, S) times the cross-entropy of logits (B, S, N + 1) at labels (B, S)."""
    each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none", ignore_index=NOTHING)
    return (weights.flatten() * each).sum() / len(logits)


def _steps(chosen: Tensor) -> Tensor:
    return torch.arange(chosen.shape[1], device=chosen.device)


def _rank(chosen: Tensor, places: Tensor) -> Tensor:
    """(B, 1) the step that takes the right item, S where none does."""
    hit = chosen == places[:, None]
    return torch.where(hit.any(1), hit.int().argmax(1), chosen.shape[1])[:, None]
