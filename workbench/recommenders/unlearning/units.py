"""The modules of a SASRec one by one: attention heads and groups of feed-forward neurons, recorded, replaced, changed.

A unit is named by what the next matrix reads of it: a head by its columns of what `attention.out` reads, neurons by
theirs of what `contract` reads. With the sum of item and position vectors, which the first block reads, these are all
that the last state is made of, of the last block by what they are at the last event alone.
"""
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

from workbench.errors import UserError
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.unlearning.last_state import at_places, last_states
from workbench.recommenders.vector import VectorRecommender

INPUT, HEAD, NEURONS = "input", "head", "neurons"


class Unit(NamedTuple):
    """Columns start to stop of what a block's matrix of a kind reads; of INPUT, all that the first block reads."""

    layer: int
    kind: str
    start: int
    stop: int


Values = dict[tuple[int, str], Tensor]  # (B, T, n) by layer and kind


def encoder_of(model: Any, system: str, base: str) -> SequenceEncoder:
    """The transformer of a recommender. UserError for a base that is none, or has no block."""
    if isinstance(model, VectorRecommender) and isinstance(model.module, SequenceEncoder) and len(model.module.blocks):
        return model.module
    raise UserError(f"{system} edits attention heads and feed-forward neurons of its base, which {base} has not; "
                    "choose one with transformer blocks, such as sasrec")  # fmt: skip


def units_of(encoder: SequenceEncoder, *, chunks: int) -> list[Unit]:
    """Every head, and the neurons of every block in so many groups; the input first."""
    found = [Unit(0, INPUT, 0, encoder.item.weight.shape[1])]
    for layer, block in enumerate(encoder.blocks):
        for kind, size, parts in ((HEAD, block.attention.out.in_features, block.attention.heads),
                                  (NEURONS, block.contract.in_features, chunks)):  # fmt: skip
            bounds = [size * part // parts for part in range(parts + 1)]
            found += [Unit(layer, kind, *pair) for pair in zip(bounds, bounds[1:]) if pair[0] < pair[1]]
    return found


def _read_by(encoder: SequenceEncoder) -> dict[tuple[int, str], nn.Module]:
    """The module that reads the units of a layer and kind."""
    found = {(0, INPUT): encoder.blocks[0]}
    for layer, block in enumerate(encoder.blocks):
        found |= {(layer, HEAD): block.attention.out, (layer, NEURONS): block.contract}
    return found


@contextmanager
def _edited(
    read_by: dict[tuple[int, str], nn.Module], edit: Callable[[tuple[int, str], Tensor], Tensor | None]
) -> Iterator[None]:  # fmt: skip
    """Inside, every module reads edit(place, x) in the place of x, unless that is None."""

    def hook(place: tuple[int, str]) -> Callable:
        def run(module: nn.Module, inputs: tuple) -> tuple | None:
            new = edit(place, inputs[0])
            return None if new is None else (new, *inputs[1:])

        return run

    handles = [module.register_forward_pre_hook(hook(place)) for place, module in read_by.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def recorded(encoder: SequenceEncoder) -> Iterator[Values]:
    """Inside, what every matrix and every block reads is kept; of several passes the last."""
    values: Values = {}
    inputs = {(layer, INPUT): block.attention_norm for layer, block in enumerate(encoder.blocks)}
    with _edited(_read_by(encoder) | inputs, lambda place, x: values.__setitem__(place, x.detach().clone())):
        yield values


@contextmanager
def replaced(encoder: SequenceEncoder, values: Values, units: Iterable[Unit]) -> Iterator[None]:
    """Inside, the units have the values of another pass over histories of the same lengths."""
    columns: dict[tuple[int, str], list[Unit]] = {}
    for unit in units:
        columns.setdefault((unit.layer, unit.kind), []).append(unit)

    def edit(place: tuple[int, str], x: Tensor) -> Tensor | None:
        if place not in columns:
            return None
        x = x.clone()
        for unit in columns[place]:
            x[..., unit.start : unit.stop] = values[place][..., unit.start : unit.stop]
        return x

    with _edited(_read_by(encoder), edit):
        yield


def patched_states(encoder: SequenceEncoder, unit: Unit, of: Values, by: Values, last: Tensor) -> Tensor:
    """(B, D) the states of `last_states` where one unit, a head or neurons, has the values of another pass.

    of, by: `recorded` of both passes, by `last_states`, of histories of the same lengths. What comes before the unit is
    read from the one, not computed anew.
    """
    layer, final = unit.layer, unit.layer == len(encoder.blocks) - 1
    x = of[layer, INPUT]
    x = at_places(x, last)[:, None] if final else x
    block = encoder.blocks[layer]
    with replaced(encoder, by, [unit]):
        x = block.add(x, block.attention.out(of[layer, HEAD]))
    return encoder.norm(x[:, 0]) if final else last_states(encoder, x, last, first=layer + 1)


def weights_of(encoder: SequenceEncoder, unit: Unit) -> list[tuple[nn.Parameter, tuple]]:
    """The weights of a head or of neurons: parameters, with the rows or columns that are the unit's. The tables
    of items and positions are no unit's: items are scored by them, too."""
    block, own = encoder.blocks[unit.layer], slice(unit.start, unit.stop)
    if unit.kind == NEURONS:
        return [(block.expand.weight, (own,)), (block.expand.bias, (own,)),
                (block.contract.weight, (slice(None), own))]  # fmt: skip
    if unit.kind == INPUT:
        return []
    width = block.attention.out.in_features
    parts = [(own_part,) for own_part in (slice(at + unit.start, at + unit.stop) for at in (0, width, 2 * width))]
    qkv = block.attention.qkv
    return [(parameter, part) for parameter in (qkv.weight, qkv.bias) for part in parts] + [
        (block.attention.out.weight, (slice(None), own))
    ]
