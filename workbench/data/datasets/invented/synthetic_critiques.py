"""The synthetic world with critiques: after an event a user names what the next item has and this one lacks."""
from dataclasses import replace

from workbench.data import synthetic
from workbench.data.critiques.attribute_differences import with_critiques
from workbench.data.schema import Dataset


def load(*, users: int = 2_000, items: int = 600, mean_length: float = 9.0, seed: int = 0) -> Dataset:
    """Synthetic critiques. Events and items are those of dataset synthetic; the event column critique and the table
    critiques (critique, text, keeps, adds) are made of categories, brands, tags and price bands. UserError as there."""
    world = synthetic.load("synthetic", users=users, items=items, mean_length=mean_length, seed=seed)
    found = with_critiques(world, seed=seed)
    about = {**found.about, "title": "synthetic-critiques: an invented log with what is said between two events"}
    return replace(found, name="synthetic-critiques", about=about)
