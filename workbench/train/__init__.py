"""Training: hyperparameters (recipe), compute limits (profile), named random streams (rng), what a recommender
is given (session, with its phases), the loop (fit) with its turns and its state, checkpoints and devices
(runtime), learning curves of trainings in turn (curves). Read recipe first, then session and fit.
"""
from workbench.train.recipe import PROFILES, RECIPE_FIELDS, Profile, Recipe, get_profile, resolve_recipe
from workbench.train.rng import derive_seed, named_rng, seeded_torch

__all__ = [
    "PROFILES", "RECIPE_FIELDS", "Profile", "Recipe", "derive_seed", "get_profile", "named_rng", "resolve_recipe",
    "seeded_torch",
]  # fmt: skip
