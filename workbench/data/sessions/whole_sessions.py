"""Splits of whole sessions: the end of a test session is predicted, and no event of a test session is in train.

For logs whose users are sessions, such as Amazon-M2, where the published test sessions are others than those of train;
and for a shift of the domain, where train is of some locales and test of others.
"""
import numpy as np

from workbench.data.histories import Cases, Histories
from workbench.data.protocol import Protocol, protocol_for
from workbench.data.schema import RAW, Dataset, hash_ids
from workbench.data.splits import Split, hash_events, user_sequences
from workbench.errors import UserError

SOURCE, TARGET = ("UK", "DE", "JP"), ("ES", "FR", "IT")  # locales of tasks 1 and 2 of Amazon-M2


def session_split(
    dataset: Dataset, test: np.ndarray, *, train: np.ndarray | None = None, valid: float = 0.1, held_out: int = 1,
    seed: int = 0,
) -> Split:  # fmt: skip
    """test, train: (U,) bool, which sessions; train by default those that are not test. valid: share of the train
    sessions, by a seeded hash, that are held out for validation. held_out: last events of a session, a case each, all
    with the events before them as history, so that case c is step c % held_out of its session. Sessions of no more
    events than these have nothing to predict from.

    Full ranking without masking, as a target may be an item of its own session. UserError where a part is empty, or a
    session is in both.
    """
    test = np.asarray(test, bool)
    train = ~test if train is None else np.asarray(train, bool)
    if (both := int((train & test).sum())) or test.shape != (dataset.n_users,) or not 0 < valid < 1 or held_out < 1:
        raise UserError(f"test and train are one bool for each of {dataset.n_users:,} sessions, none in both ({both:,} "
                        f"are), {valid=} is a share above 0 and below 1, and {held_out=} is 1 or more")  # fmt: skip
    protocol = protocol_for(dataset)
    sequence = user_sequences(dataset, protocol)
    drawn = hash_ids(dataset.users[RAW].to_numpy(), seed=seed + 1) / 2.0**64 < valid
    usable = sequence.lengths > held_out
    parts = [train & ~drawn, train & drawn & usable, test & usable]
    counts = [int(part.sum()) for part in parts]
    if not all(counts):
        found = f"{counts[0]:,} train, {counts[1]:,} validation and {counts[2]:,} test sessions"
        raise UserError(f"{dataset.name}: {found}; each needs one", code=3)
    own = sequence.where(parts[0][sequence.rows()])
    valid_cases, test_cases = (_cases(sequence, part, held_out) for part in parts[1:])
    key = _digest(dataset, sequence, protocol, parts, held_out)
    return Split(own, valid_cases, test_cases, dataset.n_users, dataset.n_items, protocol, key)


def published_test(dataset: Dataset, **settings) -> Split:
    """The split of a dataset whose users have the column part: its test sessions are test. settings: of
    `session_split`."""
    if "part" not in dataset.users or not (dataset.users["part"] == "test").any():
        raise UserError(f"{dataset.name} has no published test sessions; amazon-m2 reads them with test=FOLDER", code=3)
    return session_split(dataset, (dataset.users["part"] == "test").to_numpy(), **settings)


def domain_shift(
    dataset: Dataset, *, source: tuple[str, ...] = SOURCE, target: tuple[str, ...] = TARGET, adapt: float = 0.0,
    seed: int = 0,
) -> Split:  # fmt: skip
    """Train of sessions of the locales `source`, test of those of `target`.

    adapt: share of the sessions of `target`, by a seeded hash, that are in train; 0 is no session at all, so that with
    items of their own locale only what reads texts can tell them apart; the challenge's task 2 gives their train
    sessions too. Published test sessions are test, and then no others. UserError for a locale that has no sessions.
    """
    locale = dataset.users["locale"].to_numpy() if "locale" in dataset.users else np.array([])
    if missing := [name for name in (*source, *target) if name not in set(locale)]:
        raise UserError(f"{dataset.name}: no session of {', '.join(missing)}; amazon-m2 reads the locales that "
                        "locales= names", code=3)  # fmt: skip
    if not 0 <= adapt < 1:
        raise UserError(f"{adapt=} is a share of the sessions of {', '.join(target)}: at least 0, below 1")
    known, shifted = np.isin(locale, source), np.isin(locale, target)
    published = (dataset.users["part"] == "test").to_numpy() if "part" in dataset.users else np.zeros(len(locale), bool)
    adapted = shifted & ~published & (hash_ids(dataset.users[RAW].to_numpy(), seed=seed + 2) / 2.0**64 < adapt)
    test = shifted & (published if (shifted & published).any() else ~adapted)
    return session_split(dataset, test, train=(known & ~published) | adapted, seed=seed)


def _cases(sequence: Histories, mask: np.ndarray, held_out: int) -> Cases:
    chosen = sequence.take(np.flatnonzero(mask))
    ends = chosen.last(held_out)
    return Cases(chosen.without_last(held_out), ends.items, ends.times, ends.offsets).one_each()


def _digest(
    dataset: Dataset, sequence: Histories, protocol: Protocol, parts: list[np.ndarray], held_out: int
) -> str:  # fmt: skip
    import hashlib

    whole = hashlib.sha256(hash_events(dataset, sequence, protocol).encode())
    for part in parts:
        whole.update(np.packbits(part))
    if held_out > 1:  # figures of one held-out event keep their data hash
        whole.update(str(held_out).encode())
    return whole.hexdigest()[:16]
