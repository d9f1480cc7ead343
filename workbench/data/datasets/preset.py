"""Your own copy of a published log, filtered as its benchmark was: preset=NAME, and columns as for csv."""
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
    strict: bool = True,
) -> Dataset:
    """A log under the filters of a preset (workbench.data.presets); the other arguments are those of csv.

    strict: whether counts that are not the published ones are an error, which names every one of them. UserError too
    for an unknown preset, for a filter whose column is not named, and as csv.
    """
    if not preset:
        raise UserError(f"dataset preset needs the name of one: preset=NAME; allowed: {', '.join(presets.PRESETS)}")
    how = presets.named(preset)
    found = presets.filtered(
        how,
        csv.load(
            path=path, user=user, item=item, timestamp=timestamp, rating=rating, items=items, item_title=item_title
        ),
    )
    if strict:
        presets.check(how, found)
    return found
