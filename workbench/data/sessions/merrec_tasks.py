"""The tasks of MerRec's released code, as splits of a loaded dataset (mercari/mercari-ml-merrec-pub-us).

- session-based recommendation: `session_based`, and with the same sequences inference acceleration, which measures time
  and has no other split;
- click-through rate and multi-task learning: `event_windows`;
- retrieval from texts (mercatran): `retrieval`.
The paper counts six tasks; the sixth is not in the release. Not verified: what the paper prints of each, and the random
draws of the release, which are not seeded by the data: ours are hashes.
"""
from typing import NamedTuple

import numpy as np

from workbench.data.protocol import Protocol, protocol_for
from workbench.data.schema import ITEM, RAW, USER, Dataset, assemble, hash_ids
from workbench.data.sessions.whole_sessions import session_split
from workbench.data.splits import Split, split, splitmix64, user_sequences
from workbench.errors import UserError

LEAST, SAMPLE = 10, 0.11  # events of a sequence, and share of the sequences, of the session-based task
WINDOW = 7  # items before an event, its input
LABELS = ("item_view", "item_like")
TAIL, PARTS = 4, (0.7, 0.15, 0.15)  # events at the end, and shares of the sequences, of the retrieval task


def session_based(dataset: Dataset, *, least: int = LEAST, share: float = SAMPLE) -> Split:
    """The last event of a sequence is test, the one before it validation, of a share of the sequences with `least`
    events or more. Full ranking of the items that remain.

    The release draws the share at random; here it is a hash of the user. UserError where none is left.
    """
    if not 0 < share <= 1:
        raise UserError(f"{share=} of the sequences: above 0, at most 1")
    lengths = np.bincount(dataset.interactions[USER], minlength=dataset.n_users)
    drawn = hash_ids(dataset.users[RAW].to_numpy(), seed=1) / 2.0**64 < share
    kept = dataset.interactions[((lengths >= least) & drawn)[dataset.interactions[USER].to_numpy()]]
    if kept.empty:
        raise UserError(f"{dataset.name}: no sequence of {least} events or more among a share of {share} of "
                        f"{dataset.n_users:,}", code=3)  # fmt: skip
    raw = {USER: dataset.users[RAW].to_numpy()[kept[USER]], ITEM: dataset.items[RAW].to_numpy()[kept[ITEM] - 1]}
    part = assemble(dataset.name, kept.assign(**raw).reset_index(drop=True), order=dataset.order, about=dataset.about)
    return split(part, protocol_for(part))


class EventWindows(NamedTuple):
    """R rows, one an event with WINDOW events before it. users, items: (R,). before: (R, WINDOW) items, oldest first.
    labels: name -> (R,) bool, whether the event is of this kind. part: (R,) 0 train, 1 validation, 2 test."""

    users: np.ndarray
    items: np.ndarray
    before: np.ndarray
    labels: dict[str, np.ndarray]
    part: np.ndarray


def event_windows(
    dataset: Dataset, *, labels: tuple[str, ...] = LABELS, shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
    protocol: Protocol | None = None, seed: int = 0,
) -> EventWindows:  # fmt: skip
    """The rows of the click-through and multi-task tasks. shares: of train, validation and test, by a seeded hash; the
    release has .8, .1, .1 for multi-task learning, and .9, 0, .1 for clicks (label item_view alone).

    A row is negative where the event is of another kind: there are no exposures without an event in the log, so what is
    predicted is the kind of an event that took place. Rows of a sequence fall into different parts, as in the release.
    UserError for shares that do not add up to 1, or where no sequence is long enough.
    """
    if abs(sum(shares) - 1) > 1e-9 or min(shares) < 0:
        raise UserError(f"{shares=} of train, validation and test must add up to 1")
    codes = dataset.interactions["event"].astype("category")
    numbered = dataset.interactions.assign(kind=codes.cat.codes.to_numpy().astype(np.int64))
    log = user_sequences(Dataset(dataset.name, numbered, dataset.items, dataset.users, {}, dataset.order, {}),
                         protocol or protocol_for(dataset))  # fmt: skip
    place = np.arange(len(log.items)) - np.repeat(log.offsets[:-1], log.lengths)
    at = np.flatnonzero(place >= WINDOW)
    if not len(at):
        raise UserError(f"{dataset.name}: no sequence has {WINDOW + 1} events", code=3)
    before = log.items[at[:, None] - np.arange(WINDOW, 0, -1)]
    kind = log.columns["kind"][at]
    names = codes.cat.categories.astype(str).tolist()
    said = {name: kind == (names.index(name) if name in names else -2) for name in labels}
    users = log.users[log.rows()[at]]
    draw = splitmix64(users, place[at], seed=seed) / 2.0**64
    part = np.searchsorted(np.cumsum(shares)[:2], draw, side="right")
    return EventWindows(users, log.items[at], before, said, part)


def retrieval(
    dataset: Dataset, *, held_out: int = TAIL, least: int = LEAST, shares: tuple[float, float, float] = PARTS
) -> Split:
    """Sequences of `least` events or more are train, validation or test as a whole, by a hash; of the last two parts
    the last `held_out` events are targets, a case each, and what comes before them is the history of each.

    No event of a test sequence is in train, and a listing (dataset merrec, key=listing) is hardly ever in two: it is
    found by its texts, the columns of `dataset.items`, whose ids the split has. Full ranking of all items; the release
    ranks the targets of the part alone, np.unique(cut.test.targets), which is easier. Its sequences are in the order of
    the rows, ours by time. UserError for shares that do not add up to 1, or where a part has no sequence.
    """
    if abs(sum(shares) - 1) > 1e-9 or min(shares) <= 0:
        raise UserError(f"{shares=} of train, validation and test must be above 0 and add up to 1")
    long = np.bincount(dataset.interactions[USER], minlength=dataset.n_users) >= max(least, held_out + 1)
    test = long & (hash_ids(dataset.users[RAW].to_numpy(), seed=3) / 2.0**64 < shares[2])
    valid = shares[1] / (shares[0] + shares[1])
    return session_split(dataset, test, train=long & ~test, valid=valid, held_out=held_out)
