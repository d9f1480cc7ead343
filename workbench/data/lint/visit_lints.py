"""Checks of visits, each of which has a set: what is not known at them, how few there are, and what was left out."""
from collections.abc import Iterator

import numpy as np

from workbench.data.lint.finding import NOTE, OK, WARNING, Finding, counted
from workbench.data.schema import USER, Dataset
from workbench.data.visits.attach import CODE, NAME, VISIT
from workbench.data.visits.records import COUNTED, read_visits

FEW = 1_000  # visits, below which a result is about mechanisms only
LEFT_OUT = ("visits of users without an event", "visits without a set", "codes of visits that are left out",
            "codes given twice", "conflicts of codes that no visit has", "conflicts of a code with itself",
            "conflicts given twice", "patients without a visit that has a set")  # fmt: skip


def visit_findings(dataset: Dataset) -> Iterator[Finding]:
    """The checks of a dataset with visits, none for one without; values are counts and shares."""
    if "visits" not in dataset.tables:
        return
    visits = read_visits(dataset)
    n, later = len(visits), int((visits.position > 0).sum())
    yield Finding("visits", n, np.nan, OK if n >= FEW else NOTE,
                  f"{n:,} visits; {later:,} have an earlier one of the same user.")  # fmt: skip
    if later:
        most = int(np.bincount(visits.users[visits.position > 0]).max())
        share = most / later
        yield Finding("visits: later ones of one user", share, 0.0, WARNING if share > 0.2 else OK,
                      f"{most:,} of {later:,} visits with an earlier one are of the same user.")  # fmt: skip
    codes = dataset.tables["visit_codes"]
    if len(codes):
        yield counted("visits: without codes", visits.without_codes, n, "visits have no code, so nothing is known")
        bare = codes.drop_duplicates(CODE)[NAME].fillna("").eq("").sum()
        yield counted("visits: codes without a name", bare, codes[CODE].nunique(), "codes have no words", NOTE)
        once = (codes.groupby(CODE)[VISIT].nunique() == 1).sum()
        yield counted("visits: codes seen once", once, codes[CODE].nunique(), "codes are of one visit: outside the "
                      "vocabulary of any train part that lacks it", NOTE)  # fmt: skip
    users = dataset.tables["visits"][USER].nunique()
    yield counted("visits: users without one", dataset.n_users - users, dataset.n_users, "users have no visit")
    if visits.conflicts is not None:
        share = 2 * len(visits.conflicts) / (dataset.n_items * (dataset.n_items - 1) or 1)
        yield Finding("visits: conflicting pairs", share, np.nan, OK,
                      f"{len(visits.conflicts):,} pairs of items conflict ({' or '.join(COUNTED)}).")  # fmt: skip
    dropped = dataset.about.get("dropped", {})
    for what in LEFT_OUT:
        if what in dropped:
            yield Finding(f"visits: {what}", dropped[what], 0.0, NOTE, f"{dropped[what]:,} {what} are left out.")
