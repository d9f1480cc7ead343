"""What a small trained SASRec says of each history: its loss, and the loss's gradient by one layer.

The layer is the projection after the attention of the last block, (D, D), the one whose influence DEALRec estimates
(arXiv:2401.17197). What comes before it does not depend on it, so that is computed once; then loss, gradients and
products with the Hessian are functions of N events.
"""
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data import Histories
from workbench.recommenders.vector import VectorRecommender

HISTORIES = 64  # of which gradients (D, D) are held at a time
EVENTS = 1024  # of which scores of all items are held at a time
BRIEF = 3  # epochs of a surrogate that has seen the data, and not learned it by heart


def brief(bench: Any, *, width: int = 64, epochs: int = BRIEF) -> VectorRecommender:
    """A SASRec after so many epochs, or fewer where the bench allows no more."""
    epochs = min(epochs, bench.plan("sasrec")[1].epochs)
    return bench.teacher("sasrec", width=width, epochs=epochs).recommender()


class Events(NamedTuple):
    """N events that have a next item, history after history. read: (N, D) what the layer reads. beside: (N, D) what its
    output is added to. targets: (N,) next items. row: (N,) their history."""

    read: Tensor
    beside: Tensor
    targets: Tensor
    row: Tensor


class Surrogate:
    """Losses and gradients of B histories as functions of one layer of a model, without dropout.

    model: a trained sasrec, of which long histories are read from their last events. Each history has one next item at
    least; its loss is the mean cross-entropy of its next items over all items. weight: (D, D) of the layer, to
    differentiate by.
    """

    def __init__(self, model: VectorRecommender, histories: Histories):
        self.module = model.module.cpu().eval().requires_grad_(False)
        self.block, self.n = self.module.blocks[-1], len(histories)
        self.layer = self.block.attention.out
        self.weight = self.layer.weight.detach().clone().requires_grad_()
        self.events = self._read(histories.last(model.max_length + 1))
        counts = torch.bincount(self.events.row, minlength=self.n)
        self.share = (1.0 / counts)[self.events.row]  # of an event in the loss of its history
        first = torch.cumsum(counts, 0) - counts
        place = torch.arange(int(counts.max()))
        self.of_history = torch.where(place < counts[:, None], first[:, None] + place, -1)  # (B, T) events; -1: none
        self._by_output, self._losses = self._backward()

    def losses(self, events: Tensor, weight: Tensor) -> Tensor:
        """(n,) cross-entropy of the next item of some events, with another weight of the layer."""
        return self._cross_entropy(events, F.linear(self.events.read[events], weight, self.layer.bias))

    def loss(self, histories: Tensor, weight: Tensor) -> Tensor:
        """The mean loss of some of the histories, with another weight of the layer."""
        events = self.of_history[histories]
        events = events[events >= 0]
        return (self.losses(events, weight) * self.share[events]).sum() / len(histories)

    def history_losses(self) -> np.ndarray:
        """(B,) the loss of each history."""
        return torch.zeros(self.n).index_add(0, self.events.row, self._losses * self.share).numpy()

    def mean_gradient(self) -> Tensor:
        """(D, D) gradient of the mean loss of the histories."""
        return self._by_output.T @ self.events.read / self.n

    def gradient_norms(self) -> np.ndarray:
        """(B,) norm of the gradient of the loss of each history: it is a sum over its events of outer products."""
        norms = []
        for events in self.of_history.split(HISTORIES):
            real = (events >= 0)[:, :, None]
            gradients = (self._by_output[events] * real).transpose(1, 2) @ self.events.read[events]
            norms.append(gradients.flatten(1).norm(dim=1))
        return torch.cat(norms).numpy()

    def gradients_along(self, direction: Tensor) -> np.ndarray:
        """(B,) product of a direction (D, D) and the gradient of the loss of each history."""
        products = ((self.events.read @ direction.T) * self._by_output).sum(1)
        return torch.zeros(self.n).index_add(0, self.events.row, products).numpy()

    @torch.no_grad()
    def _read(self, histories: Histories) -> Events:
        """One pass over the histories in which what the layer reads is kept."""
        kept: dict[str, Tensor] = {}
        hooks = [
            self.block.register_forward_pre_hook(lambda _, inputs: kept.update(beside=inputs[0])),
            self.layer.register_forward_pre_hook(lambda _, inputs: kept.update(read=inputs[0])),
        ]
        parts = []
        for index in histories.batches(HISTORIES):
            rows = torch.from_numpy(histories.take(index).padded())
            self.module(rows[:, :-1])
            real = rows[:, 1:] > 0
            row = torch.from_numpy(index)[:, None].expand(real.shape)
            parts.append((kept["read"][real], kept["beside"][real], rows[:, 1:][real], row[real]))
        for hook in hooks:
            hook.remove()
        events = [torch.cat(part) for part in zip(*parts)]
        return Events(*(part[torch.argsort(events[-1], stable=True)] for part in events))

    def _cross_entropy(self, events: Tensor, output: Tensor) -> Tensor:
        """(n,) cross-entropy from the output (n, D) of the layer."""
        h = self.module.norm(self.block.add(self.events.beside[events], output))
        return F.cross_entropy(h @ self.module.item.weight[1:].T, self.events.targets[events] - 1, reduction="none")

    def _backward(self) -> tuple[Tensor, Tensor]:
        """(N, D) gradient of its history's loss by the layer's output at each event; (N,) cross-entropy of each."""
        gradients, losses = [], []
        for events in torch.arange(len(self.events.row)).split(EVENTS):
            output = F.linear(self.events.read[events], self.weight.detach(), self.layer.bias).requires_grad_()
            each = self._cross_entropy(events, output)
            gradients += torch.autograd.grad((each * self.share[events]).sum(), output)
            losses.append(each.detach())
        return torch.cat(gradients), torch.cat(losses)
