"""Cards of diagnostics in the store: figures and tables as parquet, reasons as JSON."""
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from workbench.artifacts import Store
from workbench.diagnose.card import Card, Figure


def stored(store: Store, kind: str, inputs: dict, make: Callable[[], Card]) -> Card:
    """The card of a stage with these inputs, measured once."""
    return read(store.get(kind, inputs, lambda folder: write(make(), folder)))


def write(card: Card, folder: Path) -> None:
    """Figures, tables and reasons into an existing folder."""
    pd.DataFrame(card.figures, columns=Figure._fields).to_parquet(folder / "figures.parquet")
    for number, table in enumerate(card.tables.values()):
        table.to_parquet(folder / f"table-{number}.parquet")
    about = {"tables": list(card.tables), "unmeasured": card.unmeasured}
    (folder / "card.json").write_text(json.dumps(about, indent=1))


def read(folder: Path) -> Card:
    """Back what `write` wrote."""
    about = json.loads((folder / "card.json").read_text())
    rows = pd.read_parquet(folder / "figures.parquet").itertuples(index=False)
    tables = {name: pd.read_parquet(folder / f"table-{number}.parquet") for number, name in enumerate(about["tables"])}
    return Card(tuple(Figure(*row) for row in rows), tables, about["unmeasured"])
