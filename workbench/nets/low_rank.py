"""Low-rank adapters (LoRA, arXiv 2106.09685): changes of the linear layers of a network, of which one is active."""
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class LowRank(nn.Module):
    """A linear layer, and n changes of low rank of its weight W: W + B_d A_d, B_d = 0 at the start.

    down: n times A_d (rank, in). up: n times B_d (out, rank). active: which of them is added, None for W alone.
    """

    def __init__(self, linear: nn.Linear, n: int, rank: int):
        super().__init__()
        width, out = linear.in_features, linear.out_features
        self.linear, self.active = linear, None
        self.down = nn.ParameterList(torch.randn(rank, width) * width**-0.5 for _ in range(n))
        self.up = nn.ParameterList(torch.zeros(out, rank) for _ in range(n))

    def forward(self, x: Tensor) -> Tensor:
        if self.active is None:
            return self.linear(x)
        return self.linear(x) + x @ self.down[self.active].T @ self.up[self.active].T


def add_low_rank(module: nn.Module, n: int, rank: int) -> None:
    """Give every linear layer below a module n adapters of this rank, none active; it computes what it did before."""
    places = [(parent, name, child) for parent in module.modules() for name, child in parent.named_children()
              if isinstance(child, nn.Linear)]  # fmt: skip
    for parent, name, linear in places:
        setattr(parent, name, LowRank(linear, n, rank))


def adapter_parameters(module: nn.Module, which: int) -> list[str]:
    """Names of the parameters of adapter `which`."""
    layers = [name for name, layer in module.named_modules() if isinstance(layer, LowRank)]
    return [f"{name}.{part}.{which}" for name in layers for part in ("down", "up")]


def shared_parameters(module: nn.Module) -> list[str]:
    """Names of the parameters that are of no adapter."""
    layers = [name for name, layer in module.named_modules() if isinstance(layer, LowRank)]
    own = tuple(f"{name}.{part}." for name in layers for part in ("down", "up"))
    return [name for name, _ in module.named_parameters() if not name.startswith(own)]


@contextmanager
def adapted(module: nn.Module, which: int | None) -> Iterator[None]:
    """Inside the block adapter `which` is active, None for none; then that of before again."""
    layers = [layer for layer in module.modules() if isinstance(layer, LowRank)]
    before = [layer.active for layer in layers]
    try:
        for layer in layers:
            layer.active = which
        yield
    finally:
        for layer, active in zip(layers, before):
            layer.active = active
