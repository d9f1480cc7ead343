"""Widgets for users, semantic IDs and beams in a live notebook. Each returns a figure or table that is complete without
them, and calls only functions that a cell could call; without a browser there are no widgets."""
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go

from workbench.diagnose.models.codes import content_levels
from workbench.experiment import Bench, Run
from workbench.experiment.browse.case_study import CaseStudy
from workbench.experiment.browse.tokenizers import Tokenizers
from workbench.experiment.browse.users import row_of_user, typical_users, user_events
from workbench.show.figures.beams import plot_beam_search, table_beam
from workbench.show.figures.cases import table_ranked_lists
from workbench.show.figures.code_tables import table_code_path, table_prefix
from workbench.show.figures.codes import level_names, plot_code_usage
from workbench.show.figures.users import plot_history
from workbench.show.tables import Table, table
from workbench.show.theme import escape
from workbench.show.widgets import controls
from workbench.tokens import ItemCodes

ANY = ("any", -1)  # the option of a menu that leaves a code open


def explore_users(bench: Bench, *, user: int | None = None, n: int = 50) -> go.Figure:
    """The history of a user over time; in a live notebook a menu of `n` users above it, each with the figure and a
    table of all events."""
    users = typical_users(bench, n).tolist()
    first = users[0] if user is None else user
    figure = plot_history(bench, first)

    def events(user: int) -> Table:
        return table(user_events(bench, user))

    return controls.with_widgets(figure, lambda: _user_widgets(bench, users, first, events))


def explore_recommendations(bench: Bench, runs: list[Run], user: int, *, k: int = 5, n: int = 50) -> Table:
    """The top k of each run for a user, side by side; in a live notebook a menu of `n` users above it, each with
    history and lists. UserError where the user has no test case."""
    cases = CaseStudy(bench, runs)

    def lists(user: int) -> Table:
        return table_ranked_lists(cases, row_of_user(bench, user), k=k)

    shown = lists(user)
    return controls.with_widgets(shown, lambda: _user_widgets(bench, typical_users(bench, n).tolist(), user, lists))


def _user_widgets(bench: Bench, users: list[int], first: int, make_table: Callable[[int], Table]):
    """A menu of users with the history of one, and a table about them."""
    menu = controls.dropdown("user", controls.user_options(bench, users, first), first)
    graph, area = controls.figure_area(), controls.html_area()

    def update() -> None:
        controls.show_figure(graph, plot_history(bench, menu.value))
        controls.show_tables(area, make_table(menu.value))

    update()
    controls.on_change([menu], update)
    return controls.vbox(menu, graph, area)


def explore_codes(bench: Bench, codes: ItemCodes, item: int) -> Table:
    """The prefixes of an item's semantic ID, a row each; in a live notebook menus above it, one a level, list the items
    under any prefix."""
    shown = table_code_path(bench, codes, item)
    return controls.with_widgets(shown, lambda: _prefix_widgets(bench, codes, int(codes.codes[item, 0])))


def _prefix_widgets(bench: Bench, codes: ItemCodes, first: int):
    """A menu of first codes, one of the second codes under it ..., and the items under the prefix."""
    names = [f"code {level}" for level in range(1, content_levels(codes) + 1)]
    menus = [controls.dropdown(names[0], _next_codes(codes, ()), first)]
    menus += [controls.dropdown(name, [ANY], ANY[1]) for name in names[1:]]
    area = controls.html_area()

    def prefix() -> tuple[int, ...]:
        chosen = [menu.value for menu in menus]
        return tuple(chosen[: chosen.index(ANY[1])] if ANY[1] in chosen else chosen)

    def update(depth: int) -> None:
        """Reset the menus below one that changed: the codes after the prefix, then none."""
        for below in range(depth, len(menus)):
            menus[below].options = [ANY, *(_next_codes(codes, prefix()) if len(prefix()) == below else [])]
        controls.show_tables(area, table_prefix(bench, codes, prefix()))

    for depth, menu in enumerate(menus, 1):
        controls.on_change([menu], lambda depth=depth: update(depth))
    update(1)
    return controls.vbox(*menus, area)


def _next_codes(codes: ItemCodes, prefix: tuple[int, ...]) -> list[tuple[str, int]]:
    """The codes that follow a prefix, with the number of items under each, as options of a menu."""
    inside = (codes.codes[1:, : len(prefix)] == np.array(prefix, int)).all(axis=1)
    values, counts = np.unique(codes.codes[1:][inside, len(prefix)], return_counts=True)
    return [(f"{code} ({n:,} item{'s' if n > 1 else ''})", int(code)) for code, n in zip(values, counts)]


def explore_tokenizers(tokenizers: Tokenizers) -> go.Figure:
    """How the codes of the first kind of tokenizer are used; in a live notebook a menu of all kinds above it, with code
    usage and the variance left unexplained by level."""
    first = next(iter(tokenizers.codes))
    figure = _usage_of(tokenizers, first)
    return controls.with_widgets(figure, lambda: _tokenizer_widgets(tokenizers, first))


def _usage_of(tokenizers: Tokenizers, kind: str) -> go.Figure:
    figure = plot_code_usage(tokenizers.codes[kind])
    return figure.update_layout(title_text=f"{escape(kind, 40)}: {figure.layout.title.text}")


def _tokenizer_widgets(tokenizers: Tokenizers, first: str):
    menu = controls.dropdown("tokenizer", list(tokenizers.codes), first)
    graph, area = controls.figure_area(), controls.html_area()

    def update() -> None:
        controls.show_figure(graph, _usage_of(tokenizers, menu.value))
        controls.show_tables(area, table(tokenizers.by_level(menu.value), digits=3))

    update()
    controls.on_change([menu], update)
    return controls.vbox(menu, graph, area)


def explore_beam_search(bench: Bench, recommender, user: int, *, beam: int = 10, n: int = 30) -> go.Figure:
    """A user's beam code by code as in `plot_beam_search`; in a live notebook menus of `n` users and of the levels
    above it, with the prefixes in the beam at each level."""
    figure, users = plot_beam_search(bench, recommender, user, beam=beam), typical_users(bench, n).tolist()
    return controls.with_widgets(figure, lambda: _beam_widgets(bench, recommender, users, user, beam))


def _beam_widgets(bench: Bench, recommender, users: list[int], first: int, beam: int):
    user_menu = controls.dropdown("user", controls.user_options(bench, users, first), first)
    levels = list(zip(level_names(recommender.codes), range(1, recommender.codes.levels + 1)))
    level_menu = controls.dropdown("the beam after", levels, 1)
    graph, area = controls.figure_area(), controls.html_area()

    def update_level() -> None:
        controls.show_tables(area, table_beam(bench, recommender, user_menu.value, level_menu.value, beam=beam))

    def update_user() -> None:
        controls.show_figure(graph, plot_beam_search(bench, recommender, user_menu.value, beam=beam))
        update_level()

    update_user()
    controls.on_change([user_menu], update_user)
    controls.on_change([level_menu], update_level)
    return controls.vbox(user_menu, graph, level_menu, area)
