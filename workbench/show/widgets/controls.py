"""Controls of a live notebook, moved by keyboard and with the whole of their labels, and the places that they fill."""
import json
from collections.abc import Callable, Iterable

import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.experiment import Bench
from workbench.progress import live
from workbench.show.theme import escape, shorten

WIDE, WHOLE = {"width": "36em", "max_width": "100%"}, {"description_width": "initial"}
BELOW = "Below, without controls, what a report shows:"


def put(make: Callable[[], object]) -> None:
    """Show the widgets that `make` makes where a browser listens, and say that what follows has none."""
    if live():
        import ipywidgets
        from IPython.display import display

        display(make())
        display(ipywidgets.Label(BELOW))


def menu(label: str, options: list, value: object):
    """A menu to choose one of `options`, texts or (text, value); None where there are none.

    JupyterLab takes the arrow keys of a focused menu for itself; in a page where lab.js runs they are the menu's.
    """
    import ipywidgets

    return ipywidgets.Dropdown(options=options, value=value, description=label, style=WHOLE, layout=WIDE,
                               tooltip=f"{label}: space opens the menu")  # fmt: skip


def slider(low: int, high: int, value: int, *, follow: bool = True):
    """A slider over whole numbers, to be shown by `numbered`. follow: it answers while it moves, else at rest."""
    import ipywidgets

    return ipywidgets.IntSlider(value=value, min=low, max=high, continuous_update=follow, readout=False, layout=WIDE)


def numbered(label: str, slider):
    """A slider behind a line that holds its number, as a number that is typed is sooner there. ipywidgets gives the
    handle of a slider no name that a screen reader could say; lab.js gives it this label."""
    import ipywidgets

    kind = ipywidgets.BoundedIntText if isinstance(slider, ipywidgets.IntSlider) else ipywidgets.BoundedFloatText
    number = kind(value=slider.value, min=slider.min, max=slider.max, step=slider.step, description=label,
                  style=WHOLE, layout={"width": "auto"})  # fmt: skip
    for trait in ("max", "value", "disabled"):
        ipywidgets.link((slider, trait), (number, trait))
    return ipywidgets.HBox([number, slider])


def field(label: str, value: str, *, hint: str = ""):
    """A line to write in, which answers at every letter."""
    import ipywidgets

    return ipywidgets.Text(value=value, description=label, placeholder=hint, style=WHOLE, layout=WIDE)


def page():
    """A place for tables or a sentence, which `fill` and `say` put there."""
    import ipywidgets

    return ipywidgets.HTML(layout={"overflow": "auto"})


def fill(place, *parts) -> None:
    """Show tables in a page, which executes what it is given: only what escapes its texts may come here."""
    place.value = "".join(part._repr_html_() for part in parts)


def say(place, text: str) -> None:
    """Show a sentence in a page, as it is."""
    place.value = escape(text, 300)


def picture():
    """A place for a figure, which `draw` puts there."""
    import ipywidgets

    return ipywidgets.Output()


def draw(place, figure: go.Figure) -> None:
    """Show a figure in a picture. Its data are set as they are: an engine may wait for ever on an output that is
    entered as a context, and what is cleared first flickers."""
    shown = {"application/vnd.plotly.v1+json": json.loads(figure.to_json()), "text/plain": figure.layout.title.text}
    place.outputs = ({"output_type": "display_data", "data": shown, "metadata": {}},)


def stack(*parts):
    """One under the other."""
    import ipywidgets

    return ipywidgets.VBox(list(parts))


def reach(place, cases: int, see: Callable[[], None]) -> None:
    """Let a slider, whose moves call `see`, run over so many cases, and see the first; it stands where there is one."""
    moved = place.value != 0
    place.value, place.max, place.disabled = 0, max(1, cases - 1), cases < 2
    if not moved:
        see()


def when(controls: Iterable, answer: Callable) -> None:
    """Call `answer` with no argument whenever one of these controls takes another value."""
    for control in controls:
        control.observe(lambda _: answer(), names="value")


def people(bench: Bench, users: list[int], first: int) -> list[tuple[str, int]]:
    """Options of a menu of users by raw id, `first` among them."""
    names = bench.dataset.users[RAW]
    return [(shorten(names.loc[user], 40), user) for user in ([] if first in users else [first]) + users]
