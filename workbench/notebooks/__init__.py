"""Notebooks without a browser: find them, check them, run them strictly, and carry their numbers out."""
from workbench.notebooks.discovery import find, folder, series, workshop
from workbench.notebooks.exercises import near
from workbench.notebooks.glue import glue, glued
from workbench.notebooks.handout import handout
from workbench.notebooks.lint import lint
from workbench.notebooks.run import RunResult, run, versions

__all__ = [
    "RunResult", "find", "folder", "glue", "glued", "handout", "lint", "near", "run", "series", "versions", "workshop",
]  # fmt: skip
