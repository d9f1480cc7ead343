"""Spelling an item, watched: the beams of one user code by code, where true items fall out, and what width is worth."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.decode import Beams
from workbench.diagnose.models.beam_search import beam_places, kept, search, where_lost
from workbench.diagnose.models.codes import digits
from workbench.errors import UserError
from workbench.experiment import Bench, Run
from workbench.experiment.browse.item_index import Shelf
from workbench.show.figures.codes import examples, short_name
from workbench.show.figures.users import row_of
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SYMBOLS, VERMILLION, dress, escape, notice, rows, shorten
from workbench.tokens import ItemCodes


def level_names(codes: ItemCodes) -> list[str]:
    """What to call the levels: code 1, code 2 ... and the dedup digit."""
    names = [f"code {level}" for level in range(1, codes.levels + 1)]
    return names if digits(codes) == codes.levels else [*names[:-1], "dedup digit"]


def _beams(bench: Bench, recommender, user: int, beam: int) -> tuple[Beams, int]:
    """The beams of a test user under the bench's protocol, and the item that was held out."""
    if not hasattr(recommender, "beams"):
        raise UserError("this recommender spells nothing, so it has no beams to show; tiger has")
    at = row_of(bench, user)
    asked = bench.split.test.histories.take([at])
    found = recommender.beams(asked, beam=beam, exclude=asked if bench.protocol.mask_history else None)
    return found, int(bench.split.test.targets[at])


def telling_users(bench: Bench, recommender, *, beam: int = 10, n: int = 200) -> list[int]:
    """Two test users, by what a beam does with the item that was held out: one whose item it finds, the lowest in the
    list, and one whose item falls out, the latest, but for the dedup digit. Where all of `n` are of one sort, so are
    both."""
    cases = bench.split.test.take(np.arange(min(n, len(bench.split.test.targets))))
    found = search(recommender, cases.histories, beam=beam, masked=bench.protocol.mask_history)
    lost, trie = where_lost(kept(found, recommender.codes.trie, cases.targets)), recommender.codes.trie
    place = beam_places(found, trie, cases.targets)
    users = cases.histories.users
    late = np.where(lost > digits(recommender.codes), 0.5, lost)
    return [int(users[np.argmax(place)]), int(users[np.argmax(late)] if lost.any() else users[np.argmin(place)])]


def spelled(bench: Bench, recommender, user: int, level: int, *, beam: int = 10) -> Table:
    """The prefixes that a user's beam holds after a level (1, 2 ...), the best first; the true one is marked ▶, or
    stands below them, marked ✕, where the beam has lost it.

    UserError where there is no such level.
    """
    codes, shelf = recommender.codes, Shelf(bench)
    if not 1 <= level <= codes.levels:
        raise UserError(f"level {level}: these codes have levels 1 to {codes.levels}")
    found, target = _beams(bench, recommender, user, beam)
    nodes, scores, true = found.nodes[level - 1][0], found.scores[level - 1][0], codes.trie.node[target, level]
    held = nodes[nodes >= 0].tolist()
    rows = [_line(shelf, codes, level, node, score) for node, score in zip(held, scores[nodes >= 0])]
    for place, row in enumerate(rows, 1):
        row["beam"] = f"▶ {place}" if held[place - 1] == true else f"{place}"
    where = "marked ▶"
    if true not in held:
        rows.append(_line(shelf, codes, level, int(true), np.nan) | {"beam": "✕ lost"})
        lost = next(at for at, nodes in enumerate(found.nodes) if codes.trie.node[target, at + 1] not in nodes[0])
        where = f"no longer in the beam: it fell out at {level_names(codes)[lost]}"
    name, title = codes.name(target), shorten(bench.dataset.titles(np.array([target]))[0], 60)
    return table(pd.DataFrame(rows), index=False, digits=3, caption=f"Held out: {title}, code {name}, {where}.")


def _line(shelf: Shelf, codes: ItemCodes, level: int, node: int, score: float) -> dict:
    """A prefix in a row of `spelled`. score: its log-probability, NaN where a beam does not know it."""
    return {
        "beam": "", "prefix": short_name(codes, level, node), "log-prob": float(score),
        "probability": float(np.exp(score)), "items": int(codes.trie.counts[level][node]),
        "such as": "; ".join(shorten(title, 44) for title in examples(shelf, codes, level, node, 2)),
    }  # fmt: skip


