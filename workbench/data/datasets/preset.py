"""Your own copy of a published log, preprocessed as in its benchmark: preset=NAME, and columns as for csv."""
from workbench.data import presets
from workbench.data.datasets import csv
from workbench.data.schema import ITEM, TIME, USER, Dataset
from workbench.errors import UserError


def load(
    *,
    preset: str = "",
    path: str | None = None,
    user: str = USER,
    item: str = ITEM,
    timestamp: str | None = TIME,
    rating: str | None = None,
    items: str | None = None,
    item_title: str = "title",
    time_format: str = "",
    columns: str = "",
    layout: str = "events",
    encoding: str = "",
    quoting: str = "auto",
    strict: bool = True,
) -> Dataset:
    """A log under the filters of a preset (workbench.data.presets); the other arguments are those of csv.

    strict: whether statistics that differ from the published ones raise a UserError that lists them. UserError also for
    an unknown preset, a filter whose column is missing, and as for csv.
    """
    if not preset:
        raise UserError(f"dataset preset needs a preset: preset=NAME; allowed: {', '.join(presets.PRESETS)}")
    chosen = presets.get_preset(preset)
    roles = {"user": user, "item": item, "timestamp": timestamp, "rating": rating, "item_title": item_title}
    form = {"columns": columns, "layout": layout, "encoding": encoding, "quoting": quoting}
    log = csv.load(path=path, items=items, time_format=time_format, **roles, **form)
    dataset = presets.filter_dataset(chosen, log)
    if strict:
        presets.check_statistics(chosen, dataset)
    return dataset
