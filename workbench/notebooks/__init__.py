"""Notebooks without a browser: find them, lint them, run them strictly, and read the metrics they report.

Read `parameters` (the parameters cell), `run` with `engine` (execution) and `glue` (metrics handed to the report)
first; `exercises` and `handout` serve the workshop, `lint` holds the rules every notebook keeps to.
"""
from workbench.notebooks.discovery import find, folder, series, topics, workshop
from workbench.notebooks.exercises import check_answer
from workbench.notebooks.glue import glue, glued
from workbench.notebooks.handout import handout
from workbench.notebooks.lint import lint
from workbench.notebooks.run import RunResult, package_versions, run

__all__ = [
    "RunResult", "check_answer", "find", "folder", "glue", "glued", "handout", "lint", "package_versions", "run",
    "series", "topics", "workshop",
]  # fmt: skip
