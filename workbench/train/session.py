"""The training session: what a recommender needs for training, and the phases that one training consists of."""
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.errors import UserError
from workbench.train.recipe import Recipe, change_recipe
from workbench.train.rng import derive_seed

PHASE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class TrainingSession:
    """What a recommender needs for training: hyperparameters, seed, device, validation and a checkpoint folder.

    validate: maps the recommender to its validation metrics; None trains all epochs and keeps the last weights.
    folder: where checkpoints are written during training; None writes none, so the training cannot be resumed.
    about: what checkpoints say about the training, such as the command that goes on with it.
    name: of the phase, "" outside of one. phases: the names that were used; `fit` forgets them when it is interrupted.
    """

    recipe: Recipe
    seed: int = 0
    device: str = "cpu"
    validate: Callable[[Any], dict[str, float]] | None = None
    folder: Path | None = None
    about: dict[str, str] | None = None
    name: str = ""
    phases: set[str] = field(default_factory=set, repr=False, compare=False)

    def phase(self, name: str, **recipe_changes: Any) -> "TrainingSession":
        """The session of one phase of this training, for one call of `fit`: other fields of the recipe, random streams
        named by the phase, and checkpoints of its own, so that a finished phase is not trained again on resume.

        name: lower-case letters, digits, - and _. A profile has limited `self.recipe.epochs`: epochs given as a share
        of it respect that limit. UserError for another name, one used twice, or a bad recipe field.
        """
        if not PHASE_NAME.fullmatch(name):
            raise UserError(f"the name of a phase is of lower-case letters, digits, - and _; given {name!r}")
        full = f"{self.name}/{name}".lstrip("/")
        if full in self.phases:
            raise UserError(f"this training has two phases {full!r}: their checkpoints would be mixed up. Name each "
                            "phase differently, and train again with a new session")  # fmt: skip
        recipe = change_recipe(self.recipe, recipe_changes)
        self.phases.add(full)
        folder = None if self.folder is None else self.folder / f"phase-{name}"
        return replace(self, recipe=recipe, seed=derive_seed(self.seed, "phase", name), folder=folder, name=full)
