"""A synthetic world of dialogues: a seeker names a genre, a person and movies, and is recommended one linked to it."""
import zlib

import numpy as np
import pandas as pd

from workbench.data.dialogues.assembly import GENRE, MENTIONS, RECOMMENDER, SEEKER
from workbench.data.schema import ITEM, RAW, ROW, TIME, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError

GENRES, PEOPLE, YEARS = 8, 40, 12  # entities; years mean nothing to anybody
PULL = {"genre": 2.5, "person": 4.0}  # what a wanted entity adds to the logarithm of a movie's share
UNLINKED = 0.05  # share of movies of which the knowledge graph knows nothing
NAMED = 0.7  # chance that a seeker names the genre wanted, and that they name the person
SECONDS_PER_DAY, START = 86_400, 1_514_764_800  # 2018-01-01


def load(*, users: int = 1_000, items: int = 200, mean_length: float = 5.0, seed: int = 0) -> Dataset:
    """Synthetic dialogues; users is their number, items that of movies.

    Who seeks wants a genre and a person of the knowledge graph. Of movies both speak by their popularity times exp(PULL
    of what is wanted); each is mentioned once, one a turn, the last one by the recommender. tables: relations, mentions
    and dialogues as of the real ones (`workbench.data.dialogues.assembly`). UserError for an option below its minimum.
    """
    for name, value, least in (("users", users, 1), ("items", items, 50), ("mean_length", mean_length, 3)):
        if value < least:
            raise UserError(f"synthetic-dialogues: {name} must be at least {least}, not {value!r}")
    facts = _facts(items, _stream(seed, "facts"))
    popularity = -0.7 * np.log(_stream(seed, "popularity").permutation(items) + 5.0)
    rng = _stream(seed, "dialogues")
    genre, person = rng.integers(0, GENRES, users), rng.integers(0, PEOPLE, users)
    lengths = np.minimum(3 + rng.poisson(mean_length - 3, users), items // 2)
    share = popularity + PULL["genre"] * (facts["genre"][None] == genre[:, None])
    share = share + PULL["person"] * (facts["people"] == person[:, None, None]).any(axis=2)
    best = np.argsort(-(share + rng.gumbel(size=share.shape)), axis=1)
    user, place = np.nonzero(np.arange(items) < lengths[:, None])
    item = best[user, place][np.lexsort((rng.random(len(user)), user))]
    raw = np.array([f"Movie {number}" for number in _stream(seed, "ids").permutation(items) + 100], object)
    day = _stream(seed, "days").integers(0, 900, users)
    names = np.array([f"dialogue {number}" for number in range(users)], object)
    events = pd.DataFrame({
        USER: names[user], ITEM: raw[item], ROW: np.arange(len(user)),
        TIME: START + SECONDS_PER_DAY * day[user] + 60 * place, "turn": 1 + place,
        "recommended": place % 2 == (lengths - 1)[user] % 2,
    })  # fmt: skip
    settings = {"users": users, "items": items, "mean_length": mean_length, "seed": seed}
    about = {"title": "synthetic-dialogues: invented dialogues about movies linked to what is wanted",
             "terms": "invented; free to use", "options": settings}  # fmt: skip
    dataset = assemble("synthetic-dialogues", events, items=pd.DataFrame({RAW: raw, "title": raw}),
                       users=pd.DataFrame({RAW: names, "dialogue": names}), about=about)  # fmt: skip
    mentions = _mentions(names, genre, person, lengths, rng)
    relations = _relations(facts, raw, _stream(seed, "unlinked"))
    return attach_tables(dataset, {"relations": relations, MENTIONS: mentions, "dialogues": _texts(events, mentions)})


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _facts(items: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """genre, year: (I,); people: (I, 2)."""
    return {"genre": rng.integers(0, GENRES, items), "people": rng.integers(0, PEOPLE, (items, 2)),
            "year": 1990 + rng.integers(0, YEARS, items)}  # fmt: skip


def _mentions(
    names: np.ndarray, genre: np.ndarray, person: np.ndarray, lengths: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """user, place, entity, kind: each is named or not, somewhere before the last event."""
    parts = []
    for kind, wanted in ((GENRE, genre), ("person", person)):
        named = np.flatnonzero(rng.random(len(names)) < NAMED)
        place = (rng.random(len(named)) * lengths[named]).astype(np.int64)
        parts.append(pd.DataFrame({USER: names[named], "place": place, "kind": kind,
                                   "entity": [f"{kind} {number}" for number in wanted[named]]}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _relations(facts: dict[str, np.ndarray], raw: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """As `dialogues.assembly.Dialogues` has it, with the names of tails."""
    known = np.flatnonzero(rng.random(len(raw)) >= UNLINKED)
    links = [(GENRE, GENRE, facts["genre"])]
    links += [("star", "person", facts["people"][:, j]) for j in range(2)]
    links += [("year", "year", facts["year"])]
    rows = [pd.DataFrame({"head": raw[known], "relation": name, "tail_kind": kind,
                          "tail": [f"{kind} {number}" for number in tails[known]]})
            for name, kind, tails in links]  # fmt: skip
    table = pd.concat(rows, ignore_index=True)
    return table.assign(tail_name=table["tail"])


def _texts(events: pd.DataFrame, mentions: pd.DataFrame) -> pd.DataFrame:
    """dialogue, turn, speaker, text: a sentence for each mention."""
    said = pd.DataFrame({"dialogue": events[USER], "turn": events["turn"], "text": "What about " + events[ITEM] + "?",
                         "speaker": np.where(events["recommended"], RECOMMENDER, SEEKER)})  # fmt: skip
    wanted = pd.DataFrame({"dialogue": mentions[USER], "turn": mentions["place"], "speaker": SEEKER,
                           "text": "I like " + mentions["entity"] + "."})  # fmt: skip
    both = pd.concat([said, wanted], ignore_index=True)
    return both.sort_values(["dialogue", "turn"], kind="stable", ignore_index=True)
