"""Cards as stored stages: measured once for the same inputs and code, then read back."""
from collections.abc import Callable

from workbench.artifacts import Store
from workbench.diagnose.verdict.card import Card


def stored(store: Store, kind: str, inputs: dict, measure: Callable[[], Card]) -> Card:
    """The card of a stage with these inputs, measured if it is not there. What `measure` raises stores nothing."""
    return Card.load(store.get(kind, inputs, lambda folder: measure().save(folder)))
