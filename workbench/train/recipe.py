"""Training hyperparameters (Recipe) and compute limits (Profile). Precedence: recipe < profile < --set."""
import math
from dataclasses import asdict, dataclass, field, fields, replace

from workbench.errors import UserError, check_names, unknown_name


@dataclass(frozen=True)
class Recipe:
    """The training hyperparameters of a system, defined in its file.

    epochs: the maximum. patience: validations without improvement before early stopping. valid_every: epochs between
    validations. valid_cases: number of validation users, chosen by hash; 0 for all. batch_size: sequences. lr, beta2,
    weight_decay: of AdamW. warmup: steps of linear warm-up. schedule: constant, or linear decay to zero at the last
    epoch. clip: maximum gradient norm, 0 for none. monitor: the validation metric for model selection. sizes: for each
    named model size, keywords of build() and fields of this recipe.
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
    """Compute limits of a run: how large and how long, never which method.

    size: one of the recipe's sizes. epochs, users, events: maximum numbers, or None. device: auto, cpu, cuda or mps.
    dataset: the default dataset of a notebook. minutes: the expected running time of one notebook.
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
        """As plain JSON values."""
        return asdict(self)

    @property
    def threads(self) -> int | None:
        """Number of threads, None for one per core. Small matrices gain nothing from a second thread and lose more
        than half of their speed when another process is busy."""
        return None if self.users is None else 1

    def event_limit(self, n_items: int) -> int | None:
        """Maximum number of events, lower for large catalogues: training on one event scores every item."""
        return None if self.events is None else min(self.events, max(MIN_EVENTS, MAX_SCORES // max(1, n_items)))


MAX_SCORES = 250_000_000  # events times items, where a profile limits events
MIN_EVENTS = 2_000  # events that are always kept
PROFILES = {
    "smoke": Profile(
        "smoke", size="small", epochs=40, users=2_000, events=22_000, device="cpu", dataset="synthetic", minutes=0.4,
    ),
    "workshop": Profile(
        "workshop", size="small", epochs=60, users=None, events=None, device="auto", dataset="synthetic", minutes=5,
    ),
    "paper": Profile(
        "paper", size="paper", epochs=None, users=None, events=None, device="auto", dataset="beauty", minutes=60,
    ),
}  # fmt: skip
SCHEDULES = ("constant", "linear")
RECIPE_FIELDS = tuple(f.name for f in fields(Recipe) if f.name != "sizes")


def get_profile(name: str) -> Profile:
    """A profile by name. UserError suggests the nearest name."""
    if name not in PROFILES:
        raise unknown_name("profile", name, PROFILES)
    return PROFILES[name]


def resolve_recipe(recipe: Recipe, limits: Profile, changes: dict) -> Recipe:
    """The recipe of a run: the system's, limited by the profile, then changed by --set. UserError on a bad field."""
    if limits.epochs is not None:
        recipe = replace(recipe, epochs=min(recipe.epochs, limits.epochs))
    return change_recipe(recipe, changes)


def change_recipe(recipe: Recipe, changes: dict) -> Recipe:
    """The recipe with other values of some fields. UserError on an unknown field or a bad value."""
    check_names("recipe field", changes, RECIPE_FIELDS)
    for name, value in changes.items():
        default = getattr(recipe, name)
        if type(value) is not type(default) and not (type(default) is float and type(value) is int):
            raise UserError(f"{name} must be {type(default).__name__}, not {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{name} must be a finite number, not {value!r}")
    result = replace(recipe, **changes)
    check_names("schedule", [result.schedule], SCHEDULES)
    if min(result.epochs, result.batch_size, result.valid_every, result.patience) < 1 or not result.lr > 0:
        raise UserError(f"epochs, batch_size, valid_every and patience must be at least 1 and lr positive: {changes}")
    if not 0 <= result.beta2 < 1 or min(result.weight_decay, result.warmup, result.clip, result.valid_cases) < 0:
        raise UserError(f"beta2 must be in [0, 1); weight_decay, warmup, clip and valid_cases at least 0: {changes}")
    return result
