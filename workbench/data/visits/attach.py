"""The side tables of a dataset of visits, and what is wrong in them.

visits: user, visit (a whole number of its own), timestamp, a column of words for each trait of the profile, and `text`,
further words that are known at the visit. visit_codes: visit, kind, code, name (in words); what is known at the visit.
conflicts: code, other, level; two items, by their raw ids, that should not be in one set. The set of a visit are the
events whose column `visit` names it.
"""
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.data.schema import RAW, TIME, USER, Dataset
from workbench.errors import UserError

VISIT, KIND, CODE, NAME, OTHER, LEVEL, TEXT = "visit", "kind", "code", "name", "other", "level", "text"
COLUMNS = {"visits": (USER, VISIT, TIME), "visit_codes": (VISIT, KIND, CODE, NAME), "conflicts": (CODE, OTHER, LEVEL)}


def with_visits(
    dataset: Dataset, visits: pd.DataFrame, codes: pd.DataFrame, conflicts: pd.DataFrame | None = None
) -> Dataset:
    """The dataset with the tables of its visits; `user` of visits is a raw id.

    Left out and counted in `about`: visits of a user without any event, visits without an event (there is no set to
    compare with), codes of another visit, codes given twice, and conflicts of an item that the log does not have, of an
    item with itself, or given twice in either order. UserError (code 3) for a table without a column, a visit that is
    given twice, or an event of no visit or of another user's.
    """
    tables = {"visits": visits, "visit_codes": codes} | ({} if conflicts is None else {"conflicts": conflicts})
    for name, table in tables.items():
        if lacking := [column for column in COLUMNS[name] if column not in table]:
            raise UserError(f"{dataset.name}: table {name!r} needs the columns {', '.join(COLUMNS[name])}; it lacks "
                            f"{', '.join(lacking)}", code=3)  # fmt: skip
    ids = pd.Series(dataset.users.index, dataset.users[RAW])
    visits = visits.assign(**{USER: ids.reindex(visits[USER].astype(str)).to_numpy()})
    dropped: dict[str, int] = {}
    visits = _kept(visits, visits[USER].notna(), "visits of users without an event", dropped)
    visits = visits.astype({USER: "int32"})
    _check(dataset, visits)
    filled = visits[VISIT].isin(dataset.interactions[VISIT])
    visits = _kept(visits, filled, "visits without a set", dropped)
    codes = _kept(codes, codes[VISIT].isin(visits[VISIT]), "codes of visits that are left out", dropped)
    codes = _kept(codes, ~codes.duplicated([VISIT, KIND, CODE]), "codes given twice", dropped)
    tables = {"visits": visits, "visit_codes": codes}
    if conflicts is not None:
        tables["conflicts"] = _conflicts(dataset, conflicts, dropped)
    about = {**dataset.about, "dropped": {**dataset.about.get("dropped", {}), **dropped}}
    whole = {name: table.reset_index(drop=True) for name, table in tables.items()}
    return replace(dataset, tables={**dataset.tables, **whole}, about=about)


def _kept(table: pd.DataFrame, keep: pd.Series, what: str, dropped: dict[str, int]) -> pd.DataFrame:
    """The rows to keep; how many others there are is noted."""
    if n := int((~keep).sum()):
        dropped[what] = dropped.get(what, 0) + n
    return table[keep]


def _check(dataset: Dataset, visits: pd.DataFrame) -> None:
    """UserError (code 3) for a visit given twice, or an event of none or of another user's."""
    if visits[VISIT].duplicated().any():
        twice = visits[VISIT][visits[VISIT].duplicated()].iloc[0]
        raise UserError(f"{dataset.name}: visit {twice} is given twice", code=3)
    if VISIT not in dataset.interactions:
        raise UserError(f"{dataset.name}: the events have no column {VISIT!r}, which says of which visit they are",
                        code=3)  # fmt: skip
    owner = pd.Series(visits[USER].to_numpy(), visits[VISIT]).reindex(dataset.interactions[VISIT]).to_numpy()
    if (wrong := owner != dataset.interactions[USER].to_numpy()).any():
        at = int(wrong.argmax())
        visit = dataset.interactions[VISIT].iloc[at]
        whose = "is not in the table of visits" if np.isnan(owner[at]) else "is of another user"
        raise UserError(f"{dataset.name}: event {at + 1:,} is of visit {visit}, which {whose}", code=3)


def _conflicts(dataset: Dataset, conflicts: pd.DataFrame, dropped: dict[str, int]) -> pd.DataFrame:
    """Pairs of items of the log, each once, the smaller raw id first."""
    pair = np.sort(conflicts[[CODE, OTHER]].astype(str).to_numpy(object), axis=1)
    table = conflicts.assign(**{CODE: pair[:, 0], OTHER: pair[:, 1]})
    known = table[CODE].isin(dataset.items[RAW]) & table[OTHER].isin(dataset.items[RAW])
    table = _kept(table, known, "conflicts of codes that no visit has", dropped)
    table = _kept(table, table[CODE] != table[OTHER], "conflicts of a code with itself", dropped)
    return _kept(table, ~table.duplicated([CODE, OTHER]), "conflicts given twice", dropped)
