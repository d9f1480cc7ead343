"""Semantic IDs as tables of titles: what lies under a prefix, who collides, who is near, how codes compare."""
import numpy as np
import pandas as pd

from workbench.data.schema import RAW
from workbench.diagnose.models.codes import categories, digits, dominant, newcomers_right, side_by_side
from workbench.errors import UserError, whole
from workbench.experiment import Bench
from workbench.experiment.browse.item_index import Shelf
from workbench.show.figures.codes import examples, short_name
from workbench.show.tables import Table, table
from workbench.show.theme import shorten
from workbench.tokens import ItemCodes

COLUMNS = ("category", "brand")  # what a person may want to know of an item beside its title


def telling_item(bench: Bench, codes: ItemCodes, place: int = 0) -> int:
    """An item worth a look: the `place`-th most frequent in train among those with company under all but one code."""
    depth = max(1, digits(codes) - 1)
    company = np.append(0, codes.trie.counts[depth])[codes.trie.node[:, depth] + 1] > 1
    ranked = np.argsort(-(bench.split.train_counts() * company)[1:], kind="stable") + 1
    return int(ranked[min(place, len(ranked) - 1)])


def item_card(bench: Bench, item: int) -> Table:
    """All that the catalogue says of an item: the only thing that its vector is made from, where vectors are text.
    UserError where there is no such item."""
    if not whole(item, 1, bench.dataset.n_items):
        raise UserError(f"item {item!r}: this catalogue has items 1 to {bench.dataset.n_items:,}")
    row = bench.dataset.items.loc[item].dropna()
    said = {name: value for name, value in row.items() if str(value).strip()}
    return table(pd.DataFrame({"field": said.keys(), "value": [str(value) for value in said.values()]}), index=False,
                 length=300)


def described(bench: Bench, items: np.ndarray) -> dict[str, list]:
    """Columns of a table that describe items: title, and category and brand where known."""
    known = [name for name in COLUMNS if name in bench.dataset.items]
    rows = bench.dataset.items.loc[items]
    return {"title": bench.dataset.titles(items).tolist()} | {name: rows[name].tolist() for name in known}


def neighbours(bench: Bench, vectors: np.ndarray, item: int, *, codes: ItemCodes | None = None, k: int = 6) -> Table:
    """The items nearest to one by cosine, itself on top, with their codes."""
    length = np.linalg.norm(vectors, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.nan_to_num(vectors @ vectors[item] / (length * length[item]), nan=-1.0)
    cosine[[0, item]] = -np.inf
    near = np.append(item, np.argsort(-cosine, kind="stable")[: min(k, len(vectors) - 2)])
    cosine[item] = 1
    frame = pd.DataFrame({"cosine": cosine[near].astype(float), **described(bench, near)})
    if codes is not None:
        frame.insert(1, "code", [codes.name(at) for at in near])
    blank = "It has a zero vector (no content or no train events), so nobody is near." if not length[item] else ""
    return table(frame, index=False, digits=2, caption=blank)


def walk(bench: Bench, codes: ItemCodes, item: int) -> Table:
    """From the whole catalogue to one item, a code a row: how many are left, their commonest category, some titles."""
    labels, shelf, rows = categories(bench.dataset), Shelf(bench), []
    for depth in range(codes.levels + 1):
        node = int(codes.trie.node[item, depth])
        row = {"prefix": short_name(codes, depth, node), "items": int(codes.trie.counts[depth][node])}
        if labels is not None:
            names, share = dominant(codes, depth, labels)
            row["mostly"] = f"{share[node]:.0%} {names[node]}" if names[node] else "—"
        rows.append(row | {"such as": "; ".join(shorten(title, 44) for title in examples(shelf, codes, depth, node))})
    title = shorten(bench.dataset.titles(np.array([item]))[0], 80)
    return table(pd.DataFrame(rows), index=False, length=160, caption=f"The way to: {title}")


def under(bench: Bench, codes: ItemCodes, prefix: tuple[int, ...], *, n: int = 12) -> Table:
    """The items whose codes begin with `prefix`, those most frequent in train first. UserError where there are none."""
    items = 1 + np.flatnonzero((codes.codes[1:, : len(prefix)] == np.array(prefix, int)).all(axis=1))
    if not len(items):
        raise UserError(f"no item's code begins with {'-'.join(map(str, prefix))}")
    count = bench.split.train_counts()[items]
    shown = items[np.argsort(-count, kind="stable")[:n]]
    frame = pd.DataFrame({"code": [codes.name(item) for item in shown], **described(bench, shown)})
    frame["train events"] = np.sort(count)[::-1][:n]
    said = f"{len(items):,} items begin with {'-'.join(map(str, prefix)) or 'any code'}"
    return table(frame, index=False, caption=f"{said}; these are the most frequent." if len(items) > n else f"{said}.")


def collisions(bench: Bench, codes: ItemCodes, *, n: int = 6) -> Table:
    """The largest group of items that share all their codes but for the dedup digit, if there is one."""
    depth = digits(codes)
    size = codes.trie.counts[depth]
    if size.max(initial=0) < 2:
        return table(pd.DataFrame({"collisions": ["No two items share all their codes."]}), index=False)
    items = codes.trie.items(depth, int(size.argmax()))[:n]
    frame = pd.DataFrame({"code": [codes.name(item) for item in items], **described(bench, items)})
    frame["raw id"] = bench.dataset.items[RAW].loc[items].tolist()
    digit = "; the last digit alone tells them apart" if depth < codes.levels else ""
    said = f"{size[size > 1].sum():,} of {codes.n_items:,} items share their code with another; the largest group has "
    return table(frame, index=False, caption=f"{said}{size.max():,}{digit}.")


def beside(bench: Bench, kinds: dict[str, ItemCodes], *, depth: int = 1) -> Table:
    """diagnose.codes.side_by_side on a bench's catalogue and train histories, in words that fit a page."""
    frame = side_by_side(kinds, labels=categories(bench.dataset), histories=bench.split.train, depth=depth)
    words = {
        "distinct": "distinct", "in_collision": "items that collide", "bits": "bits",
        "category_above_chance": "category", "together_shared": "next item shares it", "together_lift": "times chance",
    }  # fmt: skip
    said = f"Of the first {depth} codes" if depth > 1 else "Of the first code"
    said += ": bits, how finely it cuts the catalogue; category, how far it tells it (0 by chance, 1 always)"
    said += "; how often the next item of a train history shares it, and how many times chance that is."
    return table(frame[[name for name in words if name in frame]].rename(columns=words), digits=3, caption=said)


def landed(bench: Bench, codes: ItemCodes, items: np.ndarray) -> Table:
    """Whether newcomers landed among their own kind, level by level; a sentence where there are no categories."""
    labels = categories(bench.dataset)
    if labels is None:
        said = f"{bench.dataset.name} has no categories, so nothing tells whether a newcomer landed among its own kind."
        return table(pd.DataFrame({"newcomers": [said]}), index=False, length=200)
    words = {"met": "prefix holds known items", "right": "their commonest category is its own", "chance": "by chance"}
    return table(newcomers_right(codes, items, labels).rename(columns=words), digits=2)
