"""Checks of a network of one's own before it is trained: what would fail later, or be wrong without failing."""
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.recommenders.own_network import OwnNetwork, examples, inputs_and_targets
from workbench.recommenders.state_dict import get_weights

NOISE = 1e-4  # relative differences of scores that arithmetic alone may make
ROWS = 4  # histories that are tried


def try_out(module: nn.Module, split: Split, *, max_length: int, loss: str = "") -> bool:
    """Whether the module scores every position, else the last one; tried on a copy, with a few train histories.

    UserError for weights that cannot be trained, scores of a wrong shape, scores that are not finite, that depend on
    later events, on padding, on the other histories of a batch or on chance, and for a loss without a gradient.
    """
    check_weights(module)
    module = deepcopy(module).cpu()
    rows = split.train.windows(max_length + 1)
    rows = examples(split.train, max_length, True).take(rows.lengths.argsort(kind="stable")[-ROWS:])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        every_position = _check_scores(module.eval(), rows, split.n_items, max_length)
        network = OwnNetwork(
            module, n_items=split.n_items, every_position=every_position, max_length=max_length, loss=loss
        )
        _check_loss(network, examples(rows, max_length, every_position))
    return every_position


def check_weights(module: nn.Module) -> None:
    """UserError unless the module has float32 parameters to train, all finite, and a state dict of tensors."""
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise UserError("the network was scripted or traced, which hides its code: pass the plain module")
    parameters = dict(module.named_parameters())
    if not parameters:
        raise UserError(f"{type(module).__name__} has no parameters, so there is nothing to train; assign layers to "
                        "self in __init__, lists of them in a nn.ModuleList")  # fmt: skip
    for name, parameter in parameters.items():
        if torch.nn.parameter.is_lazy(parameter):
            raise UserError(f"parameter {name} has no shape yet: call the network once on items before fit")
        if parameter.dtype != torch.float32:
            raise UserError(f"parameter {name} is {parameter.dtype}; training is in torch.float32: call .float()")
        if not parameter.isfinite().all():
            raise UserError(f"parameter {name} holds NaN or infinite numbers before training")
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise UserError("no parameter requires a gradient, so there is nothing to train")
    try:
        get_weights(module)
    except (AttributeError, TypeError) as error:
        raise UserError(f"the network's state_dict() holds what is no tensor of numpy's types ({error})") from error
    _check_registered(module)


def _check_registered(module: nn.Module) -> None:
    """UserError where layers or parameters stand in a plain list, tuple or dict: torch does not see them there."""
    known = {id(part) for part in (*module.modules(), *module.parameters())}
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if not isinstance(value, list | tuple | dict) or name.startswith("_"):
                continue
            held = value.values() if isinstance(value, dict) else value
            if any(isinstance(one, nn.Module | nn.Parameter) and id(one) not in known for one in held):
                place = ".".join(filter(None, (path, name)))
                raise UserError(f"{place} is a {type(value).__name__} that holds layers or parameters, which are not "
                                "trained there: use nn.ModuleList, nn.ModuleDict or nn.ParameterList")  # fmt: skip


def _check_scores(module: nn.Module, rows: Histories, n_items: int, max_length: int) -> bool:
    """The checks of forward. rows: the histories that are tried."""
    items, _ = inputs_and_targets(rows, True, "cpu")
    scores = _scores(module, items)
    every_position, expected = scores.ndim == 3, [(*items.shape, n_items + 1), (len(items), n_items + 1)]
    if tuple(scores.shape) not in expected:
        hint = "; one column is short: column 0 stands for padding" if scores.shape[-1:] == (n_items,) else ""
        raise UserError(f"forward gives {tuple(scores.shape)} for items {tuple(items.shape)}; expected {expected[0]}, "
                        f"scores of the next item after every event, or {expected[1]}, after the last, where the "
                        f"catalogue has {n_items} items (bench.dataset.n_items){hint}")  # fmt: skip
    if not scores.is_floating_point():
        raise UserError(f"forward gives {scores.dtype}; scores are floating-point numbers")
    if not scores[..., 1:].isfinite().all():
        raise UserError("forward gives scores that are NaN or infinite before any training")
    if _differ(scores, _scores(module, items)):
        raise UserError("forward gives other scores when called again in evaluation mode: chance is for training, as "
                        "in F.dropout(x, p, self.training)")  # fmt: skip
    changed, last = items.clone(), int((items[0] > 0).sum()) - 1
    changed[0, last] = changed[0, last] % n_items + 1
    other = _scores(module, changed)
    if _differ(scores[1:], other[1:]):
        raise UserError("the scores of a history change with the other histories of its batch; is batch_first=True "
                        "missing?")  # fmt: skip
    if every_position and _differ(scores[0, :last], other[0, :last]):
        raise UserError("the scores at a position change with later events, which are what it has to predict: make "
                        f"forward causal, or return {expected[1]}, the scores after the last event alone")  # fmt: skip
    wide = _scores(module, nn.functional.pad(items, (0, max_length - items.shape[1])), max_length)
    if _differ(scores, wide[:, : items.shape[1]] if every_position else wide):
        raise UserError("the scores of a history change when padding (0) follows it: histories are right-padded, so "
                        "leave 0 out of sums, means and last states")  # fmt: skip
    return every_position


@torch.no_grad()
def _scores(module: nn.Module, items: Tensor, max_length: int = 0) -> Tensor:
    limit = f" (T goes up to max_length={max_length})" if max_length else ""
    ids = f"int64 ids up to {int(items.max())}, 0 as padding: an embedding of items has a row for each and for 0"
    with _in_words(f"forward fails on items {tuple(items.shape)}, {ids}{limit}"):
        scores = module(items)
    if not isinstance(scores, Tensor):
        raise UserError(f"forward gives a {type(scores).__name__}; it returns one tensor, the scores of the next item")
    return scores


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    """Turn whatever the code of a network of one's own raises into a UserError that begins with `what`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{what}: {type(error).__name__}: {error}") from error


def _differ(a: Tensor, b: Tensor) -> bool:
    return a.numel() > 0 and bool((a - b).abs().max() > NOISE * a.abs().max())


def _check_loss(network: OwnNetwork, rows: Histories) -> None:
    """One step of training without an update: the loss is a finite scalar with a dense gradient."""
    items, targets = inputs_and_targets(rows, network.every_position, "cpu")
    name = f"loss {network.loss!r}" if network.loss else "the cross-entropy"
    network.module.train()
    with _in_words(f"{name} fails on items {tuple(items.shape)} and targets {tuple(targets.shape)} in training mode"):
        loss = network.training_loss(items, targets)
    if not isinstance(loss, Tensor) or loss.ndim or not loss.is_floating_point():
        given = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
        raise UserError(f"{name} gives {given}; it returns a scalar tensor")
    if not loss.isfinite():
        raise UserError(f"{name} is {loss.item()} before any training")
    if not loss.requires_grad:
        raise UserError(f"{name} does not depend on a parameter that is trained; is it computed under no_grad?")
    with _in_words(f"the gradient of {name} fails"):
        loss.backward()
    leaves = [(name, p.grad) for name, p in network.module.named_parameters() if p.is_leaf and p.grad is not None]
    sparse = [name for name, grad in leaves if grad.is_sparse]
    if sparse:
        raise UserError(f"the gradient of {sparse[0]} is sparse, which AdamW does not take: leave sparse=True out")
