"""What a paper fixes (Recipe) and what a machine allows (Profile); precedence is recipe < profile < --set."""
from dataclasses import asdict, dataclass, field, fields, replace

from workbench.errors import UserError, check_names, unknown


@dataclass(frozen=True)
class Recipe:
    """How a system is trained. One per system, in its file.

    epochs: at most; patience: validations without a better score before stopping; valid_every: epochs between
    validations. valid_cases: how many users, by hash, a validation asks about; 0 for all. batch_size: sequences. lr,
    beta2, weight_decay: Adam (decoupled decay). warmup: steps of linear warm-up. schedule: constant, or linear: falling
    to nothing at the last epoch. clip: largest gradient norm, 0 for none. monitor: the validation metric that selects.
    sizes: for each named size, keywords of build() and fields of this recipe.
    """

    epochs: int = 100
    batch_size: int = 256
    lr: float = 1e-3
    beta2: float = 0.999
    weight_decay: float = 0.0
    warmup: int = 0
    schedule: str = "constant"
    clip: float = 0.0
    patience: int = 10
    valid_every: int = 1
    valid_cases: int = 0
    monitor: str = "ndcg@10"
    sizes: dict[str, dict] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """The one dial for what a machine allows; it never changes the method.

    size: which of the recipe's sizes. epochs, users, events: caps, or None. device: auto, cpu, cuda or mps.
    dataset: what a notebook opens by default. minutes: what to promise a reader for one notebook.
    """

    name: str
    size: str
    epochs: int | None
    users: int | None
    events: int | None
    device: str
    dataset: str
    minutes: float

    def dict(self) -> dict:
        """Plain JSON values."""
        return asdict(self)

    @property
    def threads(self) -> int | None:
        """How many threads, None for all there are: of a second one small matrices gain nothing, and beside another
        busy process they lose more than half of their speed."""
        return None if self.users is None else 1

    def room(self, items: int) -> int | None:
        """How many events are let in, fewer where there are many items: a network that learns from an event scores all
        of them."""
        return None if self.events is None else min(self.events, max(LEAST, SCORES // max(1, items)))


SCORES, LEAST = 250_000_000, 2_000  # events times items where events are capped, and events that are always let in
PROFILES = {
    "smoke": Profile(
        "smoke", size="small", epochs=20, users=2_000, events=22_000, device="cpu", dataset="synthetic", minutes=0.4,
    ),
    "workshop": Profile(
        "workshop", size="small", epochs=30, users=None, events=None, device="auto", dataset="synthetic", minutes=5,
    ),
    "paper": Profile(
        "paper", size="paper", epochs=None, users=None, events=None, device="auto", dataset="beauty", minutes=60,
    ),
}  # fmt: skip
SCHEDULES = ("constant", "linear")
RECIPE_FIELDS = tuple(f.name for f in fields(Recipe) if f.name != "sizes")


def profile(name: str) -> Profile:
    """A profile by name; UserError names the nearest."""
    if name not in PROFILES:
        raise unknown("profile", name, PROFILES)
    return PROFILES[name]


def resolve(recipe: Recipe, limits: Profile, changes: dict) -> Recipe:
    """The recipe this run follows: the paper's, capped by the profile, changed by --set. UserError on a bad field."""
    check_names("recipe field", changes, RECIPE_FIELDS)
    if limits.epochs is not None:
        recipe = replace(recipe, epochs=min(recipe.epochs, limits.epochs))
    for name, value in changes.items():
        default = getattr(recipe, name)
        if type(value) is not type(default) and not (type(default) is float and type(value) is int):
            raise UserError(f"{name} must be {type(default).__name__}, not {value!r}")
    result = replace(recipe, **changes)
    check_names("schedule", [result.schedule], SCHEDULES)
    if min(result.epochs, result.batch_size, result.valid_every, result.patience) < 1 or not result.lr > 0:
        raise UserError(f"epochs, batch_size, valid_every and patience must be at least 1 and lr positive: {changes}")
    if not 0 <= result.beta2 < 1 or min(result.weight_decay, result.warmup, result.clip, result.valid_cases) < 0:
        raise UserError(f"beta2 must be in [0, 1); weight_decay, warmup, clip and valid_cases at least 0: {changes}")
    return result
