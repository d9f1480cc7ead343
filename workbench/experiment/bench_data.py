"""What a bench is made of: its dataset, from the store or parsed, its split, and its variants."""
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.artifacts import digest
from workbench.closure import closure_hash
from workbench.data import Dataset, Histories, Split, datasets, say_order, split
from workbench.data.formats.attributes.feature_arrays import feature_columns
from workbench.data.schema import TIME
from workbench.errors import UserError
from workbench.progress import Progress

log = logging.getLogger("workbench")
TRAIN_EVENTS = ("dataset", "data_hash", "items", "users", "protocol")  # of a bench's key: what there is to learn from


def read_dataset(bench: Any) -> Dataset:
    """Parsed once from its published files, then read back from the store. What lacks an optional file is not stored,
    so that it is whole as soon as the file is there."""
    names = {name: Path(path).name for name, path in datasets.file_paths(bench.options).items()}
    code = closure_hash(*datasets.files(bench.name, bench.options), "data/datasets/__init__.py")
    inputs = {"name": bench.name, "options": bench.options | names, "files": bench.files, "code": code}
    if bench.store.path("dataset", inputs).exists():
        dataset = Dataset.load(bench.store.get("dataset", inputs, lambda folder: _parse(bench).save(folder)))
    else:
        dataset = _parse(bench)
        if not dataset.about.get("missing_files"):
            bench.store.get("dataset", inputs, dataset.save)
    warn_of_empty_tables(dataset)
    return dataset


def warn_of_empty_tables(dataset: Dataset) -> None:
    """Warn where nothing is left of a side table."""
    for name, table in dataset.tables.items():
        if not len(table):
            log.warning("%s: no row of its table %s is about its users and items", dataset.name, name)


def _parse(bench: Any) -> Dataset:
    """Read from its files, saying once what is left out of them."""
    with Progress(f"read {bench.name}"):
        dataset = datasets.load(bench.name, **bench.options)
    say_dropped(dataset)
    return dataset


def say_dropped(dataset: Dataset) -> None:
    """Log how much of each kind was left out of the files."""
    for what, count in dataset.about.get("dropped", {}).items():
        if count:
            log.info("%s: left out %s: %s", dataset.name, what, f"{count:,}")


def make_split(bench: Any) -> Split:
    """The split under the protocol of a bench, of as many users and events as its profile allows."""
    say_order(bench.dataset, bench.protocol)
    with Progress(f"split {bench.name}"):
        limits = {"users": bench.profile.users, "events": bench.profile.event_limit(bench.dataset.n_items)}
        made = split(bench.dataset, bench.protocol, **limits)
    without = made.n_users - len(made.test.histories)
    if without and made.protocol.split != "leave-one-out":  # which says so itself
        log.info("%s: %s of %s users have no test case under split=%s and are train-only", bench.dataset.name,
                 f"{without:,}", f"{made.n_users:,}", made.protocol.split)  # fmt: skip
    return made


def content_hash(dataset: Dataset) -> str:
    """Digest of what the log's own hash does not cover: texts of the items, event columns such as ratings, and tables
    of dense features."""
    texts = dataset.items.select_dtypes(exclude="number").astype("string").fillna("")
    events = pd.DataFrame({name: values for name, values in dataset.event_columns().items() if name != TIME})
    tables = [texts, events] if len(events.columns) else [texts]
    tables += [table for _, table in sorted(dataset.tables.items()) if feature_columns(table)]
    return digest([part for table in tables for part in (list(table.columns), _row_hashes(table))])[:16]


def _row_hashes(table: pd.DataFrame) -> list[str]:
    return [f"{h:x}" for h in pd.util.hash_pandas_object(table, index=False)]


def make_variant(
    bench: Any, *, train: np.ndarray | Histories | None, label: str, seed: int | None, protocol: dict | None
) -> Any:
    """See `Bench.variant`."""
    given = {"store": bench.store, "dataset": bench.dataset}
    if protocol is None:
        given["split"] = bench.split
    if train is not None:
        if protocol is not None:
            raise UserError("a variant has other train events or another protocol; make one of the other for both")
        given["split"] = _other_train(bench.split, train, label)
    seed = bench.seed if seed is None else seed
    return replace(bench, seed=seed, protocol_changes=bench.protocol_changes | (protocol or {}),
                   label=label or bench.label, given=given)  # fmt: skip


def _other_train(split: Split, train: np.ndarray | Histories, label: str) -> Split:
    """The split with other train events, and a data hash that says so."""
    if not label or not isinstance(label, str):
        raise UserError('other train events need a label for tables and figures, such as label="shuffled"')
    n, kept = len(split.train.items), split.train
    if not isinstance(train, Histories):
        mask = np.asarray(train)
        if mask.dtype != bool or mask.shape != (n,):
            raise UserError(f"train is a mask of the {n:,} train events, ({n},) bool, or Histories; given "
                            f"{mask.shape} {mask.dtype}")  # fmt: skip
        train = kept = split.train.where(mask)
    if len(train) != len(split.train) or not len(train.items):
        raise UserError(f"train has {len(train.items):,} events of {len(train):,} users; the users are "
                        f"{len(split.train):,}, and at least one event is needed")  # fmt: skip
    content = digest([train.offsets.tolist(), train.items.tolist(), *_other_columns(kept, train)])[:8]
    return replace(split, train=train, data_hash=f"{split.data_hash}-{label.replace(' ', '-')}-{content}")


def _other_columns(known: Histories, train: Histories) -> list:
    """The columns of `train` as JSON values where they are other ones, such as other ratings; else none."""
    own, columns = ({name: each.columns[name].tolist() for name in sorted(each.columns)}
                    for each in (known, train))  # fmt: skip
    return [columns] if digest(columns) != digest(own) else []


def check_teacher(bench: Any, run: Any, changes: dict) -> None:
    """UserError unless a run was trained on the train events of a bench; and for changes, which a run has already."""
    if changes:
        raise UserError(f"{run.label} is trained: {', '.join(changes)} can only be given with the name of a system")
    here, there = bench.key, run.info
    if differing := [name for name in TRAIN_EVENTS if here.get(name) != there.get(name)]:
        which = ", ".join(f"{name} {there.get(name)!r} instead of {here.get(name)!r}" for name in differing)
        raise UserError(f"{run.label} learned from other data than this bench has, and may have seen what is tested "
                        f"here: {which}. Train it here: bench.teacher({run.system!r})")  # fmt: skip
