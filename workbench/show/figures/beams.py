"""Beam search over semantic IDs: the beam of one user code by code, where targets are pruned, and beam widths."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.data.protocol import require_one_target
from workbench.data.schema import RAW
from workbench.decode import Beams
from workbench.errors import UserError
from workbench.evaluate.intervals import decimals
from workbench.experiment import Bench
from workbench.experiment.browse.item_index import ItemIndex
from workbench.experiment.browse.users import row_of_user
from workbench.interfaces import HasBeam
from workbench.show.figures.codes import level_names, prefix_name, prefix_titles
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SYMBOLS, VERMILLION, escape, finish, rows, shorten
from workbench.tokens import ItemCodes


def _search(bench: Bench, recommender, user: int, beam: int) -> tuple[Beams, int]:
    """The beams of a test user under the bench's protocol, and the held-out item."""
    if not isinstance(recommender, HasBeam):
        raise UserError(f"a {type(recommender).__name__} decodes no semantic IDs, so it has no beams to show; "
                        "bench.fit('tiger').recommender() has")  # fmt: skip
    require_one_target(bench.protocol.split, "the search for a held-out item")
    row = row_of_user(bench, user)
    histories = bench.split.test.histories.take([row])
    beams = recommender.beams(histories, beam=beam, exclude=histories if bench.protocol.mask_history else None)
    return beams, int(bench.split.test.targets[row])


def table_beam(bench: Bench, recommender, user: int, level: int, *, beam: int = 10) -> Table:
    """The prefixes in a user's beam after a level (1, 2 ...), best first; that of the held-out item is marked ▶, or
    stands below them, marked ✕, where it was pruned. UserError where there is no such level.
    """
    beams, target = _search(bench, recommender, user, beam)
    codes, index = recommender.codes, ItemIndex(bench)
    if not 1 <= level <= codes.levels:
        raise UserError(f"level {level}: these codes have levels 1 to {codes.levels}")
    nodes, scores, true = beams.nodes[level - 1][0], beams.scores[level - 1][0], codes.trie.node[target, level]
    prefixes = nodes[nodes >= 0].tolist()
    lines = [_line(index, codes, level, node, score) for node, score in zip(prefixes, scores[nodes >= 0])]
    for rank, line in enumerate(lines, 1):
        line["beam"] = f"▶ {rank}" if prefixes[rank - 1] == true else f"{rank}"
    where = "marked ▶"
    if true not in prefixes:
        lines.append(_line(index, codes, level, int(true), np.nan) | {"beam": "✕ pruned"})
        pruned = next(n for n, nodes in enumerate(beams.nodes) if codes.trie.node[target, n + 1] not in nodes[0])
        where = f"no longer in the beam: pruned at {level_names(codes)[pruned]}"
    name, title = codes.code_string(target), shorten(bench.dataset.titles(np.array([target]))[0], 60)
    return table(pd.DataFrame(lines), index=False, digits=3, caption=f"Held out: {title}, code {name}, {where}.")


def _line(index: ItemIndex, codes: ItemCodes, level: int, node: int, score: float) -> dict:
    """A prefix as a row of `table_beam`. score: its log-probability, NaN where it is not in the beam."""
    return {
        "beam": "", "prefix": prefix_name(codes, level, node), "log-prob": float(score),
        "probability": float(np.exp(score)), "items": int(codes.trie.counts[level][node]),
        "such as": "; ".join(shorten(title, 44) for title in prefix_titles(index, codes, level, node, 2)),
    }  # fmt: skip


