"""What is checked and said before a policy acts: how long its episodes may be, and which cases have none."""
import logging
from typing import Any

import numpy as np

from workbench.data.links.attributes import item_attributes
from workbench.errors import UserError

log = logging.getLogger("workbench")
MOST_STEPS = 1_000  # of an episode, as of a session
STEPS = ("turns", "horizon")  # keywords that say how many steps an episode has at most


def check_episodes(bench: Any, system: str, settings: dict[str, Any]) -> None:
    """UserError where the settings of a policy ask for episodes that would hardly end, or for a list, k items, that is
    longer than the catalogue, so that everything could be shown at once."""
    for name in STEPS:
        if settings.get(name, 1) > MOST_STEPS:
            raise UserError(f"{system}: {name}={settings[name]:,} is at most {MOST_STEPS:,} steps of an episode")
    if settings.get("k", 1) > bench.split.n_items:
        raise UserError(f"{system}: k={settings['k']:,} items of a list; {bench.dataset.name} has "
                        f"{bench.split.n_items:,}")  # fmt: skip


def say_left_out(bench: Any) -> None:
    """Log how many cases of a bench have no conversation, as nothing that could be asked leads to their target, or as
    it is in the history; nothing where every case has one. UserError for data without attributes."""
    attributes = np.diff(item_attributes(bench.dataset).matrix.tocsr().indptr)
    parts = [cases.one_each() for cases in (bench.split.valid, bench.split.test)]
    bare = [attributes[cases.targets] == 0 for cases in parts]
    known = [cases.in_history() & ~none for cases, none in zip(parts, bare, strict=True)]
    out = [f"{(none | had).sum():,} of {len(none):,}" for none, had in zip(bare, known, strict=True)]
    reasons = [int(np.concatenate(each).sum()) for each in (bare, known)]
    if any(reasons):
        log.info("%s: %s validation and %s test cases have no conversation: %s targets have no attribute, %s are in "
                 "the history", bench.dataset.name, *out, *(f"{count:,}" for count in reasons))  # fmt: skip
