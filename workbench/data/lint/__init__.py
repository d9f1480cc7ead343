"""Checks of a dataset before evaluation: `lint` runs them all and returns a LintReport.

Read finding (one row of the report), report, and checks (those of the log) first; table_lints and visit_lints have
those of the side tables.
"""
from workbench.data.lint.checks import duplicate_events, item_titles, short_users
from workbench.data.lint.context import LintContext
from workbench.data.lint.finding import NOT_MEASURED, NOTE, OK, WARNING, Finding
from workbench.data.lint.report import LintReport, lint

__all__ = [
    "NOTE", "NOT_MEASURED", "OK", "WARNING", "Finding", "LintContext", "LintReport", "duplicate_events", "item_titles",
    "lint", "short_users",
]  # fmt: skip
