"""Controls for a live notebook. Each calls functions that a cell could call and stands beside a figure that is
complete without it; where no browser is listening, the figure is all there is."""
import numpy as np
import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.experiment import Bench
from workbench.show.beams import level_names, spelled, spelling
from workbench.show.prefixes import under, walk
from workbench.show.tables import Table, live, table
from workbench.show.theme import shorten
from workbench.show.user import events, history, typical_users
from workbench.tokens import ItemCodes


def user_page(bench: Bench, user: int) -> str:
    """A user's events as a safe HTML table, newest last."""
    return table(events(bench, user))._repr_html_()


def explore_users(bench: Bench, *, user: int | None = None, n: int = 50) -> go.Figure:
    """The history of a user as a figure; in a live notebook a menu of `n` users above it, each with a table."""
    users = typical_users(bench, n).tolist()
    first = users[0] if user is None else user
    if live():
        from IPython.display import display

        display(_menu(bench, users if first in users else [first, *users], first))
    return history(bench, first)


def _menu(bench: Bench, users: list[int], first: int):
    import ipywidgets

    names = bench.dataset.users[RAW]
    options = [(shorten(names.loc[user], 40), user) for user in users]
    menu = ipywidgets.Dropdown(options=options, value=first, description="user")
    page = ipywidgets.HTML(user_page(bench, first))  # executes what it is given: user_page escapes every text
    menu.observe(lambda change: setattr(page, "value", user_page(bench, change["new"])), names="value")
    return ipywidgets.VBox([menu, page])


def walk_codes(bench: Bench, codes: ItemCodes, item: int) -> Table:
    """The way to an item, code by code, as a table; in a live notebook two menus above it, which open any prefix."""
    if live():
        from IPython.display import display

        display(_prefixes(bench, codes, *map(int, codes.codes[item, :1])))
    return walk(bench, codes, item)


def _prefixes(bench: Bench, codes: ItemCodes, first: int):
    """A menu of first codes, a menu of the second ones under it, and what lies there."""
    import ipywidgets

    def options(prefix: tuple[int, ...]) -> list[tuple[str, int]]:
        inside = (codes.codes[1:, : len(prefix)] == np.array(prefix, int)).all(axis=1)
        found, count = np.unique(codes.codes[1:][inside, len(prefix)], return_counts=True)
        return [(f"{code} ({n:,} items)", int(code)) for code, n in zip(found, count)]

    upper = ipywidgets.Dropdown(options=options(()), value=first, description="code 1")
    lower = ipywidgets.Dropdown(options=[("any", -1)], value=-1, description="code 2")
    page = ipywidgets.HTML()  # executes what it is given: a Table escapes every text

    def fill(_=None) -> None:
        prefix = (upper.value,) if lower.value in (-1, None) else (upper.value, lower.value)
        page.value = under(bench, codes, prefix)._repr_html_()

    def narrow(_=None) -> None:
        lower.options = [("any", -1), *(options((upper.value,)) if codes.levels > 1 else [])]
        fill()

    upper.observe(narrow, names="value")
    lower.observe(fill, names="value")
    narrow()
    return ipywidgets.VBox([upper, lower, page])


def step_beams(bench: Bench, recommender, user: int, *, beam: int = 10, n: int = 30) -> go.Figure:
    """How a beam spells for a user, as a figure; in a live notebook menus of `n` users and of the codes above it, with
    what the beam holds at each."""
    if live():
        from IPython.display import display

        users = typical_users(bench, n).tolist()
        display(_steps(bench, recommender, users if user in users else [user, *users], user, beam))
    return spelling(bench, recommender, user, beam=beam)


def _steps(bench: Bench, recommender, users: list[int], first: int, beam: int):
    import ipywidgets

    names = bench.dataset.users[RAW]
    options = [(shorten(names.loc[user], 40), user) for user in users]
    who = ipywidgets.Dropdown(options=options, value=first, description="user")
    levels = list(zip(level_names(recommender.codes), range(1, recommender.codes.levels + 1)))
    level = ipywidgets.Dropdown(options=levels, value=1, description="after")
    page = ipywidgets.HTML()  # executes what it is given: a Table escapes every text

    def fill(_=None) -> None:
        page.value = spelled(bench, recommender, who.value, level.value, beam=beam)._repr_html_()

    for menu in (who, level):
        menu.observe(fill, names="value")
    fill()
    return ipywidgets.VBox([who, level, page])