def spelling(bench: Bench, recommender, user: int, *, beam: int = 10) -> go.Figure:
    """How a user's beam spells: levels as columns, beams as rows, each prefix tied to the one it grew from; the true
    item's way is marked, and where it falls out."""
    found, target = _beams(bench, recommender, user, beam)
    codes = recommender.codes
    trie, true = codes.trie, codes.trie.node[target]
    figure, x, y = go.Figure(), [], []
    for level in range(2, codes.levels + 1):
        above, nodes = found.nodes[level - 2][0], found.nodes[level - 1][0]
        parents = np.nonzero(trie.children[level - 1] >= 0)[0]
        for place, node in enumerate(nodes[nodes >= 0], 1):
            x += [level - 1, level, None]
            y += [int(np.flatnonzero(above == parents[node])[0]) + 1, place, None]
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": GREY, "width": 1}, hoverinfo="skip", showlegend=False)
    held = [np.flatnonzero(nodes[0] == true[level]) for level, nodes in enumerate(found.nodes, 1)]
    way = [int(at[0]) + 1 for at in held if len(at)]
    _prefixes(figure, bench, codes, found, true)
    _true_way(figure, codes.name(target).split("-"), way, beam)
    width = max(int((nodes[0] >= 0).sum()) for nodes in found.nodes)
    lost = len(way) < codes.levels
    names = level_names(codes)
    figure.update_xaxes(tickvals=list(range(1, codes.levels + 1)), ticktext=names, showgrid=False,
                     range=[0.8, codes.levels + 1.5])
    last = (beam if lost else width) + (1.6 if lost else 0.6)
    figure.update_yaxes(range=[last, 0.3], showgrid=False, tickvals=list(range(1, width + 1)))
    what = f"“{escape(bench.dataset.titles(np.array([target]))[0], 44)}”"
    title = f"A beam of {beam} loses {what} at {names[len(way)]}" if lost else \
        f"A beam of {beam} spells {what} and lists it at place {way[-1]}"
    raw = escape(bench.dataset.users[RAW].loc[user], 30)
    under = f"User {raw}; true code {codes.name(target)}. A dot is a prefix, the larger the more probable."
    return dress(figure, title, subtitle=under, y="beams, the most probable first", height=90 + 30 * max(width, 4))


def _prefixes(figure: go.Figure, bench: Bench, codes: ItemCodes, found: Beams, true: np.ndarray) -> None:
    """A dot a prefix with its name beside it; full codes with their titles."""
    shelf = Shelf(bench)
    for level, (nodes, scores) in enumerate(zip(found.nodes, found.scores), 1):
        at = np.flatnonzero(nodes[0] >= 0)
        chance = np.exp(scores[0][at])
        hover, names = [], []
        for place in at:
            node, score = nodes[0][place], scores[0][place]
            count = int(codes.trie.counts[level][node])
            name, titles = short_name(codes, level, node), examples(shelf, codes, level, node)
            lines = [name, f"log-prob {score:.2f} ({np.exp(score):.2%})", f"{count:,} item{'s' * (count > 1)}"]
            hover.append("<br>".join(lines + [escape(title, 50) for title in titles]))
            names.append(f"{name}  {escape(titles[0], 26)}" if level == codes.levels else name)
        mine = nodes[0][at] == true[level]
        figure.add_scatter(
            x=np.full(len(at), level), y=at + 1, mode="markers+text", text=names,
            textposition="middle right" if level == codes.levels else "top right", customdata=hover,
            hovertemplate="%{customdata}<extra></extra>", showlegend=False,
            textfont={"size": 11}, cliponaxis=False,
            marker={"size": 6 + 12 * np.sqrt(chance / max(chance.max(initial=0), 1e-12)),
                    "color": np.where(mine, VERMILLION, BLUE), "symbol": np.where(mine, "star", "circle"),
                    "line": {"width": 0}},
        )  # fmt: skip


def _true_way(figure: go.Figure, name: list[str], kept: list[int], beam: int) -> None:
    """The line along the true prefixes, and a cross where the next one is missing."""
    x, y = list(range(1, len(kept) + 1)), [*kept]
    if len(kept) < len(name):
        x, y = [*x, len(kept) + 1], [*y, beam + 1]
        figure.add_scatter(
            x=x[-1:], y=y[-1:], mode="markers+text", text=[f"{'-'.join(name[: len(kept) + 1])} falls out here"],
            textposition="middle right", textfont={"size": 11}, cliponaxis=False,
            marker={"symbol": "x", "size": 12, "color": VERMILLION}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": VERMILLION, "width": 2, "dash": "dash"},
                       hoverinfo="skip", showlegend=False)


