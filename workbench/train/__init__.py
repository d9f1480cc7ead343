"""Recipe, profile, randomness: what decides how a system is trained. The loop itself is workbench.train.fit."""
from workbench.train.recipe import PROFILES, RECIPE_FIELDS, Profile, Recipe, profile, resolve
from workbench.train.rng import derive, stream

__all__ = ["PROFILES", "RECIPE_FIELDS", "Profile", "Recipe", "derive", "profile", "resolve", "stream"]
