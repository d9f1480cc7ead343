"""All checks of a dataset, and what they found."""
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.lint.checks import CHECKS
from workbench.data.lint.context import LintContext
from workbench.data.lint.finding import NOT_MEASURED, Finding
from workbench.data.protocol import Protocol, protocol_for
from workbench.data.schema import Dataset
from workbench.errors import UserError


class LintReport(NamedTuple):
    """findings: check, value, reference (the value expected without the problem), verdict (ok, note, warning, not
    measured), note. tables: lengths, popularity, tie_orders, id_order, as far as they could be measured."""

    findings: pd.DataFrame
    tables: dict[str, pd.DataFrame]


def lint(dataset: Dataset, protocol: Protocol | None = None) -> LintReport:
    """All checks of a dataset under a protocol (default: its own). A check that cannot be measured says why."""
    context = LintContext(dataset.with_exact_times(), protocol or protocol_for(dataset))
    findings = []
    for check in CHECKS:
        try:
            findings.extend(check(context))
        except UserError as error:
            name = check.__name__.replace("_", " ")
            findings.append(Finding(name, np.nan, np.nan, NOT_MEASURED, f"Cannot be measured: {error}."))
    return LintReport(pd.DataFrame(findings, columns=Finding._fields), context.tables)
