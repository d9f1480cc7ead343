"""Semantic IDs as figures: the tree they span, code usage, and similarity of items that share a prefix."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.diagnose.models.codes import (
    content_levels,
    item_categories,
    majority_label,
    prefix_purity,
    similarity_by_prefix,
    usage_by_level,
)
from workbench.experiment import Bench
from workbench.experiment.browse.item_index import ItemIndex
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SYMBOLS, escape, finish, notice
from workbench.tokens import ItemCodes

MAX_NODES = 700  # prefixes in one figure
EXAMPLES = 3  # titles that describe a prefix
REST = "…"  # the prefixes that are too small to draw


def level_names(codes: ItemCodes) -> list[str]:
    """The names of the levels: code 1, code 2 ... and the dedup digit."""
    names = [f"code {level}" for level in range(1, codes.levels + 1)]
    return names if content_levels(codes) == codes.levels else [*names[:-1], "dedup digit"]


def prefix_name(codes: ItemCodes, depth: int, node: int) -> str:
    """A prefix as text, such as "12-7"."""
    first = codes.trie.order[codes.trie.first[depth][node]]
    return "-".join(map(str, codes.codes[first, :depth].tolist())) or "all"


def prefix_titles(index: ItemIndex, codes: ItemCodes, depth: int, node: int, n: int = EXAMPLES) -> list[str]:
    """Titles of the n items under a prefix that are most frequent in train, not yet escaped."""
    items = codes.trie.items(depth, node)
    return index.titles[items[np.argsort(-index.train_counts[items], kind="stable")[:n]]].tolist()


def _shades(names: pd.Series, share: pd.Series, palette: dict[str, str]) -> list[str]:
    """The colour of each node: that of its most common category, the paler the smaller its share."""
    rgb = [palette.get(name, GREY).lstrip("#") for name in names]
    channels = [",".join(str(int(color[at : at + 2], 16)) for at in (0, 2, 4)) for color in rgb]
    return [f"rgba({color},{0.25 + 0.75 * opacity:.2f})" for color, opacity in zip(channels, share)]


def _nodes(codes: ItemCodes) -> list[tuple[int, int]]:
    """(depth, node) of all first codes and of the largest second ones, at most MAX_NODES together."""
    counts = codes.trie.counts
    first = np.argsort(-counts[1], kind="stable")[:MAX_NODES]
    nodes = [(1, int(node)) for node in np.sort(first)]
    if content_levels(codes) > 1:
        inside = np.isin(np.nonzero(codes.trie.children[1] >= 0)[0], first)
        second = np.flatnonzero(inside)[np.argsort(-counts[2][inside], kind="stable")[: max(0, MAX_NODES - len(nodes))]]
        nodes += [(2, int(node)) for node in np.sort(second)]
    return nodes


def _palette(labels: np.ndarray) -> dict[str, str]:
    """A colour for each of the most common categories; blue for all items where there are none."""
    names, counts = np.unique(labels[1:][labels[1:] != ""].astype(str), return_counts=True)
    top = names[np.argsort(-counts, kind="stable")]
    return dict(zip(top.tolist(), COLORWAY)) | ({"others": GREY} if len(top) > len(COLORWAY) else {}) or {"": BLUE}


def _wedges(bench: Bench, codes: ItemCodes, labels: np.ndarray, order: list[str]) -> pd.DataFrame:
    """The prefixes of a tree, grouped by category, and for each first code one wedge for its second codes that are not
    drawn: name, parent, items, most common category, its share, hover text."""
    best = {depth: majority_label(codes, depth, labels) for depth in range(1, min(3, codes.levels + 1))}
    index, rows = ItemIndex(bench), []
    for depth, node in _nodes(codes):
        name, count, (kinds, shares) = prefix_name(codes, depth, node), int(codes.trie.counts[depth][node]), best[depth]
        lines = [f"{name}: {count:,} item{'s' * (count > 1)}"]
        lines += [f"{shares[node]:.0%} {escape(kinds[node], 40)}"] if kinds[node] else []
        titles = prefix_titles(index, codes, depth, node, EXAMPLES if depth == 1 else 1)
        lines += [escape(title, 50) for title in titles]
        rows.append((name, name.rpartition("-")[0], count, kinds[node], shares[node] or 1.0, "<br>".join(lines)))
    table = pd.DataFrame(rows, columns=["name", "parent", "items", "kind", "share", "hover"])
    place = table["kind"].map({name: n for n, name in enumerate(order)}).fillna(len(order))
    table = table.iloc[np.lexsort((place, table["parent"] != ""))]
    inner = table[table["parent"] == ""].set_index("name")["items"]
    left = inner - table.groupby("parent")["items"].sum().reindex(inner.index, fill_value=0)
    left = left[left > 0] if content_levels(codes) > 1 else left[:0]
    rest = pd.DataFrame({"name": "", "parent": left.index, "items": left.to_numpy(), "kind": REST, "share": 0.0})
    hover = [f"{n:,} items under {name} in smaller prefixes" for name, n in left.items()]
    return pd.concat([table, rest.assign(hover=hover)], ignore_index=True)


def plot_code_tree(bench: Bench, codes: ItemCodes) -> go.Figure:
    """The first two codes of all items as a sunburst: a wedge is as wide as it has items, coloured by category."""
    categories = item_categories(bench.dataset)
    labels = np.full(codes.n_items + 1, "", dtype=object) if categories is None else categories
    palette = _palette(labels)
    wedges = _wedges(bench, codes, labels, list(palette))
    rest = (wedges["kind"] == REST).to_numpy()
    figure = go.Figure(go.Sunburst(
        ids=np.where(rest, wedges["parent"] + "-" + REST, wedges["name"]).tolist(), labels=wedges["name"],
        parents=wedges["parent"], values=wedges["items"], customdata=wedges["hover"], branchvalues="total", sort=False,
        marker={"colors": _shades(wedges["kind"], wedges["share"], palette), "line": {"width": 0.5}},
        insidetextorientation="radial", leaf={"opacity": 1},
        hovertemplate="%{customdata}<extra></extra>",
    ))  # fmt: skip
    for name, color in palette.items() if categories is not None else ():
        figure.add_scatter(x=[None], y=[None], mode="markers", name=escape(name, 26), hoverinfo="skip",
                           marker={"color": color, "symbol": "square", "size": 12})
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    figure.update_layout(uniformtext={"minsize": 9, "mode": "hide"})
    subtitle = "The inner ring is the first code, the outer one the second; a wedge is as wide as it has items."
    subtitle += " Grey: prefixes too small to draw." if rest.any() else ""
    if categories is None:
        title = f"{len(codes.trie.counts[1]):,} first codes hold {codes.n_items:,} items"
        return finish(figure, title, subtitle=f"{subtitle} Without categories all are one colour.", height=520)
    first = prefix_purity(codes, categories).loc[1]
    title = f"The first code predicts the category of {first['purity']:.0%} of the items, by chance of "
    title += f"{first['chance']:.0%}"
    return finish(figure, title, subtitle=f"{subtitle} The paler, the more mixed.", height=520)


def plot_code_usage(codes: ItemCodes) -> go.Figure:
    """The number of items with each code of each level, in descending order, beside an even split."""
    table, levels = usage_by_level(codes), content_levels(codes)
    figure = go.Figure()
    for level in range(levels):
        count = np.sort(np.bincount(codes.codes[1:, level], minlength=codes.sizes[level]))[::-1]
        figure.add_scatter(x=np.arange(1, len(count) + 1), y=count, mode="lines", name=f"code {level + 1}",
                           line={"color": COLORWAY[level % 4], "dash": DASHES[level % 7]},
                           hovertemplate=f"code {level + 1}, rank %{{x}} by size: %{{y:,}} items<extra></extra>")
    even = codes.n_items / codes.sizes[0]
    figure.add_hline(y=even, line={"color": GREY, "dash": "dot"}, annotation_position="bottom left",
                     annotation={"text": f"an even split of code 1: {even:,.0f}"})
    figure.update_yaxes(rangemode="tozero")
    dead = int(table["dead"].iloc[:levels].sum())
    least = table["perplexity_share"].iloc[:levels].idxmin()
    title = "Every code is in use" if not dead else f"{dead:,} of {sum(codes.sizes[:levels]):,} codes are never used"
    title += f"; code {least} has perplexity {table['perplexity'][least]:,.0f} of {table['size'][least]:,}"
    subtitle = "Perplexity: the number of equally frequent codes with the same entropy."
    return finish(figure, title, subtitle=subtitle, x="codes by number of items", y="items with the code")


def plot_code_similarity(vectors: np.ndarray, kinds: dict[str, ItemCodes]) -> go.Figure:
    """The mean cosine similarity of two items that share none, one, two ... first codes; a line for each kind of
    codes."""
    figure, tables = go.Figure(), {name: similarity_by_prefix(vectors, codes) for name, codes in kinds.items()}
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        return notice("No two items have vectors to compare")
    for n, (name, table) in enumerate(tables.items()):
        figure.add_scatter(
            x=table.index, y=table["mean"], mode="lines+markers", name=escape(name, 40), customdata=table["pairs"],
            line={"color": COLORWAY[n % 4], "dash": DASHES[n % 7]}, marker={"symbol": SYMBOLS[n % 7], "size": 11},
            hovertemplate="%{x} shared: mean cosine %{y:.2f} of %{customdata:,} pairs<extra></extra>",
        )  # fmt: skip
    name, table = next(iter(tables.items()))
    first, last = table["mean"].iloc[0], table["mean"].iloc[-1]
    title = f"{escape(name)}: any two items have cosine {first:.2f}, two that share {table.index[-1]} codes {last:.2f}"
    figure.update_xaxes(dtick=1)
    return finish(figure, title, x="first codes that two items share", y="mean cosine similarity of their vectors")
