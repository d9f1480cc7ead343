"""Activations of any torch module, read in batches of whatever its forward takes: without a run or a dataset."""
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.errors import UserError
from workbench.probing.activations.hooks import Site, capture, fingerprint, module_at
from workbench.probing.activations.store import Activations


def read_module(
    module: nn.Module, site: str | Site, batches: Iterable | Callable[[], Iterable], *,
    labels: Callable[[Any], Any] | None = None,
) -> Activations:  # fmt: skip
    """The output of a site of a module, (..., D), as one row per position; dictionaries are trained on its `x`.

    site: a name in `named_modules()`. batches: yields what forward takes, a tensor, a tuple of arguments or a dict of
    keywords; or a function without arguments that does. labels(batch): ints (...), what stands at each position, such
    as item ids; a position labelled 0 is padding and not read. Without labels every position is read.

    In the result `user` numbers the examples (the first axis), `last` is the label and `next` the label that follows.
    The module is read in evaluation mode and left as it was. UserError where there is no such site, naming the nearest,
    where labels have another shape, and where an activation is not finite.
    """
    if not isinstance(module, nn.Module):
        raise UserError(f"read_module reads a torch module; given {type(module).__name__}")
    site = Site(site) if isinstance(site, str) else site
    module_at(module, site)
    parts, seen, training = [], 0, [part for part in module.modules() if part.training]
    module.eval()
    try:
        with torch.no_grad(), capture(module, site) as outputs:
            for batch in batches() if callable(batches) else batches:
                _call(module, batch)
                if len(outputs[site]) != 1:
                    raise UserError(f"site {site.path}: {len(outputs[site])} calls in a pass; choose one with "
                                    f"Site({site.path!r}, call=0), 1 ...")  # fmt: skip
                x = outputs[site].pop()
                parts.append(_rows(x, labels(batch) if labels else None, seen, site))
                seen += len(x)
    finally:
        for part in training:
            part.training = True
    if not parts:
        raise UserError("batches yields nothing, so there are no activations")
    x, user, position, length, label, following = (np.concatenate(column) for column in zip(*parts, strict=True))
    if bad := int((~np.isfinite(x)).any(1).sum()):
        raise UserError(f"site {site.path}: {bad:,} of {len(x):,} activations are NaN or infinite", code=3)
    return Activations(x=x, user=user, position=position, length=length, last=label, next=following,
                       level=np.zeros(len(x), np.int32), site=site, fingerprint=fingerprint(module, site, ""))


def _call(module: nn.Module, batch: Any) -> None:
    if isinstance(batch, dict):
        module(**batch)
    elif isinstance(batch, tuple | list):
        module(*batch)
    else:
        module(batch)


def _rows(x: Tensor, labels: Any, seen: int, site: Site) -> tuple[np.ndarray, ...]:
    """The rows read of an output (B, ..., D), with example, position in it, number read, label and next label."""
    given = np.ones(tuple(x.shape[:-1]), np.int32) if labels is None else np.asarray(torch.as_tensor(labels).cpu())
    if given.shape != tuple(x.shape[:-1]):
        raise UserError(f"site {site.path} outputs {tuple(x.shape)}, so labels have shape {tuple(x.shape[:-1])}, one "
                        f"per row; given {given.shape}")  # fmt: skip
    flat = given.reshape(len(given), -1)
    example, position = np.nonzero(flat)
    following = np.pad(flat[:, 1:], ((0, 0), (0, 1)))
    label = np.zeros_like(flat) if labels is None else flat
    columns = (example + seen, position, (flat != 0).sum(1)[example], label[example, position],
               following[example, position] if labels is not None else np.zeros(len(example)))  # fmt: skip
    return x.reshape(*flat.shape, -1).numpy()[example, position], *(column.astype(np.int32) for column in columns)
