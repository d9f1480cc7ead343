"""The elements of the widgets in a live notebook: menus, sliders, buttons and areas with full labels, operable by
keyboard."""
import json
from collections.abc import Callable, Iterable
from dataclasses import replace

import plotly.graph_objects as go

from workbench.data.schema import RAW
from workbench.experiment import Bench
from workbench.progress import in_jupyter
from workbench.show.tables import Table
from workbench.show.theme import Notice, escape, shorten

LAYOUT, FULL_LABEL = {"width": "36em", "max_width": "100%"}, {"description_width": "initial"}
LIVE, TWIN = "workbench-live", "workbench-twin"  # classes: a twin is hidden beside what is live, see lab.js
STATIC_NOTE = "The controls need a running kernel; without one, this is what they start with:"


def with_widgets(static: Table | go.Figure, make: Callable[[], object]) -> Table | go.Figure:
    """A static output for a cell to return; where a browser is connected, the widgets that `make` creates are displayed
    and the static output is hidden while they are live. A report, and a notebook without a kernel, show it instead."""
    if not in_jupyter():
        return static
    from IPython.display import HTML, display

    box = make()
    box.add_class(LIVE)
    display(box)
    display(HTML(f'<p class="{TWIN}">{STATIC_NOTE}</p>'))
    return replace(static, css_class=TWIN) if isinstance(static, Table) else static.update_layout(meta=TWIN)


def dropdown(label: str, options: list, value: object):
    """A menu of `options`, texts or (text, value); its value is None where there are none.

    JupyterLab takes the arrow keys of a focused menu; lab.js returns them to the menu.
    """
    import ipywidgets

    return ipywidgets.Dropdown(options=options, value=value, description=label, style=FULL_LABEL, layout=LAYOUT,
                               tooltip=f"{label}: space opens the menu")  # fmt: skip


def slider(low: int, high: int, value: int, *, follow: bool = True):
    """A slider over whole numbers, to be wrapped by `labelled`. follow: it updates while it is dragged, else when it is
    released."""
    import ipywidgets

    return ipywidgets.IntSlider(value=value, min=low, max=high, continuous_update=follow, readout=False, layout=LAYOUT)


def labelled(label: str, slider):
    """A slider after a labelled number field with the same value. ipywidgets gives the handle of a slider no accessible
    name; lab.js gives it this label."""
    import ipywidgets

    kind = ipywidgets.BoundedIntText if isinstance(slider, ipywidgets.IntSlider) else ipywidgets.BoundedFloatText
    number = kind(value=slider.value, min=slider.min, max=slider.max, step=slider.step, description=label,
                  style=FULL_LABEL, layout={"width": "auto"})  # fmt: skip
    for trait in ("max", "value", "disabled"):
        ipywidgets.link((slider, trait), (number, trait))
    return ipywidgets.HBox([number, slider])


def button(label: str, press: Callable[[], None]):
    """A button that calls `press` without arguments."""
    import ipywidgets

    made = ipywidgets.Button(description=label, layout={"width": "auto"})
    made.on_click(lambda _: press())
    return made


def text_field(label: str, value: str, *, hint: str = ""):
    """A text field that updates at every letter."""
    import ipywidgets

    return ipywidgets.Text(value=value, description=label, placeholder=hint, style=FULL_LABEL, layout=LAYOUT)


def html_area():
    """An area for `show_tables` and `show_text`."""
    import ipywidgets

    return ipywidgets.HTML(layout={"overflow": "auto"})


def show_tables(area, *tables) -> None:
    """Show tables in an area, which renders HTML: only tables that escape their texts may be shown."""
    area.value = "".join(table._repr_html_() for table in tables)


def show_text(area, text: str) -> None:
    """Show a sentence in an area, escaped."""
    area.value = escape(text, 300)


def figure_area():
    """An area for `show_figure`."""
    import ipywidgets

    return ipywidgets.Output()


def show_figure(area, figure: go.Figure) -> None:
    """Show a figure in an area, or its line if it has nothing to draw. Outputs are set directly: some kernels block on
    an output that is entered as a context, and clearing it first flickers."""
    data = {"text/plain": figure.layout.title.text}
    if isinstance(figure, Notice):
        data["text/html"] = figure.line()
    else:
        data["application/vnd.plotly.v1+json"] = json.loads(figure.to_json())
    area.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)


def vbox(*elements):
    """Elements in a column."""
    import ipywidgets

    return ipywidgets.VBox(list(elements))


def set_case_count(slider, n: int, update: Callable[[], None]) -> None:
    """Let a slider, whose changes call `update`, run over n cases from the first; with fewer than two it is
    disabled."""
    moved = slider.value != 0
    slider.value, slider.max, slider.disabled = 0, max(1, n - 1), n < 2
    if not moved:
        update()


def on_change(controls: Iterable, update: Callable) -> None:
    """Call `update` without arguments whenever one of these controls takes another value."""
    for control in controls:
        control.observe(lambda _: update(), names="value")


def user_options(bench: Bench, users: list[int], first: int) -> list[tuple[str, int]]:
    """Options of a menu of users by raw id, `first` among them."""
    names = bench.dataset.users[RAW]
    return [(shorten(names.loc[user], 40), user) for user in ([] if first in users else [first]) + users]
