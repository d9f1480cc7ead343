"""Sliders for the layers of a propagation and for noise in them, with one user's list."""
from workbench.experiment import Bench, Run
from workbench.experiment.browse.graph_neighbourhood import GraphNeighbourhood
from workbench.interfaces import Recommender
from workbench.show.tables import Table, table
from workbench.show.widgets import controls

LAYERS, NOISE = (0, 1, 2, 3), 20  # noise in tenths


def explore_layers(bench: Bench, run: Run, user: int) -> Table:
    """The lists of a user by the tables of a run alone and by the means of one, two and three layers; in a live
    notebook sliders for the number of layers and for the length of noise in them, beside the list without noise.
    UserError for a run whose vectors are not propagated, or a user without a test case."""
    found, recommender = GraphNeighbourhood(bench, user), run.recommender()
    return controls.with_widgets(
        _captioned(found.by_layers(recommender, LAYERS)), lambda: _widgets(found, recommender)
    )


def _captioned(frame) -> Table:
    counts = ", ".join(f"{frame.attrs['same'][name]} and {frame.attrs['found'][name]} ({name})" for name in frame)
    frame.attrs["caption"] = f"Items of a list that the run's own list has, and of the held-out ones: {counts}."
    return table(frame)


def _widgets(found: GraphNeighbourhood, recommender: Recommender):
    """A slider for layers, one for noise, and the list with and without noise."""
    layers, noise, area = controls.slider(0, 6, 3), controls.slider(0, NOISE, 0), controls.html_area()

    def update() -> None:
        plain = found.by_layers(recommender, (layers.value,))
        if noise.value:
            disturbed = found.by_layers(recommender, (layers.value,), noise=noise.value / 10)
            name, other = plain.columns[0], f"noise {noise.value / 10:g}"
            plain[other] = disturbed[name]
            for key in ("same", "found"):
                plain.attrs[key] = {name: plain.attrs[key][name], other: disturbed.attrs[key][name]}
        controls.show_tables(area, _captioned(plain))

    update()
    controls.on_change([layers, noise], update)
    sliders = [controls.labelled("layers", layers), controls.labelled("noise, tenths", noise)]
    return controls.vbox(*sliders, area)
