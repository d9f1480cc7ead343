"""Semantic IDs as figures: the tree they span, how they use their codes, and what a shared prefix is worth."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.diagnose.models.codes import by_level, categories, closeness, digits, dominant, purity
from workbench.experiment import Bench
from workbench.experiment.browse.item_index import Shelf
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SYMBOLS, dress, escape, notice
from workbench.tokens import ItemCodes

NODES = 700  # prefixes a page can carry
EXAMPLES = 3  # titles a prefix is explained by
REST = "…"  # stands for the prefixes that are too small to draw


def short_name(codes: ItemCodes, depth: int, node: int) -> str:
    """A prefix as a person reads it, such as "12-7"."""
    first = codes.trie.order[codes.trie.first[depth][node]]
    return "-".join(map(str, codes.codes[first, :depth].tolist())) or "all"


def examples(shelf: Shelf, codes: ItemCodes, depth: int, node: int, n: int = EXAMPLES) -> list[str]:
    """Titles of the items under a prefix that are the most frequent in train, not yet escaped."""
    items = codes.trie.items(depth, node)
    return shelf.titles[items[np.argsort(-shelf.counts[items], kind="stable")[:n]]].tolist()


def _shades(names: pd.Series, share: pd.Series, palette: dict[str, str]) -> list[str]:
    """A colour a node: its commonest category's, the paler the more mixed the node is."""
    rgb = [palette.get(name, GREY).lstrip("#") for name in names]
    parts = [",".join(str(int(color[at : at + 2], 16)) for at in (0, 2, 4)) for color in rgb]
    return [f"rgba({part},{0.25 + 0.75 * some:.2f})" for part, some in zip(parts, share)]


def _shown(codes: ItemCodes) -> list[tuple[int, int]]:
    """(depth, node) of all first codes, and of as many second ones, the largest first, as a page can carry."""
    counts = codes.trie.counts
    first = np.argsort(-counts[1], kind="stable")[:NODES]
    nodes = [(1, int(node)) for node in np.sort(first)]
    if digits(codes) > 1:
        whole = np.isin(np.nonzero(codes.trie.children[1] >= 0)[0], first)
        second = np.flatnonzero(whole)[np.argsort(-counts[2][whole], kind="stable")[: max(0, NODES - len(nodes))]]
        nodes += [(2, int(node)) for node in np.sort(second)]
    return nodes


def _palette(known: np.ndarray) -> dict[str, str]:
    """A colour for each of the commonest categories; blue for all where there are none."""
    names, ranked = np.unique(known[1:][known[1:] != ""].astype(str), return_counts=True)
    top = names[np.argsort(-ranked, kind="stable")]
    return dict(zip(top.tolist(), COLORWAY)) | ({"others": GREY} if len(top) > len(COLORWAY) else {}) or {"": BLUE}


def _wedges(bench: Bench, codes: ItemCodes, known: np.ndarray, order: list[str]) -> pd.DataFrame:
    """The prefixes of a tree, those of one category side by side, and in each first code one wedge for the second ones
    that the page has no room for: name, parent, items, commonest category, its share, hover text."""
    best = {depth: dominant(codes, depth, known) for depth in range(1, min(3, codes.levels + 1))}
    shelf, rows = Shelf(bench), []
    for depth, node in _shown(codes):
        name, count, (kinds, shares) = short_name(codes, depth, node), int(codes.trie.counts[depth][node]), best[depth]
        lines = [f"{name}: {count:,} item{'s' * (count > 1)}"]
        lines += [f"{shares[node]:.0%} {escape(kinds[node], 40)}"] if kinds[node] else []
        lines += [escape(title, 50) for title in examples(shelf, codes, depth, node, EXAMPLES if depth == 1 else 1)]
        rows.append((name, name.rpartition("-")[0], count, kinds[node], shares[node] or 1.0, "<br>".join(lines)))
    table = pd.DataFrame(rows, columns=["name", "parent", "items", "kind", "share", "hover"])
    place = table["kind"].map({name: at for at, name in enumerate(order)}).fillna(len(order))
    table = table.iloc[np.lexsort((place, table["parent"] != ""))]
    inner = table[table["parent"] == ""].set_index("name")["items"]
    left = inner - table.groupby("parent")["items"].sum().reindex(inner.index, fill_value=0)
    left = left[left > 0] if digits(codes) > 1 else left[:0]
    rest = pd.DataFrame({"name": "", "parent": left.index, "items": left.to_numpy(), "kind": REST, "share": 0.0})
    hover = [f"{n:,} items under {name} in smaller prefixes" for name, n in left.items()]
    return pd.concat([table, rest.assign(hover=hover)], ignore_index=True)


