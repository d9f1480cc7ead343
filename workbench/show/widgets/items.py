"""The nearest neighbours of an item as a table; in a live notebook with a search field above it."""
import pandas as pd

from workbench.experiment.browse.item_index import SIMILAR_TEXT, ItemIndex
from workbench.show.tables import Table, table
from workbench.show.theme import shorten
from workbench.show.widgets import controls

MAX_MATCHES = 30  # items that the menu lists


def table_neighbours(index: ItemIndex, item: int, *, k: int = 6) -> Table:
    """The k nearest items of one by each relation, side by side: directly before and after it in train, same users,
    similar text; the caption has its frequency and dates. UserError where there is no such item."""
    columns = {}
    for relation, scores in index.neighbours(item, k).items():
        values = [f"{value:.2f}" if relation == SIMILAR_TEXT else f"{value:,.0f}" for value in scores]
        cells = [f"{shorten(index.titles[i], 40)} ({value})" for i, value in zip(scores.index, values)]
        columns[relation] = cells + [""] * (k - len(cells))
    statistics = index.statistics(item)
    caption = f"{shorten(index.titles[item], 80)}: {statistics['events']:,} events of {statistics['users']:,} users"
    if "first" in statistics:
        caption += f", {statistics['first']:%Y-%m-%d} to {statistics['last']:%Y-%m-%d}"
    caption += f"; {statistics['train_events']:,} in train, rank {statistics['rank']:,} of {len(index.titles) - 1:,} "
    caption += "by frequency. In brackets: the number of transitions in train; of users with both, ordered by shrunken "
    caption += "cosine" + ("; the cosine of the texts." if SIMILAR_TEXT in columns else ".")
    rows = max((sum(map(bool, cells)) for cells in columns.values()), default=0)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(1, k + 1, name="nearest")).head(max(rows, 1))
    return table(frame, caption=caption)


def explore_items(index: ItemIndex, item: int, *, text: str = "", k: int = 6) -> Table:
    """The nearest neighbours of an item as in `table_neighbours`; in a live notebook a search field and a menu of
    matches above them, and what the catalogue says of the chosen item. UserError where there is no such item."""
    shown = table_neighbours(index, item, k=k)
    return controls.with_widgets(shown, lambda: _widgets(index, item, text, k))


def _widgets(index: ItemIndex, item: int, text: str, k: int):
    def options(items: list[int]) -> list[tuple[str, int]]:
        return [(f"{shorten(index.titles[i], 60)} ({index.train_counts[i]:,} in train)", i) for i in items]

    query = controls.text_field("search", text, hint="part of a title, or a raw id")
    items = index.search(text)
    matches = items[:MAX_MATCHES].tolist()
    menu = controls.dropdown("matches", options(matches if item in matches else [item, *matches]), item)
    count, tables = controls.html_area(), controls.html_area()

    def properties(item: int) -> Table:
        return table(index.properties(item), length=300)

    def update_item() -> None:
        chosen = menu.value
        shown = [] if chosen is None else [properties(chosen), table_neighbours(index, chosen, k=k)]
        controls.show_tables(tables, *shown)

    def update_query() -> None:
        items = index.search(query.value)
        controls.show_text(count, index.match_caption(query.value, len(items), MAX_MATCHES))
        menu.options = options(items[:MAX_MATCHES].tolist())  # chooses the first, unless nothing was chosen before
        menu.index = 0 if len(items) else None

    controls.show_text(count, index.match_caption(text, len(items), MAX_MATCHES))
    update_item()
    controls.on_change([query], update_query)
    controls.on_change([menu], update_item)
    return controls.vbox(query, count, menu, tables)
