"""The built-in dataset on which a system can be tried, by what its file says that it needs (`NEEDS`): columns of the
items, or side tables."""
from workbench import systems

WORLDS = {
    (): "synthetic", ("lat", "lon"): "synthetic-places", ("social",): "synthetic-social",
    ("relations",): "synthetic-relations", ("tree",): "synthetic-files", ("domain",): "synthetic-domains",
    ("relations", "mentions"): "synthetic-dialogues", ("critiques",): "synthetic-critiques",
    ("audio",): "synthetic-clips",
    ("screens",): "synthetic-screens",
}  # fmt: skip


def world_of(system: str) -> str:
    """The dataset's name; of what is served in a stream one with clicks, of what predicts sets one with visits.
    UserError if there is no such system."""
    by_verb = {"observe": "synthetic-clicks", "prescribe": "synthetic-visits"}
    if systems.verb(system) in by_verb:
        return by_verb[systems.verb(system)]
    return WORLDS[systems.REGISTRY.literal(system, "NEEDS", ())]
