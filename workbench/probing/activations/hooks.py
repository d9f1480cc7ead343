"""Forward hooks on any torch model: record or replace the output of a module, given its dotted name.

`capture` records the output of sites, `splice` replaces it. The hooks are removed when the block ends, also after an
error.
"""
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workbench.errors import UserError, unknown_name


@dataclass(frozen=True)
class Site:
    """The output of a module. path: its name in `named_modules()`. output: index of the element if the module returns a
    tuple. call: which call in a forward pass, 0 the first, for a module that is called several times; None for all."""

    path: str
    output: int = 0
    call: int | None = None

    @property
    def key(self) -> list:
        """The key of stored stages that depend on this site."""
        return [self.path, self.output, self.call]


def module_at(model: nn.Module, site: Site) -> nn.Module:
    """The module of a site. Raises UserError, naming the nearest, if there is none."""
    modules = dict(model.named_modules())
    if site.path not in modules or not site.path:
        raise unknown_name("site", site.path, [name for name in modules if name])
    return modules[site.path]


@contextmanager
def capture(model: nn.Module, *sites: Site) -> Iterator[dict[Site, list[Tensor]]]:
    """Record the outputs of sites inside the block: a list of tensors per site, one per call, detached, float32, on the
    CPU. The model's own output is unchanged, bit for bit.

    Raises UserError if a site does not exist or does not output a tensor.
    """
    outputs = {site: [] for site in sites}
    with _hooked(model, {site: _recorder(outputs[site]) for site in sites}):
        yield outputs


def _recorder(tensors: list[Tensor]) -> Callable[[Tensor], None]:
    # a copy: the model may change its output in place afterwards
    return lambda x: tensors.append(x.detach().to("cpu", torch.float32, copy=True))


@contextmanager
def splice(
    model: nn.Module, site: Site, edit: Callable[[Tensor], Tensor], *, where: Callable[[Tensor], Tensor] | None = None
) -> Iterator[None]:
    """Replace a site's output by edit(x) inside the block. edit: maps rows (n, D) to rows of the same shape; gradients
    flow through it.

    where: maps the whole output (..., D) to a bool mask (...) of the rows to edit; all rows if None. Raises UserError
    if the edited rows have another shape, dtype or device.
    """

    def replace(x: Tensor) -> Tensor:
        rows = x.flatten(0, -2) if where is None else x[where(x)]
        new = edit(rows)
        if (new.shape, new.dtype, new.device) != (rows.shape, rows.dtype, rows.device):
            returned, expected = ((tuple(t.shape), t.dtype, str(t.device)) for t in (new, rows))
            raise UserError(f"the edit at {site.path} returned {returned}; expected {expected}")
        if where is None:
            return new.view(x.shape)
        out = x.clone()
        out[where(x)] = new
        return out

    with _hooked(model, {site: replace}):
        yield


@contextmanager
def _hooked(model: nn.Module, actions: dict[Site, Callable[[Tensor], Tensor | None]]) -> Iterator[None]:
    """Hooks that pass a site's output to its action and replace it by the action's result unless that is None."""
    handles, calls = [], dict.fromkeys(actions, 0)

    def reset_calls(module, args):  # a forward pass begins when the whole model is called
        calls.update(dict.fromkeys(calls, 0))

    def hook(site: Site, action: Callable):
        def run(module, args, output):
            number, calls[site] = calls[site], calls[site] + 1
            if site.call not in (None, number):
                return None
            is_tuple = isinstance(output, tuple)
            if is_tuple and site.output >= len(output):
                raise UserError(f"site {site.path} returns a tuple of {len(output)}; there is no output {site.output}")
            x = output[site.output] if is_tuple else output
            if not isinstance(x, Tensor) or not x.is_floating_point():
                raise UserError(f"site {site.path} outputs {type(x).__name__}, not a floating-point tensor")
            new = action(x)
            if new is None or not is_tuple:
                return new
            return (*output[: site.output], new, *output[site.output + 1 :])

        return run

    try:
        handles.append(model.register_forward_pre_hook(reset_calls))
        for site, action in actions.items():
            handles.append(module_at(model, site).register_forward_hook(hook(site, action)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def fingerprint(model: nn.Module, site: Site, data_hash: str) -> str:
    """A digest of a site, the model's weights and the data, by which objects learned at another site are rejected."""
    digest = hashlib.sha256(repr((site, data_hash)).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()[:24]
