"""The built-in dataset on which a system is tested, by what it says that it needs (`NEEDS`): columns of the items, or
side tables."""
from workbench import systems

WORLDS = {
    (): "synthetic", ("lat", "lon"): "synthetic-places", ("social",): "synthetic-social",
    ("relations",): "synthetic-relations", ("tree",): "synthetic-files", ("domain",): "synthetic-domains",
    ("relations", "mentions"): "synthetic-dialogues", ("critiques",): "synthetic-critiques",
    ("audio",): "synthetic-clips",
    ("screens",): "synthetic-screens",
}  # fmt: skip


def world_of(system: str) -> str:
    """The dataset's name; of what is served in a stream one with clicks."""
    if systems.verb(system) == "observe":
        return "synthetic-clicks"
    return WORLDS[systems.REGISTRY.literal(system, "NEEDS", ())]
