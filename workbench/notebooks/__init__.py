"""Notebooks without a browser: find them, check them, run them strictly, and carry their numbers out."""
from workbench.notebooks.lint import lint
from workbench.notebooks.metrics import glue, glued
from workbench.notebooks.run import RunResult, run, series

__all__ = ["RunResult", "glue", "glued", "lint", "run", "series"]
