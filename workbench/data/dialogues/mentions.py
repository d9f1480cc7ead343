"""What systems read of dialogues: which entities, beside movies, were mentioned before the end of a history."""
import hashlib
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data.dialogues.assembly import MENTIONS, MOVIE
from workbench.data.histories import Histories
from workbench.data.schema import USER, Dataset
from workbench.data.tables import required_table
from workbench.stages import draw


class Mentions(NamedTuple):
    """keys: (M,) int64, ascending, user * span + place. entities: (M,) int64, of the knowledge graph, none an item.
    kinds: (E+1,) int64, the kind of each entity, 0 for padding and 1 for movies. names: of the kinds, from 1."""

    keys: np.ndarray
    entities: np.ndarray
    span: int
    kinds: np.ndarray
    names: tuple[str, ...]


def read_mentions(dataset: Dataset, n_entities: int) -> Mentions:
    """The tables `mentions` and `relations`, which become part of the key of what is built with them. n_entities: E of
    the knowledge graph. UserError (code 3) where there is no such table."""
    table, relations = (required_table(dataset, name) for name in (MENTIONS, "relations"))
    tails = relations.drop_duplicates("tail_name").set_index("tail_name")
    entity = tails["tail"].reindex(table["entity"]).to_numpy()
    known = ~np.isnan(entity.astype(float))
    names = (MOVIE, *sorted(set(tails["tail_kind"]) - {MOVIE}))
    kinds = np.ones(n_entities + 1, np.int64)
    kinds[0] = 0
    kinds[tails["tail"]] = pd.Categorical(tails["tail_kind"], names).codes + 1
    kinds[1 : dataset.n_items + 1] = 1
    span = int(table["place"].max()) + 2 if len(table) else 2
    keys = table[USER].to_numpy(np.int64)[known] * span + table["place"].to_numpy(np.int64)[known]
    entities = entity[known].astype(np.int64)
    order = np.lexsort((entities, keys))
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in (keys[order], entities[order], kinds))
    draw("mentions", hashlib.sha256(content).hexdigest())
    return Mentions(keys[order], entities[order], span, kinds, names)


def mentioned_before(mentions: Mentions, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
    """(N,) rows and (N,) entities, other than items, that were mentioned in turns that were over when the last event of
    a history was; row by row, in the order of the mentions."""
    rows, at = places_before(mentions, histories)
    return rows, mentions.entities[at]


def places_before(mentions: Mentions, histories: Histories) -> tuple[np.ndarray, np.ndarray]:
    """(N,) rows and (N,) places in `mentions.keys` of what `mentioned_before` gives."""
    first = histories.users.astype(np.int64) * mentions.span
    last = first + np.minimum(histories.lengths, mentions.span - 1)
    start, end = np.searchsorted(mentions.keys, first), np.searchsorted(mentions.keys, last, "right")
    n = end - start
    at = np.arange(n.sum()) + np.repeat(start - np.cumsum(n) + n, n)
    return np.repeat(np.arange(len(histories)), n), at


def entity_rows(mentions: Mentions, histories: Histories) -> csr_matrix:
    """(B, E+1) binary float64: the items of each history and what was mentioned before its end."""
    rows, entities = mentioned_before(mentions, histories)
    rows, entities = np.append(histories.rows(), rows), np.append(histories.items.astype(np.int64), entities)
    found = csr_matrix((np.ones(len(rows)), (rows, entities)), shape=(len(histories), len(mentions.kinds)))
    found.data[:] = 1
    return found


def entity_names(dataset: Dataset, n_entities: int) -> np.ndarray:
    """(E+1,) object: titles of the items and names of what links lead to; "" for what is neither."""
    names = np.full(n_entities + 1, "", object)
    tails = required_table(dataset, "relations").drop_duplicates("tail")
    names[tails["tail"]] = tails["tail_name"]
    names[: dataset.n_items + 1] = dataset.titles()
    return names
