"""Low-rank adapters of a language model (LoRA, Hu et al. 2021, arXiv:2106.09685): several at once, mixed by sample.

A layer W becomes W x + scale sum_d m_d B_d A_d x with weights m of each sample, all adapters in one product. B is 0 at
the start. The model's own weights are frozen, and only A and B are saved, with the digest of what they change.
"""
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from workbench.artifacts import read_manifest, write_folder
from workbench.errors import UserError

FILE = "adapters.safetensors"


class LoRALinear(nn.Module):
    """A linear layer with n adapters. down: (n, R, in). up: (n, out, R). mix: (B, n) or (1, n), their weights."""

    def __init__(self, linear: nn.Linear, n: int, rank: int, scale: float):
        super().__init__()
        self.linear, self.scale, like = linear, scale, linear.weight
        width, out = linear.in_features, linear.out_features
        self.down = nn.Parameter(torch.randn(n, rank, width, device=like.device, dtype=like.dtype) * width**-0.5)
        self.up = nn.Parameter(torch.zeros(n, out, rank, device=like.device, dtype=like.dtype))
        self.mix = like.new_ones(1, 1) if n == 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, ..., in) to (B, ..., out)."""
        if self.mix is None:
            raise UserError("a model with several adapters needs their weights: `with adapters.using(mix):`")
        inner = torch.einsum("b...i,nri->b...nr", x, self.down)
        mix = self.mix.to(x).reshape(len(self.mix), *[1] * (x.ndim - 2), -1, 1)
        return self.linear(x) + torch.einsum("b...nr,nor->b...o", inner * (self.scale * mix), self.up)


class Adapters:
    """What `add_lora` has added. layers: by the name of the layer that each adapts. about: settings, and the digest of
    the model."""

    def __init__(self, layers: dict[str, LoRALinear], about: dict):
        self.layers, self.about = layers, about

    def parameters(self) -> list[nn.Parameter]:
        """A and B of all layers."""
        return [part for layer in self.layers.values() for part in (layer.down, layer.up)]

    @contextmanager
    def using(self, mix: Tensor | dict[str, Tensor]) -> Iterator[None]:
        """Inside the block each sample has its own weights of the adapters: (B, n), or (1, n) for all samples, the same
        in every layer, or by the name of the layer. UserError for another number of adapters."""
        by_layer = mix if isinstance(mix, dict) else dict.fromkeys(self.layers, mix)
        before = {name: layer.mix for name, layer in self.layers.items()}
        for name, layer in self.layers.items():
            if by_layer[name].ndim != 2 or by_layer[name].shape[1] != len(layer.down):
                raise UserError(f"weights of shape {tuple(by_layer[name].shape)} for {len(layer.down)} adapters")
        try:
            for name, layer in self.layers.items():
                layer.mix = by_layer[name]
            yield
        finally:
            for name, layer in self.layers.items():
                layer.mix = before[name]

    def save(self, folder: Path) -> None:
        """Write A, B and the digest of the model that they are for, and nothing of the model itself."""
        tensors = {f"{name}.{part}": value.detach().cpu().contiguous() for name, layer in self.layers.items()
                   for part, value in (("down", layer.down), ("up", layer.up))}  # fmt: skip
        write_folder(Path(folder), lambda at: save_file(tensors, at / FILE), {"adapters": self.about}, replace=True)


def add_lora(
    model: nn.Module, pattern: str | tuple[str, ...] = ("*.q_proj", "*.v_proj"), *, rank: int, n: int = 1,
    alpha: float | None = None,
) -> Adapters:  # fmt: skip
    """Freeze a model and give the linear layers whose names match a pattern n adapters of this rank, in place.

    rank: 0 adds nothing, and the model is what it was. alpha: scale times rank; by default the scale is 1. A is drawn
    by torch's generator. UserError for a pattern that matches no linear layer, and for a negative rank or no adapter.
    """
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    if rank < 0 or n < 1:
        raise UserError(f"LoRA: {rank=} must be 0 or more, and {n=} at least 1")
    about = {"pattern": patterns, "rank": rank, "n": n, "alpha": float(rank if alpha is None else alpha)}
    about["base"] = weights_digest(model)
    if not rank:  # not frozen either: torch rounds products of frozen weights differently
        return Adapters({}, about)
    found = {name: layer for name, layer in model.named_modules()
             if isinstance(layer, nn.Linear) and any(fnmatch(name, each) for each in patterns)}  # fmt: skip
    if not found:
        raise UserError(f"no linear layer of the model matches {', '.join(patterns)}")
    model.requires_grad_(False)
    layers = {name: LoRALinear(layer, n, rank, about["alpha"] / rank) for name, layer in found.items()}
    for name, layer in layers.items():
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer)
    return Adapters(layers, about)


def load_lora(model: nn.Module, folder: Path) -> Adapters:
    """Give a model the adapters that `Adapters.save` wrote. UserError for a folder without any, a damaged one, or one
    that was written for other weights."""
    try:
        about = read_manifest(Path(folder))["adapters"]
    except (ValueError, KeyError) as error:
        raise UserError(f"{folder} holds no adapters: {error}", code=3) from error
    if about["base"] != weights_digest(model):
        raise UserError(f"the adapters in {folder} are for a model with other weights", code=3)
    settings = {name: about[name] for name in ("rank", "n", "alpha")}
    adapters = add_lora(model, tuple(about["pattern"]), **settings)
    tensors = load_file(Path(folder) / FILE)
    with torch.no_grad():
        for name, layer in adapters.layers.items():
            layer.down.copy_(tensors[f"{name}.down"])
            layer.up.copy_(tensors[f"{name}.up"])
    return adapters


def weights_digest(model: Any) -> str:
    """SHA-256 of the names and values of a model's weights."""
    found = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
