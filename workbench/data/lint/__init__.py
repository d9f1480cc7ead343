"""Checks of a dataset before evaluation: `lint` runs them all and returns a LintReport.

Read finding (one row of the report) and checks (those of the log) first; table_lints has those of the side tables.
"""
from workbench.data.lint.checks import LintContext, LintReport, duplicate_events, item_titles, lint, short_users
from workbench.data.lint.finding import NOT_MEASURED, NOTE, OK, WARNING, Finding

__all__ = [
    "NOTE", "NOT_MEASURED", "OK", "WARNING", "Finding", "LintContext", "LintReport", "duplicate_events", "item_titles",
    "lint", "short_users",
]  # fmt: skip
