"""Semantic IDs as tables of titles: items under a prefix, collisions, and nearest items."""
import numpy as np
import pandas as pd

from workbench.data.schema import RAW
from workbench.diagnose.models.codes import content_levels, item_categories, majority_label
from workbench.errors import UserError
from workbench.experiment import Bench
from workbench.experiment.browse.item_index import ItemIndex, item_columns
from workbench.show.figures.codes import prefix_name, prefix_titles
from workbench.show.tables import Table, table
from workbench.show.theme import shorten
from workbench.tokens import ItemCodes


def table_nearest_items(
    bench: Bench, vectors: np.ndarray, item: int, *, codes: ItemCodes | None = None, k: int = 6
) -> Table:
    """The k items most similar to one by the cosine of their vectors (I+1, D), itself on top, with their codes."""
    ItemIndex(bench).check(item)
    norms = np.linalg.norm(vectors, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.nan_to_num(vectors @ vectors[item] / (norms * norms[item]), nan=-1.0)
    cosine[[0, item]] = -np.inf
    nearest = np.append(item, np.argsort(-cosine, kind="stable")[: min(k, len(vectors) - 2)])
    cosine[item] = 1
    frame = pd.DataFrame({"cosine": cosine[nearest].astype(float), **item_columns(bench, nearest)})
    if codes is not None:
        frame.insert(1, "code", [codes.code_string(neighbour) for neighbour in nearest])
    caption = "" if norms[item] else "It has a zero vector (no content or no train events), so it has no nearest items."
    return table(frame, index=False, digits=2, caption=caption)


def table_code_path(bench: Bench, codes: ItemCodes, item: int) -> Table:
    """The prefixes of an item's semantic ID, a row each: number of items with it, most common category, some titles."""
    labels, index, rows = item_categories(bench.dataset), ItemIndex(bench), []
    index.check(item)
    for depth in range(codes.levels + 1):
        node = int(codes.trie.node[item, depth])
        row = {"prefix": prefix_name(codes, depth, node), "items": int(codes.trie.counts[depth][node])}
        if labels is not None:
            names, share = majority_label(codes, depth, labels)
            row["mostly"] = f"{share[node]:.0%} {names[node]}" if names[node] else "—"
        titles = [shorten(title, 44) for title in prefix_titles(index, codes, depth, node)]
        rows.append(row | {"such as": "; ".join(titles)})
    title = shorten(bench.dataset.titles(np.array([item]))[0], 80)
    return table(pd.DataFrame(rows), index=False, length=160, caption=f"The semantic ID of: {title}")


def table_prefix(bench: Bench, codes: ItemCodes, prefix: tuple[int, ...], *, n: int = 12) -> Table:
    """The n items under a prefix of their codes that are most frequent in train. UserError where there are none."""
    items = 1 + np.flatnonzero((codes.codes[1:, : len(prefix)] == np.array(prefix, int)).all(axis=1))
    name = "-".join(map(str, prefix))
    if not len(items):
        raise UserError(f"no item's code begins with {name}")
    count = bench.split.train_counts()[items]
    shown = items[np.argsort(-count, kind="stable")[:n]]
    frame = pd.DataFrame({"code": [codes.code_string(item) for item in shown], **item_columns(bench, shown)})
    frame["train events"] = np.sort(count)[::-1][:n]
    caption = f"{len(items):,} items begin with {name or 'any code'}"
    caption += "; these are the most frequent." if len(items) > n else "."
    return table(frame, index=False, caption=caption)


def table_collisions(bench: Bench, codes: ItemCodes, *, n: int = 6) -> Table:
    """The largest group of items with the same codes up to the dedup digit, n of them, or that no two collide."""
    depth = content_levels(codes)
    size = codes.trie.counts[depth]
    if size.max(initial=0) < 2:
        return table(pd.DataFrame({"collisions": ["No two items share all their codes."]}), index=False)
    items = codes.trie.items(depth, int(size.argmax()))[:n]
    frame = pd.DataFrame({"code": [codes.code_string(item) for item in items], **item_columns(bench, items)})
    frame["raw id"] = bench.dataset.items[RAW].loc[items].tolist()
    digit = "; only the dedup digit differs" if depth < codes.levels else ""
    caption = f"{size[size > 1].sum():,} of {codes.n_items:,} items share their code with another; "
    return table(frame, index=False, caption=f"{caption}the largest group has {size.max():,}{digit}.")
