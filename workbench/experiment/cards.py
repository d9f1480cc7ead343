"""Cards as stored stages: measured once for the same inputs and code, then read back."""
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from workbench.artifacts import Store
from workbench.diagnose.card import Card, Figure


def stored(store: Store, kind: str, inputs: dict, measure: Callable[[], Card]) -> Card:
    """The card of a stage with these inputs, measured if it is not there. What `measure` raises stores nothing."""
    return load(store.get(kind, inputs, lambda folder: save(measure(), folder)))


def save(card: Card, folder: Path) -> None:
    """Write a card into a folder: figures.parquet, a table_<place>.parquet each, about.json."""
    pd.DataFrame(list(card.figures), columns=Figure._fields).to_parquet(folder / "figures.parquet")
    for place, table in enumerate(card.tables.values()):
        table.to_parquet(folder / f"table_{place}.parquet")
    about = {"tables": list(card.tables), "unmeasured": card.unmeasured}
    (folder / "about.json").write_text(json.dumps(about))


def load(folder: Path) -> Card:
    """The card that `save` wrote."""
    about = json.loads((folder / "about.json").read_text())
    figures = pd.read_parquet(folder / "figures.parquet").to_dict("records")
    tables = {name: pd.read_parquet(folder / f"table_{place}.parquet") for place, name in enumerate(about["tables"])}
    return Card(tuple(Figure(**row) for row in figures), tables, about["unmeasured"])
