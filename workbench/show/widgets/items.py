"""The items of a dataset as tables: what a few letters find, and what stands around an item; with a line to write in,
where a browser listens."""
import numpy as np
import pandas as pd

from workbench.data.schema import RAW
from workbench.errors import UserError, whole
from workbench.experiment.browse.item_index import Shelf, folded
from workbench.show.figures.code_tables import described, item_card
from workbench.show.tables import Table, table
from workbench.show.theme import shorten
from workbench.show.widgets import controls

FOUND = 30  # items that a list offers


def search(shelf: Shelf, text: str, *, n: int = 10) -> Table:
    """The items whose title or raw id holds a text, the most frequent in train first; a sentence where none does.
    UserError where n is no number of items."""
    if not whole(n, 1):
        raise UserError(f"n={n!r}: how many items are shown, a whole number from 1")
    items = shelf.find(text)
    if not len(items):
        return table(pd.DataFrame({"found": [_said(shelf, text, items, n)]}), index=False, length=200)
    shown = items[:n]
    frame = pd.DataFrame(described(shelf.bench, shown) | {"raw id": shelf.bench.dataset.items[RAW].loc[shown].tolist()})
    frame["train events"] = shelf.counts[shown]
    return table(frame, index=False, caption=_said(shelf, text, items, n))


def _said(shelf: Shelf, text: str, items: np.ndarray, n: int) -> str:
    """How many items a text finds, and which of them are shown."""
    most = f"; these are the {n} most frequent in train." if len(items) > n else "."
    if not folded(text):
        return f"All {len(items):,} items{most}"
    share = f"{len(items):,}" if len(items) else "None"
    said = f"{share} of {len(shelf.titles) - 1:,} items {'has' if len(items) == 1 else 'have'} “{shorten(text, 40)}”"
    return f"{said} in title or raw id{most}"


def around(shelf: Shelf, item: int, *, k: int = 6) -> Table:
    """What stands around an item, side by side: right before and after it in train, with the same users, alike in
    words; how often it occurs and when. UserError where there is no such item."""
    columns = {}
    for name, strength in shelf.around(item, k).items():
        values = [f"{value:.2f}" if name == "alike in words" else f"{value:,.0f}" for value in strength]
        cells = [f"{shorten(shelf.titles[i], 40)} ({value})" for i, value in zip(strength.index, values)]
        columns[name] = cells + [""] * (k - len(cells))
    facts = shelf.facts(item)
    said = f"Around: {shorten(shelf.titles[item], 80)}. {facts['events']:,} events of {facts['users']:,} users"
    if "first" in facts:
        said += f", {facts['first']:%Y-%m-%d} to {facts['last']:%Y-%m-%d}"
    said += f"; {facts['train']:,} in train, place {facts['place']:,} of {len(shelf.titles) - 1:,} by frequency."
    said += " In brackets: how often in train; how many users have both, the popular set back"
    said += "; cosine of the words." if "alike in words" in columns else "."
    deep = max((sum(map(bool, cells)) for cells in columns.values()), default=0)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(1, k + 1, name="nearest")).head(max(deep, 1))
    return table(frame, caption=said)


def explore_items(shelf: Shelf, item: int, *, text: str = "", k: int = 6) -> Table:
    """`around` of an item; in a live notebook a line above it to search by letters of a title or raw id, the items that
    were found, and what the catalogue and train say of the one that is chosen. UserError where there is no such item.
    """
    shown = around(shelf, item, k=k)
    controls.put(lambda: _finder(shelf, item, text, k))
    return shown


def _finder(shelf: Shelf, item: int, text: str, k: int):
    def named(items: list[int]) -> list[tuple[str, int]]:
        return [(f"{shorten(shelf.titles[one], 60)} ({shelf.counts[one]:,} in train)", one) for one in items]

    line = controls.field("search", text, hint="letters of a title, or a raw id")
    items = shelf.find(text)
    offered = items[:FOUND].tolist()
    found = controls.menu("found", named(offered if item in offered else [item, *offered]), item)
    count, page = controls.page(), controls.page()

    def look() -> None:
        one = found.value
        controls.fill(page, *([] if one is None else [item_card(shelf.bench, one), around(shelf, one, k=k)]))

    def seek() -> None:
        items = shelf.find(line.value)
        controls.say(count, _said(shelf, line.value, items, FOUND))
        found.options = named(items[:FOUND].tolist())  # chooses the first, unless nothing was chosen before
        found.index = 0 if len(items) else None

    controls.say(count, _said(shelf, text, items, FOUND))
    look()
    controls.when([line], seek)
    controls.when([found], look)
    return controls.stack(line, count, found, page)
