"""Controls for a live notebook. Each calls functions that a cell could call and stands beside a figure that is
complete without it; where no browser is listening, the figure is all there is."""
import os

import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.experiment import Bench
from workbench.show.tables import table
from workbench.show.theme import shorten
from workbench.show.user import events, history, typical_users


def live() -> bool:
    """Whether a browser shows this kernel's widgets: JupyterLab says so, headless runs do not."""
    return bool(os.environ.get("JPY_SESSION_NAME"))


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
