"""Read and edit what flows through any torch model at a named place, without a line in the model.

A site is a module by its dotted name. `capture` keeps what it puts out, `splice` puts something else in its stead. The
hooks are gone when the block ends, however it ends.
"""
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workbench.errors import UserError, unknown


@dataclass(frozen=True)
class Site:
    """path: a module's name in `named_modules()`. output: which element, where the module returns a tuple. call: which
    call of a pass, 0 the first, where a module is called several times in one; None for every call."""

    path: str
    output: int = 0
    call: int | None = None


def module_at(model: nn.Module, site: Site) -> nn.Module:
    """The module of a site. UserError names the nearest where there is none."""
    modules = dict(model.named_modules())
    if site.path not in modules or not site.path:
        raise unknown("site", site.path, [name for name in modules if name])
    return modules[site.path]


@contextmanager
def capture(model: nn.Module, *sites: Site) -> Iterator[dict[Site, list[Tensor]]]:
    """What the sites put out while the block runs: for each a list of tensors, one a call, detached and as float32 on
    the CPU. The model's own output is untouched, bit for bit.

    UserError where a site does not exist or puts out no tensor.
    """
    seen = {site: [] for site in sites}
    with _hooked(model, {site: _keeper(seen[site]) for site in sites}):
        yield seen


def _keeper(into: list[Tensor]) -> Callable[[Tensor], None]:
    # a copy: the model may go on to change its output in place
    return lambda x: into.append(x.detach().to("cpu", torch.float32, copy=True))


@contextmanager
def splice(
    model: nn.Module, site: Site, edit: Callable[[Tensor], Tensor], *, where: Callable[[Tensor], Tensor] | None = None
) -> Iterator[None]:
    """Put edit(x) in the place of what a site puts out. edit: from rows (n, D) to as many; gradients flow through it.

    where: from the whole output (..., D) to a bool mask (...) of the rows that are edited; all of them without it.
    UserError where what comes back has another shape, type or device.
    """

    def change(x: Tensor) -> Tensor:
        rows = x.flatten(0, -2) if where is None else x[where(x)]
        new = edit(rows)
        if (new.shape, new.dtype, new.device) != (rows.shape, rows.dtype, rows.device):
            given, wanted = ((tuple(t.shape), t.dtype, str(t.device)) for t in (new, rows))
            raise UserError(f"the edit at {site.path} returned {given}; expected {wanted}")
        if where is None:
            return new.view(x.shape)
        out = x.clone()
        out[where(x)] = new
        return out

    with _hooked(model, {site: change}):
        yield


@contextmanager
def _hooked(model: nn.Module, actions: dict[Site, Callable[[Tensor], Tensor | None]]) -> Iterator[None]:
    """Hooks that hand a site's output to its action, and take what it returns unless that is None."""
    handles, calls = [], dict.fromkeys(actions, 0)

    def restart(module, args):  # a pass begins where the whole model is called
        calls.update(dict.fromkeys(calls, 0))

    def hook(site: Site, action: Callable):
        def run(module, args, output):
            number, calls[site] = calls[site], calls[site] + 1
            if site.call not in (None, number):
                return None
            several = isinstance(output, tuple)
            if several and site.output >= len(output):
                raise UserError(f"site {site.path} puts out {len(output)} things, so there is no output {site.output}")
            x = output[site.output] if several else output
            if not isinstance(x, Tensor) or not x.is_floating_point():
                raise UserError(f"site {site.path} puts out {type(x).__name__}, not a tensor of numbers")
            new = action(x)
            if new is None or not several:
                return new
            return (*output[: site.output], new, *output[site.output + 1 :])

        return run

    try:
        handles.append(model.register_forward_pre_hook(restart))
        for site, action in actions.items():
            handles.append(module_at(model, site).register_forward_hook(hook(site, action)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def fingerprint(model: nn.Module, site: Site, data_hash: str) -> str:
    """A digest of a site, the model's weights and the data: what is learned at one is refused at another."""
    found = hashlib.sha256(repr((site, data_hash)).encode())
    for name, tensor in sorted(model.state_dict().items()):
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return found.hexdigest()[:24]
