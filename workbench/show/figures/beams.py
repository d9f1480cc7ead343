"""Beam search over semantic IDs: the beam of one user code by code, where targets are pruned, and beam widths."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.data.protocol import require_one_target
from workbench.data.schema import RAW
from workbench.decode import Beams
from workbench.errors import UserError
from workbench.evaluate.intervals import decimals, mean_interval
from workbench.experiment import Bench
from workbench.experiment.browse.item_index import ItemIndex
from workbench.experiment.browse.users import row_of_user
from workbench.interfaces import HasBeam
from workbench.show.figures.codes import level_names, prefix_name, prefix_titles
from workbench.show.tables import Table, table
from workbench.show.theme import (
    BLUE,
    COLORWAY,
    DASHES,
    GREY,
    SYMBOLS,
    VERMILLION,
    escape,
    finish,
    headline,
    rows,
    shorten,
)
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
    title = headline(title, losses.attrs.get("note", ""))
    return finish(figure, title, subtitle=subtitle, y="cross-entropy of the true code (nats)")


def plot_prefix_recall(study: pd.DataFrame, codes: ItemCodes) -> go.Figure:
    """The share of targets whose prefix is in the beam after each code, a line a beam width, with 95 % intervals over
    cases. study: of `beam_width_table`."""
    figure, columns = go.Figure(), [f"prefix_recall_{level}" for level in range(1, codes.levels + 1)]
    beams = study.dropna(subset=columns)
    for n, (name, row) in enumerate(beams.iterrows()):
        share, low, high = (row[[f"{column}{side}" for column in columns]].to_numpy(float)
                            for side in ("", " low", " high"))  # fmt: skip
        figure.add_scatter(x=np.arange(codes.levels) + 0.04 * (n - (len(beams) - 1) / 2), y=share, name=escape(name),
                           line={"color": COLORWAY[n % 4], "dash": DASHES[n % 7]}, mode="lines+markers",
                           marker={"symbol": SYMBOLS[n % 7], "size": 11},
                           error_y={"type": "data", "symmetric": False, "array": high - share,
                                    "arrayminus": share - low, "thickness": 1.5, "width": 0},
                           customdata=[f"{escape(name)}, {level}: {_share(*each)} in the beam"
                                       for level, *each in zip(level_names(codes), share, low, high)],
                           hovertemplate="%{customdata}<extra></extra>")  # fmt: skip
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(tickvals=list(range(codes.levels)), ticktext=level_names(codes))
    title = headline(_where_lost(beams.iloc[0], columns, level_names(codes)), study.attrs.get("note", ""))
    return finish(figure, title, subtitle=f"n = {beams['cases'].iloc[0]:,.0f}; intervals: 95 %.", x="after",
                  y="prefix recall of the targets")


def _share(value: float, low: float, high: float) -> str:
    return f"{value:.0%} [{low:.0%}, {high:.0%}]"


def _where_lost(row: pd.Series, columns: list[str], names: list[str]) -> str:
    """At which code the beam of a row loses most targets, as far as the 95 % interval of the difference to the next
    code tells. A target is lost at one code only, so the shares and n give back the cases."""
    name, cases = escape(row.name).capitalize(), int(row["cases"])
    kept = np.rint(np.concatenate([[1.0], row[columns].to_numpy(float)]) * cases).astype(int)
    lost = kept[:-1] - kept[1:]
    first, *others = np.argsort(-lost, kind="stable")

    def interval(*counts: int, level: float = 0.95) -> tuple[float, float]:
        return mean_interval(np.repeat([1.0, -1.0, 0.0], [*counts, cases - sum(counts)]), level)

    if not lost[first]:
        return f"{name} keeps the prefixes of all {cases:,} targets"
    share = _share(lost[first] / cases, *mean_interval(np.arange(cases) < lost[first]))
    if not others:
        return f"{name} loses {share} of {cases:,} targets at {names[first]}"
    second = others[0]
    if interval(lost[first], lost[second], level=1 - 0.05 / (len(lost) - 1))[0] > 0:
        return f"{name} loses most at {names[first]}: {share} of {cases:,} targets"
    more = f"that this is more than at {names[second]} is not shown"
    return f"{name} loses {share} of {cases:,} targets at {names[first]}; {more}"


def plot_beam_widths(study: pd.DataFrame, *, metric: str = "ndcg@10") -> go.Figure:
    """A metric by beam width, beside scoring every item exactly. study: of `beam_width_table`."""
    exact, beams = study.loc["exact"], study.drop(index="exact")
    digits, low, high = decimals(int(exact["cases"])), beams[f"{metric} low"], beams[f"{metric} high"]

    def bounds(row: pd.Series, name: str) -> str:
        return f"{row[name]:.{digits}f} [{row[f'{name} low']:.{digits}f}, {row[f'{name} high']:.{digits}f}]"

    errors = [_share(*row[["search_error", "search_error low", "search_error high"]]) for _, row in beams.iterrows()]
    figure = go.Figure(go.Scatter(
        x=beams[metric], y=np.arange(len(beams)), mode="markers", showlegend=False,
        customdata=[f"{metric} {bounds(row, metric)}; search error {error}"
                    for (_, row), error in zip(beams.iterrows(), errors)],
        marker={"color": BLUE, "size": 12},
        error_x={"type": "data", "symmetric": False, "array": high - beams[metric], "arrayminus": beams[metric] - low,
                 "thickness": 2, "width": 0},
        hovertemplate="%{customdata}<extra></extra>",
    ))  # fmt: skip
    figure.add_vline(x=exact[metric], line={"color": VERMILLION, "dash": "dash"})
    figure.add_annotation(x=exact[metric], y=-0.5, text="exact", showarrow=False, yanchor="bottom", xanchor="left",
                          xshift=4)  # fmt: skip
    figure.update_yaxes(**rows(beams.index.tolist())).update_xaxes(rangemode="tozero")
    first, name, lost = beams.iloc[0], escape(beams.index[0]), f"{metric} lost"
    subtitle = (f"The dashed line scores every item: {bounds(exact, metric)}. {errors[0]} of the targets are in the "
                f"exact top {metric.partition('@')[2]} and not in that of {name}. "
                f"n = {first['cases']:,.0f}; intervals: 95 %.")  # fmt: skip
    title = f"{name.capitalize()} costs {bounds(first, lost)} {metric} against exact scoring"
    if first[f"{lost} low"] <= 0:
        title = f"No cost of {name} against exact scoring is shown: {bounds(first, lost)} {metric}"
    if first[f"{lost} high"] < 0:
        title = f"{name.capitalize()} scores higher than exact scoring: {bounds(first, lost)} {metric} lost"
    title = headline(title, study.attrs.get("note", ""))
    return finish(figure, title, subtitle=subtitle, x=f"{metric} (0 to 1)", height=75 + 34 * len(beams))
