"""A synthetic world of visits: hidden conditions give codes in words, a profile, and the set of remedies."""
import zlib

import numpy as np
import pandas as pd

from workbench.data.schema import ITEM, TIME, USER, Dataset, assemble
from workbench.data.visits.attach import CODE, KIND, LEVEL, NAME, OTHER, TEXT, VISIT, with_visits
from workbench.errors import UserError

CONDITIONS, CODES, ACTS = 12, 6, 3  # conditions; codes of a diagnosis and of a procedure that each has
REMEDIES = 3  # that a condition is treated with
AGES = ("young", "middle", "old")
WORDS = ("heart", "lung", "kidney", "bone", "skin", "liver", "nerve", "blood", "eye", "ear", "throat", "stomach")
FORMS = ("acute", "chronic", "mild", "severe", "early", "late")


def load(*, users: int = 300, items: int = 40, mean_visits: float = 2.0, noise: float = 0.1, profile: float = 0.8,
         seed: int = 0) -> Dataset:  # fmt: skip
    """Synthetic visits. An event is a remedy of a visit; column visit: the visit.

    A user has a lasting condition, which follows from age and gender with chance `profile`, and at every visit one or
    two passing ones. Each present condition gives one or two of its codes; the code of a lasting condition is written
    down only from the second visit on, so at a first visit the profile alone tells of it. A remedy of each is left out,
    and another added, with chance `noise`. The first two remedies of conditions 1 and 2 conflict. items: remedies.
    UserError for an option out of range.
    """
    if users < 10 or items < CONDITIONS * REMEDIES or mean_visits < 1 or not 0 <= noise < 1 or not 0 <= profile <= 1:
        raise UserError(f"synthetic-visits: {users=} is 10 or more, {items=} {CONDITIONS * REMEDIES} or more, "
                        f"{mean_visits=} at least 1, {noise=} and {profile=} are shares")  # fmt: skip
    rng = _stream(seed, "visits")
    lengths = 1 + rng.poisson(mean_visits - 1, users)
    user = np.repeat(np.arange(users), lengths)
    n = len(user)
    number = np.arange(n) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    age, gender = rng.integers(0, len(AGES), users), rng.integers(0, 2, users)
    by_profile = rng.random(users) < profile
    lasting = np.where(by_profile, age * 2 + gender, rng.integers(0, len(AGES) * 2, users))
    half = len(AGES) * 2  # conditions below last, those above pass
    present = np.zeros((n, CONDITIONS), bool)
    present[np.arange(n), half + rng.integers(0, CONDITIONS - half, n)] = True
    present[np.arange(n), half + rng.integers(0, CONDITIONS - half, n)] = True
    coded = present.copy()
    present[np.arange(n), lasting[user]] = True
    coded[np.arange(n), lasting[user]] = number > 0
    visit = 1_000 + np.arange(n)
    raw = _stream(seed, "ids").permutation(items) + 500
    sets = _sets(present, items, noise, rng)
    rows, columns = np.nonzero(sets)
    time = 1_262_304_000 + number * 90 * 86_400 + rng.integers(0, 86_400, n)
    events = pd.DataFrame({USER: user[rows] + 10, ITEM: raw[columns], TIME: time[rows], VISIT: visit[rows]})
    against = [f" for {word}" for word in WORDS for _ in range(REMEDIES)] + [""] * (items - CONDITIONS * REMEDIES)
    names = [f"remedy {column}{words}" for column, words in enumerate(against)]
    settings = {"users": users, "items": items, "mean_visits": mean_visits, "noise": noise, "profile": profile,
                "seed": seed}  # fmt: skip
    about = {"title": "synthetic-visits: invented visits with codes and remedies", "terms": "invented; free to use",
             "options": settings}  # fmt: skip
    dataset = assemble("synthetic-visits", events, items=pd.DataFrame({"raw_id": raw, "title": names}), about=about)
    visits = pd.DataFrame({USER: user + 10, VISIT: visit, TIME: time, "age": np.array(AGES, object)[age[user]],
                           "gender": np.array(["female", "male"], object)[gender[user]], TEXT: ""})  # fmt: skip
    pairs = [(0, REMEDIES), (1, REMEDIES + 1)]
    conflicts = pd.DataFrame({CODE: raw[[a for a, _ in pairs]], OTHER: raw[[b for _, b in pairs]], LEVEL: "Major"})
    return with_visits(dataset, visits, _codes(coded, visit, rng), conflicts)


def _sets(present: np.ndarray, items: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """(n, items) bool: the remedies of the conditions that are present, some exchanged for others by chance; never
    none."""
    sets = np.zeros((len(present), items), bool)
    sets[:, : CONDITIONS * REMEDIES] = np.repeat(present, REMEDIES, axis=1)
    out, into = rng.random(sets.shape) < noise, rng.random(sets.shape) < noise * 3 / items
    sets = (sets & ~out) | into
    sets[np.arange(len(sets)), np.argmax(present, axis=1) * REMEDIES] |= ~sets.any(axis=1)
    return sets


def _codes(coded: np.ndarray, visit: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """visit, kind, code, name: one or two codes of a diagnosis for each condition, and one of a procedure for some."""
    rows, condition = np.nonzero(coded)
    parts = []
    for kind, count, share in (("diagnosis", CODES, 1.0), ("diagnosis", CODES, 0.5), ("procedure", ACTS, 0.5)):
        own, form = rng.random(len(rows)) < share, rng.integers(0, count, len(rows))
        prefix = kind[0].upper()
        parts.append(pd.DataFrame({
            VISIT: visit[rows[own]], KIND: kind,
            CODE: [f"{prefix}{c:02d}{f}" for c, f in zip(condition[own], form[own])],
            NAME: [f"{FORMS[f]} {WORDS[c]} {kind}" for c, f in zip(condition[own], form[own])],
        }))  # fmt: skip
    return pd.concat(parts).drop_duplicates([VISIT, KIND, CODE])


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
