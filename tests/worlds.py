from workbench.systems.built_in_worlds import WORLDS, world_of  # noqa: F401