def level_curves(run: Run) -> go.Figure:
    """How well each code of the validation targets is foretold, epoch by epoch, given the true codes before it."""
    frame = pd.DataFrame(run.curve)
    if "nats/1" not in frame:
        return notice(f"{escape(run.label)} spells nothing or was not validated, so no code has a learning curve")
    frame = frame.dropna(subset=["nats/1"])
    names = level_names(run.recommender().codes)
    nats = frame[[f"nats/{level}" for level in range(1, len(names) + 1)]].set_axis(names, axis=1)
    figure = go.Figure()
    for at, name in enumerate(names):
        figure.add_scatter(x=frame["epoch"], y=nats[name], mode="lines+markers", name=name,
                           line={"color": COLORWAY[at % 4], "dash": DASHES[at % 7]},
                           marker={"symbol": SYMBOLS[at % 7]},
                           hovertemplate=f"{name}, epoch %{{x}}: %{{y:.2f}} nats<extra></extra>")
    figure.update_yaxes(rangemode="tozero")
    gains = nats.iloc[0] - nats.min()
    since = frame["epoch"].iloc[0]
    title = f"{gains.idxmax().capitalize()} improves most: by {gains.max():.2f} nats since epoch {since}"
    return dress(figure, title, x="epoch", y="validation cross-entropy (nats)")


def level_loss(losses: pd.DataFrame, codes: ItemCodes) -> go.Figure:
    """diagnose.beams.loss_by_level as bars: what each code costs the network, beside who knows the catalogue alone."""
    names, figure = level_names(codes), go.Figure()
    for column, name, color, pattern in (("catalogue", "knows the catalogue alone", GREY, "/"),
                                         ("loss", "the network", BLUE, "")):
        figure.add_bar(x=names, y=losses[column], name=name, marker={"color": color, "pattern": {"shape": pattern}},
                       hovertemplate="%{x}: %{y:.2f} nats<extra></extra>")
    worst = int(losses["loss"].to_numpy().argmax())
    share = losses["loss"].iloc[worst] / max(losses["loss"].sum(), 1e-12)
    title = f"{share:.0%} of the loss sits at {names[worst]}"
    whole = losses.sum()
    under = f"All codes together: {whole['loss']:.2f} nats, {whole['catalogue']:.2f} by the catalogue alone."
    return dress(figure, title, subtitle=under, y="cross-entropy of the true code (nats)")


def prefix_recall(study: pd.DataFrame, codes: ItemCodes) -> go.Figure:
    """diagnose.beams.study as lines: how many true prefixes are still in the beam after each code."""
    figure, columns = go.Figure(), [f"kept_{level}" for level in range(1, codes.levels + 1)]
    beams = study.dropna(subset=columns)
    for at, (name, row) in enumerate(beams.iterrows()):
        figure.add_scatter(x=level_names(codes), y=row[columns], mode="lines+markers", name=escape(name),
                           line={"color": COLORWAY[at % 4], "dash": DASHES[at % 7]},
                           marker={"symbol": SYMBOLS[at % 7], "size": 11},
                           hovertemplate=f"{escape(name)}, %{{x}}: %{{y:.1%}} still there<extra></extra>")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    kept = np.concatenate([[1.0], beams[columns].iloc[0].to_numpy(float)])
    drop = int(np.argmax(kept[:-1] - kept[1:]))
    name, share = escape(beams.index[0]).capitalize(), kept[drop] - kept[drop + 1]
    title = f"{name} loses most at {level_names(codes)[drop]}: {share:.0%} of the true items"
    return dress(figure, title, x="after", y="true prefixes still in the beam")


def widths(study: pd.DataFrame, *, metric: str = "ndcg@10") -> go.Figure:
    """diagnose.beams.study as dots: what beams of several widths find, beside scoring every item exactly."""
    exact, beams = study[metric]["exact"], study.drop(index="exact")
    figure = go.Figure(go.Scatter(
        x=beams[metric], y=np.arange(len(beams)), mode="markers", showlegend=False, customdata=beams["search_error"],
        marker={"color": BLUE, "size": 12},
        hovertemplate=f"{metric} %{{x:.4f}}; search error %{{customdata:.1%}}<extra></extra>",
    ))  # fmt: skip
    figure.add_vline(x=exact, line={"color": VERMILLION, "dash": "dash"})
    figure.add_annotation(x=exact, y=-0.5, text="exact", showarrow=False, yanchor="bottom", xanchor="left", xshift=4)
    figure.update_yaxes(**rows(beams.index.tolist())).update_xaxes(rangemode="tozero")
    first = beams.iloc[0]
    name = escape(beams.index[0]).capitalize()
    title = f"Searching by {name.lower()} costs {exact - first[metric]:.4f} {metric}"
    if exact <= first[metric]:
        title = f"{name} finds no less than exact scoring"
    under = (f"The dashed line scores every item: {exact:.4f}. {first['search_error']:.1%} of the true items are among "
             f"the first ten by exact score and not by {name.lower()}.")
    return dress(figure, title, subtitle=under, x=f"{metric} (0 to 1)", height=75 + 34 * len(beams))
