"""Explorers for a live notebook. Each calls functions that a cell could call and stands beside a figure or a table that
is complete without it; where no browser is listening, that is all there is."""
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go

from workbench.diagnose.models.codes import digits
from workbench.experiment import Bench, Run
from workbench.experiment.browse.case_study import Cases
from workbench.show.figures.beams import level_names, spelled, spelling
from workbench.show.figures.cases import side_by_side
from workbench.show.figures.code_tables import under, walk
from workbench.show.figures.users import events, history, row_of, typical_users
from workbench.show.tables import Table, table
from workbench.show.widgets import controls
from workbench.tokens import ItemCodes

ANY = ("any", -1)


def explore_users(bench: Bench, *, user: int | None = None, n: int = 50) -> go.Figure:
    """The history of a user as a figure; in a live notebook a menu of `n` users above it, each with a figure and a
    table of all events."""
    users = typical_users(bench, n).tolist()
    first = users[0] if user is None else user
    figure = history(bench, first)
    controls.put(lambda: _users(bench, users, first, lambda user: table(events(bench, user))))
    return figure


def explore_answers(bench: Bench, runs: list[Run], user: int, *, k: int = 5, n: int = 50) -> Table:
    """What runs recommend to a user, side by side; in a live notebook a menu of `n` users above it, each with history
    and lists. UserError where the user has no test case."""
    cases = Cases(bench, runs)

    def lists(user: int) -> Table:
        return side_by_side(cases, row_of(bench, user), k=k)

    shown = lists(user)
    controls.put(lambda: _users(bench, typical_users(bench, n).tolist(), user, lists))
    return shown


def _users(bench: Bench, users: list[int], first: int, about: Callable[[int], Table]):
    """A menu of users, the history of one, and a table about them."""
    who = controls.menu("user", controls.people(bench, users, first), first)
    drawn, page = controls.picture(), controls.page()

    def answer() -> None:
        controls.draw(drawn, history(bench, who.value))
        controls.fill(page, about(who.value))

    answer()
    controls.when([who], answer)
    return controls.stack(who, drawn, page)


def walk_codes(bench: Bench, codes: ItemCodes, item: int) -> Table:
    """The way to an item, code by code, as a table; in a live notebook menus above it, one a level, open any prefix."""
    shown = walk(bench, codes, item)
    controls.put(lambda: _prefixes(bench, codes, int(codes.codes[item, 0])))
    return shown


def _prefixes(bench: Bench, codes: ItemCodes, first: int):
    """A menu of first codes, one of the second codes under it ..., and what lies there."""
    names = [f"code {level}" for level in range(1, digits(codes) + 1)]
    menus = [controls.menu(names[0], _following(codes, ()), first)]
    menus += [controls.menu(name, [ANY], ANY[1]) for name in names[1:]]
    page = controls.page()

    def prefix() -> tuple[int, ...]:
        chosen = [menu.value for menu in menus]
        return tuple(chosen[: chosen.index(ANY[1])] if ANY[1] in chosen else chosen)

    def narrow(below: int) -> None:
        """The menus below one that changed begin again: what is under it, and nothing further down."""
        for depth in range(below, len(menus)):
            menus[depth].options = [ANY, *(_following(codes, prefix()) if len(prefix()) == depth else [])]
        controls.fill(page, under(bench, codes, prefix()))

    for depth, menu in enumerate(menus, 1):
        controls.when([menu], lambda depth=depth: narrow(depth))
    narrow(1)
    return controls.stack(*menus, page)


def _following(codes: ItemCodes, prefix: tuple[int, ...]) -> list[tuple[str, int]]:
    """The codes that follow a prefix, with how many items lie there, as options of a menu."""
    inside = (codes.codes[1:, : len(prefix)] == np.array(prefix, int)).all(axis=1)
    found, count = np.unique(codes.codes[1:][inside, len(prefix)], return_counts=True)
    return [(f"{code} ({n:,} item{'s' if n > 1 else ''})", int(code)) for code, n in zip(found, count)]


def step_beams(bench: Bench, recommender, user: int, *, beam: int = 10, n: int = 30) -> go.Figure:
    """How a beam spells for a user, as a figure; in a live notebook menus of `n` users and of the codes above it, with
    the figure and what the beam holds at each code."""
    figure = spelling(bench, recommender, user, beam=beam)
    controls.put(lambda: _steps(bench, recommender, typical_users(bench, n).tolist(), user, beam))
    return figure


def _steps(bench: Bench, recommender, users: list[int], first: int, beam: int):
    who = controls.menu("user", controls.people(bench, users, first), first)
    levels = list(zip(level_names(recommender.codes), range(1, recommender.codes.levels + 1)))
    level = controls.menu("the beam after", levels, 1)
    drawn, page = controls.picture(), controls.page()

    def step() -> None:
        controls.fill(page, spelled(bench, recommender, who.value, level.value, beam=beam))

    def spell() -> None:
        controls.draw(drawn, spelling(bench, recommender, who.value, beam=beam))
        step()

    spell()
    controls.when([who], spell)
    controls.when([level], step)
    return controls.stack(who, drawn, level, page)
