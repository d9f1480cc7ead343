"""Visits as arrays: their sets, their codes by kind, their profile and words, users together and in order of time."""
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from workbench.data.schema import ITEM, RAW, TIME, USER, Dataset
from workbench.data.visits.attach import CODE, COLUMNS, KIND, LEVEL, NAME, OTHER, TEXT, VISIT
from workbench.errors import UserError

COUNTED = ("Major", "Moderate")  # levels of a conflict that count; the others are minor, or unknown


@dataclass(frozen=True)
class Visits:
    """V visits, those of a user side by side, oldest first.

    users: (V,) int32. visits: (V,) int64 their numbers in the data. times: (V,) int64 seconds. position: (V,) int64 how
    many visits of the user came before. sets: (V, I+1) bool CSR, the items of each set, ids ascending. codes: kind ->
    (V, C+1) bool CSR of what is known at the visit; column 0 is none. code_names: kind -> (C+1,) words. item_names:
    (I+1,) words. profile: (V, P) int64, values numbered from 1, 0 for a missing one; traits: (P,) their names;
    sizes: (P,) how many values. texts: (V,) words known at the visit, of the profile and of `text`. conflicts: (n, 2)
    int32 ids of items that should not be in one set, None where nothing is known of that. without_codes: visits at
    which nothing is known, though the data have codes.
    """

    users: np.ndarray
    visits: np.ndarray
    times: np.ndarray
    position: np.ndarray
    sets: sparse.csr_matrix
    codes: dict[str, sparse.csr_matrix]
    code_names: dict[str, np.ndarray]
    item_names: np.ndarray
    profile: np.ndarray
    traits: tuple[str, ...]
    sizes: tuple[int, ...]
    texts: np.ndarray
    conflicts: np.ndarray | None
    without_codes: int = field(default=0)

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return self.sets.shape[1] - 1

    def before(self, rows: np.ndarray, n: int) -> np.ndarray:
        """(B, n) int64 rows of the last n visits before each of rows (B,), oldest first; -1 where there is none."""
        back = np.arange(n, 0, -1)
        return np.where(back <= self.position[rows][:, None], rows[:, None] - back, -1)


def read_visits(dataset: Dataset, users: int | None = None) -> Visits:
    """The visits of a dataset, of its first users where a number is given.

    UserError (code 3) for a dataset without visits.
    """
    if "visits" not in dataset.tables:
        raise UserError(f"{dataset.name} has no visits, of which each has a set; mimic-demo, beauty-baskets and "
                        f"synthetic-visits do. Their tables are {', '.join(COLUMNS)}", code=3)  # fmt: skip
    table = dataset.tables["visits"]
    table = table if users is None else table[table[USER] < users]
    if not len(table):
        raise UserError(f"{dataset.name}: the first {users:,} users have no visit", code=3)
    table = table.sort_values([USER, TIME, VISIT]).reset_index(drop=True)
    owner = table[USER].to_numpy(np.int32)
    start = np.concatenate([[True], owner[1:] != owner[:-1]])
    at = np.arange(len(owner))
    row_of = pd.Series(at, table[VISIT])
    events = dataset.interactions[dataset.interactions[VISIT].isin(table[VISIT])]
    sets = _sets(row_of.reindex(events[VISIT]).to_numpy(), events[ITEM].to_numpy(), len(at), dataset.n_items)
    codes, names = _codes(dataset.tables["visit_codes"], row_of)
    traits = tuple(name for name in table if name not in (USER, VISIT, TIME, TEXT))
    found = [pd.factorize(table[name], sort=True) for name in traits]
    words = [table[name].astype("string").fillna("") for name in (*traits, TEXT) if name in table]
    empty = np.prod([np.asarray(matrix.sum(axis=1)).ravel() == 0 for matrix in codes.values()], axis=0)
    return Visits(
        owner, table[VISIT].to_numpy(np.int64), table[TIME].to_numpy(np.int64), at - np.maximum.accumulate(at * start),
        sets, codes, names, dataset.titles(), np.stack([numbers + 1 for numbers, _ in found], axis=1)
        if found else np.zeros((len(at), 0), np.int64), traits, tuple(len(values) for _, values in found),
        _joined(words, len(at)),
        _conflicts(dataset), int(np.sum(empty)) if codes else 0,
    )  # fmt: skip


def _joined(words: list[pd.Series], n: int) -> np.ndarray:
    """(n,) the words of several columns as one text."""
    text = pd.Series("", index=range(n), dtype="string")
    for column in words:
        text = text + " " + column
    return text.str.strip().to_numpy(object)


def _sets(rows: np.ndarray, columns: np.ndarray, n: int, width: int) -> sparse.csr_matrix:
    """(n, width+1) bool CSR with sorted, distinct columns: the order in which a set is written down is lost."""
    matrix = sparse.csr_matrix((np.ones(len(rows), bool), (rows, columns)), (n, width + 1))
    matrix.sum_duplicates()
    matrix.data[:] = True
    matrix.sort_indices()
    return matrix


def _codes(table: pd.DataFrame, row_of: pd.Series) -> tuple[dict, dict]:
    """By kind, what is known at each visit, and the names; the columns are all codes of the data in order of text."""
    codes, names = {}, {}
    for kind, own in table.groupby(KIND, sort=True):
        labels = own.drop_duplicates(CODE).sort_values(CODE)
        number = pd.Series(np.arange(1, len(labels) + 1), labels[CODE])
        own = own[own[VISIT].isin(row_of.index)]
        rows, columns = row_of.reindex(own[VISIT]).to_numpy(), number.reindex(own[CODE]).to_numpy()
        codes[kind] = _sets(rows, columns, len(row_of), len(labels))
        names[kind] = np.concatenate([[""], labels[NAME].fillna("").to_numpy(object)])
    return codes, names


def _conflicts(dataset: Dataset) -> np.ndarray | None:
    if "conflicts" not in dataset.tables:
        return None
    table = dataset.tables["conflicts"]
    table = table[table[LEVEL].isin(COUNTED)]
    ids = pd.Series(dataset.items.index, dataset.items[RAW])
    return np.stack([ids.reindex(table[column]).to_numpy(np.int32) for column in (CODE, OTHER)], axis=1)
