"""Faults of side tables that say how things are linked: mended and counted, or refused with one error.

    relations   rows without a relation, and repeated triples, are left out
    social      links of a user to himself, and repeated links, are left out (one row a direction is no repetition)
    tree        a cycle is refused: of no node on it can be said what is above it

Self links of relations are kept: some published knowledge graphs have them. Links with a missing end, or about unknown
users and items, are left out and counted by `workbench.data.tables`; `workbench.data.lint` counts what is left.
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
    links, given = table[ENDS[name]], table[ENDS[name]].notna().all(axis=1)
    if name == "relations":
        reason, faulty = "rows without a relation in relations", links["relation"].isna()
    else:
        reason, faulty = "self links in social", links[USER] == links["friend"]
    repeated = links.duplicated() & given & ~faulty
    counts = {reason: int(faulty.sum()), f"repeated links in {name}": int(repeated.sum())}
    return table[~(faulty | repeated)], {reason: count for reason, count in counts.items() if count}


def id_text(ids: pd.Series) -> pd.Series:
    """Ids as text, missing ones left so; whole numbers that a missing one made floats are written as whole."""
    if ids.dtype.kind == "f" and (ids.dropna() % 1 == 0).all():
        ids = ids.astype("Int64")
    return ids.astype(str).where(ids.notna())


def on_cycle(table: pd.DataFrame) -> pd.Series:
    """bool by node name (text), of the nodes of a tree that have a parent or are one: whether it is above itself.

    table: columns child and parent; the parent of a root is missing.
    """
    edges = _edges(table)
    codes, nodes = pd.factorize(np.concatenate([edges["child"], edges["parent"]]))
    child, parent, n = codes[: len(edges)], codes[len(edges) :], len(nodes)
    links = coo_array((np.ones(len(child)), (child, parent)), shape=(n, n))
    _, component = connected_components(links, connection="strong")
    inside = (np.bincount(component) > 1)[component] if n else np.zeros(0, bool)
    inside[child[child == parent]] = True
    return pd.Series(inside, nodes, dtype=bool)


def _edges(table: pd.DataFrame) -> pd.DataFrame:
    """child and parent as text, each pair once, without roots."""
    edges = pd.DataFrame({end: id_text(table[end]) for end in ("child", "parent")})
    return edges.dropna().drop_duplicates()


def _refuse_cycle(dataset: str, table: pd.DataFrame) -> None:
    nodes = on_cycle(table)
    if not nodes.any():
        return
    edges = _edges(table)
    edges = edges[edges["child"].isin(nodes.index[nodes]) & edges["parent"].isin(nodes.index[nodes])]
    above, node, place = dict(edges[["child", "parent"]].to_numpy()[::-1]), edges["child"].iloc[0], {}
    while node not in place:  # upwards until a node comes again
        place[node] = len(place)
        node = above[node]
    path = [*list(place)[place[node] :], node]
    named = " -> ".join(path if len(path) <= SHOWN else [*path[: SHOWN - 1], "...", path[-1]])
    raise UserError(f"{dataset}: table 'tree' has a cycle, {named} (child -> parent); {int(nodes.sum()):,} "
                    "of its nodes are above themselves. Take a link of each cycle out", code=3)  # fmt: skip