def code_tree(bench: Bench, codes: ItemCodes) -> go.Figure:
    """The first two codes as rings, a wedge as wide as it has items, in the colour of its commonest category."""
    labels = categories(bench.dataset)
    known = np.full(codes.n_items + 1, "", dtype=object) if labels is None else labels
    palette = _palette(known)
    wedges = _wedges(bench, codes, known, list(palette))
    rest = (wedges["kind"] == REST).to_numpy()
    figure = go.Figure(go.Sunburst(
        ids=np.where(rest, wedges["parent"] + "-" + REST, wedges["name"]).tolist(), labels=wedges["name"],
        parents=wedges["parent"], values=wedges["items"], customdata=wedges["hover"], branchvalues="total", sort=False,
        marker={"colors": _shades(wedges["kind"], wedges["share"], palette), "line": {"width": 0.5}},
        insidetextorientation="radial", leaf={"opacity": 1}, domain={"x": [0, 0.8]},
        hovertemplate="%{customdata}<extra></extra>",
    ))  # fmt: skip
    for name, color in palette.items() if labels is not None else ():
        figure.add_scatter(x=[None], y=[None], mode="markers", name=escape(name, 26), hoverinfo="skip",
                           marker={"color": color, "symbol": "square", "size": 12})
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    figure.update_layout(uniformtext={"minsize": 9, "mode": "hide"}, legend={"x": 0.84, "y": 0.95})
    under = "The inner ring is the first code, the outer one the second; a wedge is as wide as it has items."
    under += " Grey: prefixes too small to draw." if rest.any() else ""
    if labels is None:
        title = f"{len(codes.trie.counts[1]):,} first codes hold {codes.n_items:,} items"
        return dress(figure, title, subtitle=f"{under} Without categories there is nothing to colour by.", height=520)
    found = purity(codes, labels).loc[1]
    title = f"The first code tells the category of {found['purity']:.0%} of the items; by chance {found['chance']:.0%}"
    return dress(figure, title, subtitle=f"{under} The paler, the more mixed.", height=520)


def usage(codes: ItemCodes) -> go.Figure:
    """How evenly each level uses its codes: items a code, the fullest first, beside an even split."""
    table, levels = by_level(codes), digits(codes)
    figure = go.Figure()
    for level in range(levels):
        count = np.sort(np.bincount(codes.codes[1:, level], minlength=codes.sizes[level]))[::-1]
        figure.add_scatter(x=np.arange(1, len(count) + 1), y=count, mode="lines", name=f"code {level + 1}",
                           line={"color": COLORWAY[level % 4], "dash": DASHES[level % 7]},
                           hovertemplate=f"code {level + 1}, number %{{x}} by size: %{{y:,}} items<extra></extra>")
    even = codes.n_items / codes.sizes[0]
    figure.add_hline(y=even, line={"color": GREY, "dash": "dot"}, annotation_position="bottom left",
                     annotation={"text": f"an even split of code 1: {even:,.0f}"})
    figure.update_yaxes(rangemode="tozero")
    dead = int(table["dead"].iloc[:levels].sum())
    least = table["perplexity_share"].iloc[:levels].idxmin()
    title = "Every code is in use" if not dead else f"{dead:,} of {sum(codes.sizes[:levels]):,} codes are never used"
    title += f"; code {least} works as if it had {table['perplexity'][least]:,.0f} of its {table['size'][least]:,}"
    under = "Perplexity: as many codes, all used alike, would carry the same information."
    return dress(figure, title, subtitle=under, x="codes, the fullest first", y="items with the code")


def near(vectors: np.ndarray, kinds: dict[str, ItemCodes]) -> go.Figure:
    """How close two items are that share none, one, two ... first codes; a line for each kind of codes."""
    figure, tables = go.Figure(), {name: closeness(vectors, codes) for name, codes in kinds.items()}
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        return notice("No two items have vectors to compare")
    for at, (name, table) in enumerate(tables.items()):
        figure.add_scatter(
            x=table.index, y=table["mean"], mode="lines+markers", name=escape(name, 40), customdata=table["pairs"],
            line={"color": COLORWAY[at % 4], "dash": DASHES[at % 7]}, marker={"symbol": SYMBOLS[at % 7], "size": 11},
            hovertemplate="%{x} shared: mean cosine %{y:.2f} of %{customdata:,} pairs<extra></extra>",
        )  # fmt: skip
    name, table = next(iter(tables.items()))
    first, last = table["mean"].iloc[0], table["mean"].iloc[-1]
    title = f"{escape(name)}: any two items have cosine {first:.2f}, two that share {table.index[-1]} codes {last:.2f}"
    figure.update_xaxes(dtick=1)
    return dress(figure, title, x="first codes that two items share", y="mean cosine of their vectors")
