"""Tables about a bench and its protocol: what the data and the test are, and whether runs may be compared."""
import pandas as pd

from workbench.errors import UserError
from workbench.evaluate.compare import check_same_protocol
from workbench.evaluate.evaluated import evaluated_list
from workbench.experiment import Bench
from workbench.show.tables import Table, table


def table_about(bench: Bench) -> Table:
    """The dataset of a bench with its size, titles, timestamps, order of events, and evaluation protocol."""
    dataset, split, protocol = bench.dataset, bench.split, bench.protocol
    events = f"{len(dataset.interactions):,}"
    orders = {
        "sequence": "the file lists each user's events in order",
        "time": "by timestamp; ties are broken by a seeded hash",
        "none": "not known: an order is drawn at random, and no sequence can be learned from it",
    }
    has_titles = "title" in dataset.items
    own = "; the option item_title=COLUMN names a column of titles" if bench.name == "csv" else ""
    rows = {
        "dataset": f"{dataset.name}: {dataset.n_users:,} users, {dataset.n_items:,} items, {events} events",
        "titles": "items have titles" if has_titles else "items have no titles: raw ids are shown" + own,
        "times": "events have timestamps" if dataset.has_times else "no timestamps: nothing can be shown over time",
        "order": orders[dataset.order],
        "protocol": f"{protocol.split}, history {'masked' if protocol.mask_history else 'not masked'}, "
        f"ties by {protocol.ties}, ranked among all {split.n_items:,} items",
        "test": f"{len(split.test.histories):,} test cases of {split.n_users:,} users (profile {bench.profile.name})",
    }
    return table(pd.DataFrame({"property": rows.keys(), "value": rows.values()}), index=False, length=200)


def table_protocols(runs: list) -> Table:
    """Whether runs may be compared, or why `compare` refuses: their protocols differ. UserError without runs."""
    runs = evaluated_list(runs, "table_protocols")
    try:
        check_same_protocol(runs)
        answer = "These runs have the same protocol and may be compared."
    except UserError as error:
        answer = f"Refused: {error}."
    return table(pd.DataFrame({"compare(...)": [answer]}), index=False, length=400)