def plot_beam_search(bench: Bench, recommender, user: int, *, beam: int = 10) -> go.Figure:
    """A user's beam code by code: levels as columns, prefixes by rank, each tied to the one it extends, with the path
    of the held-out item and the level at which it is pruned."""
    beams, target = _search(bench, recommender, user, beam)
    codes = recommender.codes
    trie, true = codes.trie, codes.trie.node[target]
    figure, x, y = go.Figure(), [], []
    for level in range(2, codes.levels + 1):
        above, nodes = beams.nodes[level - 2][0], beams.nodes[level - 1][0]
        parents = np.nonzero(trie.children[level - 1] >= 0)[0]
        for rank, node in enumerate(nodes[nodes >= 0], 1):
            x += [level - 1, level, None]
            y += [int(np.flatnonzero(above == parents[node])[0]) + 1, rank, None]
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": GREY, "width": 1}, hoverinfo="skip", showlegend=False)
    matches = [np.flatnonzero(nodes[0] == true[level]) for level, nodes in enumerate(beams.nodes, 1)]
    ranks = [int(match[0]) + 1 for match in matches if len(match)]
    _add_prefixes(figure, bench, codes, beams, true)
    _add_true_path(figure, codes.code_string(target).split("-"), ranks, beam)
    width = max(int((nodes[0] >= 0).sum()) for nodes in beams.nodes)
    pruned = len(ranks) < codes.levels
    names = level_names(codes)
    figure.update_xaxes(tickvals=list(range(1, codes.levels + 1)), ticktext=names, showgrid=False,
                     range=[0.8, codes.levels + 1.5])
    bottom = (beam if pruned else width) + (1.6 if pruned else 0.6)
    figure.update_yaxes(range=[bottom, 0.3], showgrid=False, tickvals=list(range(1, width + 1)))
    item = f"“{escape(bench.dataset.titles(np.array([target]))[0], 44)}”"
    title = f"A beam of {beam} loses {item} at {names[len(ranks)]}" if pruned else \
        f"A beam of {beam} decodes {item} at rank {ranks[-1]}"
    raw = escape(bench.dataset.users[RAW].loc[user], 30)
    subtitle = f"User {raw}; true code {codes.code_string(target)}. A dot is a prefix, the larger the more probable."
    return finish(figure, title, subtitle=subtitle, y="rank of the prefix in the beam", height=90 + 30 * max(width, 4))


def _add_prefixes(figure: go.Figure, bench: Bench, codes: ItemCodes, beams: Beams, true: np.ndarray) -> None:
    """A dot a prefix with its name beside it; full codes with their titles."""
    index = ItemIndex(bench)
    for level, (nodes, scores) in enumerate(zip(beams.nodes, beams.scores), 1):
        places = np.flatnonzero(nodes[0] >= 0)
        probability = np.exp(scores[0][places])
        hover, names = [], []
        for place in places:
            node, score = nodes[0][place], scores[0][place]
            count = int(codes.trie.counts[level][node])
            name, titles = prefix_name(codes, level, node), prefix_titles(index, codes, level, node)
            lines = [name, f"log-prob {score:.2f} ({np.exp(score):.2%})", f"{count:,} item{'s' * (count > 1)}"]
            hover.append("<br>".join(lines + [escape(title, 50) for title in titles]))
            names.append(f"{name}  {escape(titles[0], 26)}" if level == codes.levels else name)
        is_true = nodes[0][places] == true[level]
        figure.add_scatter(
            x=np.full(len(places), level), y=places + 1, mode="markers+text", text=names,
            textposition="middle right" if level == codes.levels else "top right", customdata=hover,
            hovertemplate="%{customdata}<extra></extra>", showlegend=False,
            textfont={"size": 11}, cliponaxis=False,
            marker={"size": 6 + 12 * np.sqrt(probability / max(probability.max(initial=0), 1e-12)),
                    "color": np.where(is_true, VERMILLION, BLUE), "symbol": np.where(is_true, "star", "circle"),
                    "line": {"width": 0}},
        )  # fmt: skip


def _add_true_path(figure: go.Figure, name: list[str], ranks: list[int], beam: int) -> None:
    """The line along the true prefixes by rank, and a cross where the next one is pruned. name: the true codes."""
    x, y = list(range(1, len(ranks) + 1)), [*ranks]
    if len(ranks) < len(name):
        x, y = [*x, len(ranks) + 1], [*y, beam + 1]
        figure.add_scatter(
            x=x[-1:], y=y[-1:], mode="markers+text", text=[f"{'-'.join(name[: len(ranks) + 1])} is pruned here"],
            textposition="middle right", textfont={"size": 11}, cliponaxis=False,
            marker={"symbol": "x", "size": 12, "color": VERMILLION}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": VERMILLION, "width": 2, "dash": "dash"},
                       hoverinfo="skip", showlegend=False)


