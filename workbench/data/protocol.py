"""The evaluation protocol: a frozen value that is stored with every metric."""
from dataclasses import asdict, dataclass, fields, replace

from workbench.data.schema import Dataset
from workbench.errors import UserError, check_names, unknown_name

CHOICES = {
    "split": ("leave-one-out", "global-time", "random"),
    "ties": ("file", "hash"),
    "candidates": ("full",),
    "target": ("last",),
}


@dataclass(frozen=True)
class Protocol:
    """Every choice that changes a metric without changing a model.

    split: leave-one-out (test = last event, validation = last but one, users with fewer than `min_events` are
        train-only); global-time (train before the first cut, validation targets between the cuts, test targets after
        the second; `cuts` are quantiles of all event times); random (leave-one-out in a seeded random order, for
        unordered data).
    ties: order of events with equal timestamps: file (the row, where the source is a published sequence) or hash
        (seeded).
    mask_history: whether items of the history are removed from the candidates, in validation and test alike.
    candidates: full ranking only; sampled metrics estimate a different quantity and are not supported.
    target: which event of a user's window is predicted under global-time.
    """

    split: str = "leave-one-out"
    ties: str = "hash"
    mask_history: bool = False
    min_events: int = 3
    cuts: tuple[float, float] = (0.8, 0.9)
    target: str = "last"
    candidates: str = "full"
    tie_seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise unknown_name(f"protocol {name}", getattr(self, name), allowed)
        for name, kind in (("mask_history", bool), ("min_events", int), ("tie_seed", int)):
            if type(getattr(self, name)) is not kind:
                raise UserError(f"protocol {name} must be {kind.__name__}, not {getattr(self, name)!r}")
        cuts = tuple(self.cuts) if isinstance(self.cuts, tuple | list) else ()
        if [type(cut) for cut in cuts] != [float, float] or not 0 < cuts[0] < cuts[1] < 1:
            raise UserError(f"protocol cuts {self.cuts!r} must be two increasing quantiles, such as (0.8, 0.9)")
        object.__setattr__(self, "cuts", cuts)
        if self.min_events < 3:
            raise UserError(f"protocol min_events {self.min_events}: train, validation and test need at least 3 events")

    def dict(self) -> dict:
        """The protocol as JSON values, as stored with every metric."""
        return {**asdict(self), "cuts": list(self.cuts)}


def protocol_for(dataset: Dataset, **changes) -> Protocol:
    """The default protocol of a dataset, with `changes`. UserError for an unknown field.

    Ties are broken by the file order where the source is a published sequence, by a seeded hash otherwise; unordered
    data defaults to the random split.
    """
    check_protocol(changes)
    default = {"sequence": {"ties": "file"}, "time": {"ties": "hash"}, "none": {"split": "random"}}[dataset.order]
    return replace(Protocol(**default), **changes)


def check_protocol(changes: dict) -> None:
    """UserError for an unknown protocol field or a value that is not allowed; needs no data."""
    if not isinstance(changes, dict):
        raise UserError(f"protocol is a dict, such as {{'split': 'random'}}; given {changes!r:.60}")
    check_names("protocol field", changes, [f.name for f in fields(Protocol)])
    replace(Protocol(), **changes)


def differing_fields(a: dict, b: dict) -> list[str]:
    """The fields in which two stored protocols differ."""
    return sorted(key for key in {*a, *b} if a.get(key) != b.get(key))
