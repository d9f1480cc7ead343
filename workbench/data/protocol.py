"""The evaluation protocol: a frozen value that is stored with every metric."""
import math
from dataclasses import asdict, dataclass, fields

from workbench.data.schema import Dataset
from workbench.errors import UserError, check_names, unknown_name

SETS = ("ratio", "published")  # splits whose test case is a set of targets
RATIO_FIELDS = {"ratio": ("ratios", "order"), "published": ("ratios",)}  # by split; of no meaning for the others
CHOICES = {
    "split": ("leave-one-out", "global-time", "random", *SETS),
    "order": ("random", "time"),
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
        unordered data); ratio (a user's distinct items divided by `ratios` into train, validation and test, so that a
        test case has a set of targets; short users as under leave-one-out); published (the test rows of the release,
        `held_out` of the dataset; validation is drawn from a user's other items, as ratios[1] to ratios[0]).
    ratios: shares of train, validation and test under ratio; a part of less than one item gets one, while train keeps
        one.
    order: how ratio divides a user's items: random (by a seeded hash) or time (the oldest are train).
    ties: order of events with equal timestamps: file (the row, where the source is a published sequence) or hash
        (seeded).
    mask_history: whether items of the history are removed from the candidates, in validation and test alike. None: as
        is usual, removed where targets are sets (the history of a test case is then train and validation), else not.
    candidates: full ranking only; sampled metrics estimate a different quantity and are not supported.
    target: which event of a user's window is predicted under global-time.
    """

    split: str = "leave-one-out"
    ties: str = "hash"
    mask_history: bool | None = None
    min_events: int = 3
    cuts: tuple[float, float] = (0.8, 0.9)
    target: str = "last"
    candidates: str = "full"
    tie_seed: int = 0
    ratios: tuple[float, float, float] = (0.8, 0.1, 0.1)
    order: str = "random"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise unknown_name(f"protocol {name}", getattr(self, name), allowed)
        if self.mask_history is None:
            object.__setattr__(self, "mask_history", self.target_sets)
        for name, kind in (("mask_history", bool), ("min_events", int), ("tie_seed", int)):
            if type(getattr(self, name)) is not kind:
                raise UserError(f"protocol {name} must be {kind.__name__}, not {getattr(self, name)!r}")
        cuts = tuple(self.cuts) if isinstance(self.cuts, tuple | list) else ()
        if [type(cut) for cut in cuts] != [float, float] or not 0 < cuts[0] < cuts[1] < 1:
            raise UserError(f"protocol cuts {self.cuts!r} must be two increasing quantiles, such as (0.8, 0.9)")
        object.__setattr__(self, "cuts", cuts)
        object.__setattr__(self, "ratios", _checked_ratios(self.ratios))
        if self.min_events < 3:
            raise UserError(f"protocol min_events {self.min_events}: train, validation and test need at least 3 events")

    @property
    def target_sets(self) -> bool:
        """Whether the targets of a case are a set of items instead of one."""
        return self.split in SETS

    @property
    def random_order(self) -> bool:
        """Whether events are put in a random order, so that no sequence can be learned from them."""
        return self.split in ("random", "published") or (self.split == "ratio" and self.order == "random")

    def dict(self) -> dict:
        """The protocol as JSON values, as stored with every metric. `ratios` and `order` only where they apply."""
        values = {**asdict(self), "cuts": list(self.cuts), "ratios": list(self.ratios)}
        unused = {"ratios", "order"} - set(RATIO_FIELDS.get(self.split, ()))
        return {name: value for name, value in values.items() if name not in unused}


def _checked_ratios(ratios: object) -> tuple[float, float, float]:
    """UserError unless ratios are three positive numbers that add up to 1."""
    given = tuple(ratios) if isinstance(ratios, tuple | list) else ()
    positive = all(type(share) is float and 0 < share < 1 for share in given)
    if len(given) != 3 or not positive or not math.isclose(sum(given), 1, abs_tol=1e-6):
        raise UserError(f"protocol ratios {ratios!r:.60} must be three positive shares, of train, validation and test, "
                        "that add up to 1, such as (0.8, 0.1, 0.1)")  # fmt: skip
    return given


def protocol_for(dataset: Dataset, **changes) -> Protocol:
    """The default protocol of a dataset, with `changes`. UserError for an unknown field.

    Ties are broken by the file order where the source is a published sequence, by a seeded hash otherwise; unordered
    data defaults to the random split. Whether the history is masked follows the split, unless `changes` say so.
    """
    check_protocol(changes)
    default = {"sequence": {"ties": "file"}, "time": {"ties": "hash"}, "none": {"split": "random"}}[dataset.order]
    return Protocol(**default | changes)


def require_one_target(split: str, what: str) -> None:
    """UserError where the cases of a split have sets of targets, for what reads one target a case."""
    if split in SETS:
        raise UserError(f"{what} needs cases of one target; under split={split} a case has a set of them. Open the "
                        "bench with another split, such as protocol={'split': 'random'}", code=3)  # fmt: skip


def check_protocol(changes: dict) -> None:
    """UserError for an unknown protocol field or a value that is not allowed; needs no data."""
    if not isinstance(changes, dict):
        raise UserError(f"protocol is a dict, such as {{'split': 'random'}}; given {changes!r:.60}")
    check_names("protocol field", changes, [f.name for f in fields(Protocol)])
    Protocol(**changes)


def differing_fields(a: dict, b: dict) -> list[str]:
    """The fields in which two stored protocols differ."""
    return sorted(key for key in {*a, *b} if a.get(key) != b.get(key))