def plot_level_loss(losses: pd.DataFrame, codes: ItemCodes) -> go.Figure:
    """The cross-entropy of each code of the target, beside a uniform guess in the trie. losses: of `loss_by_level`."""
    names, figure = level_names(codes), go.Figure()
    own = {"type": "data", "symmetric": False, "array": losses["high"] - losses["loss"],
           "arrayminus": losses["loss"] - losses["low"]}  # fmt: skip
    for column, name, color, pattern, error in (("uniform", "uniform over the catalogue", GREY, "/", {}),
                                                ("loss", "the network", BLUE, "", own)):
        figure.add_bar(x=names, y=losses[column], name=name, marker={"color": color, "pattern": {"shape": pattern}},
                       error_y=error, hovertemplate="%{x}: %{y:.2f} nats<extra></extra>")
    worst = int(losses["loss"].to_numpy().argmax())
    share = losses["loss"].iloc[worst] / max(losses["loss"].sum(), 1e-12)
    title = f"{share:.0%} of the loss is at {names[worst]}"
    total = losses.sum()
    subtitle = (f"All codes together: {total['loss']:.2f} nats; uniform over the catalogue {total['uniform']:.2f}. "
                f"Bars: 95 % intervals, n = {losses['cases'].iloc[0]:,}.")  # fmt: skip
    return finish(figure, _note(losses) or title, subtitle=subtitle, y="cross-entropy of the true code (nats)")


def _note(table: pd.DataFrame) -> str:
    """What the table says against its own figures, such as that the run was cut off in training, escaped."""
    return escape(table.attrs.get("note", ""), 200)


def plot_prefix_recall(study: pd.DataFrame, codes: ItemCodes) -> go.Figure:
    """The share of targets whose prefix is in the beam after each code, a line a beam width. study: of
    `beam_width_table`."""
    figure, columns = go.Figure(), [f"prefix_recall_{level}" for level in range(1, codes.levels + 1)]
    beams = study.dropna(subset=columns)
    for n, (name, row) in enumerate(beams.iterrows()):
        figure.add_scatter(x=level_names(codes), y=row[columns], mode="lines+markers", name=escape(name),
                           line={"color": COLORWAY[n % 4], "dash": DASHES[n % 7]},
                           marker={"symbol": SYMBOLS[n % 7], "size": 11},
                           hovertemplate=f"{escape(name)}, %{{x}}: %{{y:.1%}} in the beam<extra></extra>")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    recall = np.concatenate([[1.0], beams[columns].iloc[0].to_numpy(float)])
    drop = int(np.argmax(recall[:-1] - recall[1:]))
    name, share = escape(beams.index[0]).capitalize(), recall[drop] - recall[drop + 1]
    title = f"{name} loses most at {level_names(codes)[drop]}: {share:.0%} of {beams['cases'].iloc[0]:,.0f} targets"
    return finish(figure, _note(study) or title, x="after", y="prefix recall of the targets")


def plot_beam_widths(study: pd.DataFrame, *, metric: str = "ndcg@10") -> go.Figure:
    """A metric by beam width, beside scoring every item exactly. study: of `beam_width_table`."""
    exact, beams = study.loc["exact"], study.drop(index="exact")
    digits, low, high = decimals(int(exact["cases"])), beams[f"{metric} low"], beams[f"{metric} high"]
    figure = go.Figure(go.Scatter(
        x=beams[metric], y=np.arange(len(beams)), mode="markers", showlegend=False, customdata=beams["search_error"],
        marker={"color": BLUE, "size": 12},
        error_x={"type": "data", "symmetric": False, "array": high - beams[metric], "arrayminus": beams[metric] - low,
                 "thickness": 2, "width": 0},
        hovertemplate=f"{metric} %{{x:.{digits}f}}; search error %{{customdata:.1%}}<extra></extra>",
    ))  # fmt: skip
    figure.add_vline(x=exact[metric], line={"color": VERMILLION, "dash": "dash"})
    figure.add_annotation(x=exact[metric], y=-0.5, text="exact", showarrow=False, yanchor="bottom", xanchor="left",
                          xshift=4)  # fmt: skip
    figure.update_yaxes(**rows(beams.index.tolist())).update_xaxes(rangemode="tozero")
    first = beams.iloc[0]
    name = escape(beams.index[0]).capitalize()
    title = f"{name} costs {exact[metric] - first[metric]:.{digits}f} {metric} against exact scoring"
    if exact[metric] <= first[metric]:
        title = f"{name} costs no {metric} against exact scoring"
    bounds = f"[{exact[f'{metric} low']:.{digits}f}, {exact[f'{metric} high']:.{digits}f}]"
    subtitle = (f"The dashed line scores every item: {exact[metric]:.{digits}f} {bounds}. {first['search_error']:.1%} "
                f"of the targets are in the exact top 10 and not in that of {name.lower()}. "
                f"n = {first['cases']:,.0f}; intervals: 95 %.")  # fmt: skip
    height = 75 + 34 * len(beams)
    return finish(figure, _note(study) or title, subtitle=subtitle, x=f"{metric} (0 to 1)", height=height)
