"""Faults of side tables that say how things are linked: mended and counted, or refused with one error.

    relations   rows without head, relation or tail, and repeated triples, are left out
    social      links of a user to himself, and repeated links, are left out (one row a direction is no repetition)
    tree        a cycle is refused: of no node on it can be said what is above it

Self links of relations are kept: some published knowledge graphs have them. Links about unknown users and items are
left out and counted by `workbench.data.tables`; `workbench.data.lint` counts what is left.
"""
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from workbench.data.schema import USER
from workbench.errors import UserError

ENDS = {"relations": ["head", "relation", "tail"], "social": [USER, "friend"]}  # what makes two rows one link
SHOWN = 6  # nodes of a cycle that an error names


def repaired(dataset: str, name: str, table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """A table of raw ids without faulty rows, and how many were left out, by reason. Tables of other kinds are
    returned as they are. dataset: named in errors. UserError (code 3) for a tree with a cycle."""
    if name == "tree":
        _refuse_cycle(dataset, table)
    if name not in ENDS:
        return table, {}
    ends, counts = ENDS[name], {}
    faults = {f"repeated rows of {name}": lambda rows: rows.duplicated(ends) & rows[ends].notna().all(axis=1)}
    if name == "relations":
        faults = {"rows without head, relation or tail in relations": lambda rows: rows[ends].isna().any(axis=1)} | faults
    else:
        faults = {"self links in social": lambda rows: rows[USER] == rows["friend"]} | faults
    for reason, find in faults.items():
        faulty = find(table).to_numpy(bool)
        if faulty.any():
            table, counts[reason] = table[~faulty], int(faulty.sum())
    return table, counts


def on_cycle(table: pd.DataFrame) -> pd.Series:
    """bool by node name (text), of the nodes of a tree that have a parent or are one: whether it is above itself.

    table: columns child and parent; the parent of a root is missing.
    """
    edges = table[table["parent"].notna()].drop_duplicates(["child", "parent"])
    codes, nodes = pd.factorize(np.concatenate([edges["child"].astype(str), edges["parent"].astype(str)]))
    child, parent, n = codes[: len(edges)], codes[len(edges) :], len(nodes)
    links = coo_array((np.ones(len(child)), (child, parent)), shape=(n, n))
    _, component = connected_components(links, connection="strong")
    inside = (np.bincount(component) > 1)[component] if n else np.zeros(0, bool)
    inside[child[child == parent]] = True
    return pd.Series(inside, nodes, dtype=bool)


def _refuse_cycle(dataset: str, table: pd.DataFrame) -> None:
    nodes = on_cycle(table)
    if not nodes.any():
        return
    edges = table[table["parent"].notna()].astype(str)
    edges = edges[edges["child"].isin(nodes.index[nodes]) & edges["parent"].isin(nodes.index[nodes])]
    above, path = edges.drop_duplicates("child").set_index("child")["parent"], [edges["child"].iloc[0]]
    while path[-1] not in path[:-1]:
        path.append(above[path[-1]])
    path = path[path.index(path[-1]) :]
    named = " -> ".join(path if len(path) <= SHOWN else [*path[: SHOWN - 1], "...", path[-1]])
    raise UserError(f"{dataset}: table 'tree' has {int(nodes.sum()):,} nodes that are above themselves, such as {named} "
                    "(child -> parent); take one of these links out", code=3)  # fmt: skip
