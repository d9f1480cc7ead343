"""A system read beside its paper: its card, its source, and a study of its idea as a figure and a table."""
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from workbench.evaluate.intervals import decimals
from workbench.experiment.browse.system_card import SystemCard
from workbench.experiment.study.arms import OFF, ON, PLACEBO
from workbench.experiment.study.run_study import Study
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, GREY, ORANGE, PURPLE, VERMILLION, escape, finish, notice, rows
from workbench.systems.evidence import STALE, Evidence

ARMS = {ON: (BLUE, "circle"), OFF: (VERMILLION, "square"), PLACEBO: (PURPLE, "diamond")}
MISSING = "No study of it is stored: workbench study {name} --dataset ..."


@dataclass(frozen=True)
class Source:
    """The text of a Python file; a notebook shows it with its syntax in colours."""

    name: str
    text: str

    def _repr_markdown_(self) -> str:
        return f"`{self.name}.py`, {len(self.text.splitlines())} lines\n\n```python\n{self.text}```\n"

    def __repr__(self) -> str:
        return self.text


def table_system(card: SystemCard) -> Table:
    """The card of a system, `wb.inspect_system(name)`: paper, idea, equation, claim, what switches it off."""
    return table(card.facts(), index=False, length=600)


def table_source(card: SystemCard) -> Source:
    """The source of a system, to be read beside its paper."""
    return Source(card.name, card.source)


def table_evidence(card: SystemCard) -> Table:
    """The stored studies of a system, a row a dataset, and below what the paper reports."""
    reported = f"Reported: {card.about.reported}" if card.about.reported else ""
    frame = card.evidence()
    if not len(frame):
        return table(pd.DataFrame({"": [MISSING.format(name=card.name)]}), index=False, caption=reported)
    return table(frame, index=False, digits=decimals(int(frame["cases"].min())), caption=reported)


def plot_study(study: Study | Evidence | SystemCard) -> go.Figure:
    """A system on, off, with its placebo, and the baselines: means with 95 % intervals; the title is the verdict.

    study: of `wb.study`, a stored one, or a card, of which the first stored study is shown.
    """
    if isinstance(study, SystemCard):
        if not study.studies:
            return notice(MISSING.format(name=study.name))
        study = study.studies[0]
    values = study.study if isinstance(study, Evidence) else study.dict()
    stale = isinstance(study, Evidence) and study.stale
    arms = [(name, row) for name, row in values["rows"].items() if "error" not in row]
    if not arms:
        return notice(f"No training of {values['system']} succeeded")
    arms = [arm for arm in arms if arm[0] in ARMS] + sorted((arm for arm in arms if arm[0] not in ARMS),
                                                            key=lambda arm: -arm[1]["mean"])  # fmt: skip
    figure = go.Figure()
    for place, (name, row) in enumerate(arms):
        color, symbol = ARMS.get(name, (GREY, "triangle-up"))
        digits = decimals(row["cases"])
        figure.add_scatter(
            x=[row["mean"]], y=[place], mode="markers", name=name, showlegend=False,
            marker={"color": ORANGE if row["still_rising"] else color, "symbol": symbol, "size": 12},
            error_x={"type": "data", "symmetric": False, "array": [row["high"] - row["mean"]],
                     "arrayminus": [row["mean"] - row["low"]], "thickness": 2, "width": 0},
            hovertemplate=f"{escape(name)} {row['mean']:.{digits}f} [{row['low']:.{digits}f}, "
                          f"{row['high']:.{digits}f}], {row['seeds']} seeds<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(**rows([name for name, _ in arms])).update_xaxes(rangemode="tozero")
    title = f"{escape(values['system'])} on {escape(values['dataset'])}: {values['verdict']}"
    subtitle = f"{values['sentence']} {arms[0][1]['cases']:,} test cases, profile {values['profile']}, seeds "
    subtitle += f"{', '.join(map(str, values['seeds']))}. {STALE.capitalize() + '. ' if stale else ''}{_failed(values)}"
    return finish(figure, title, subtitle=subtitle.strip(), x=values["metric"], height=75 + 34 * len(arms))


def _failed(values: dict) -> str:
    failed = [f"{escape(name)}: {escape(row['error'], 120)}" for name, row in values["rows"].items() if "error" in row]
    return f"Failed: {'; '.join(failed)}." if failed else ""
