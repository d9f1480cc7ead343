"""Dialogues as a dataset: a user is a dialogue, its events are the movies mentioned, the last one was recommended.

Published parts of dialogues are whole dialogues, not ends of them. So each part has a day of its own (the datasets
publish no usable times), and `split=global-time` with the cuts in `about["protocol"]` gives the parts back: nothing of
a dialogue of validation or test is in train.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.schema import ITEM, RAW, ROW, TIME, USER, Dataset, assemble, hash_ids
from workbench.data.tables import attach_tables
from workbench.errors import unknown_name

MOVIE, GENRE, SEEKER, RECOMMENDER = "movie", "genre", "seeker", "recommender"
PARTS = ("train", "valid", "test")
CASES = ("last", "all")
FIRST_DAY, SECONDS_PER_DAY = 1_514_764_800, 86_400  # 2018-01-01
MENTIONS = "mentions"


class Dialogues(NamedTuple):
    """said: dialogue (text), turn, speaker, entity (name), kind (`MOVIE` or another), a row for each mention, in order.
    texts: dialogue, turn, speaker, text. parts: name of the part by dialogue. relations: head, relation, tail (names),
    tail_kind; a head is a movie."""

    said: pd.DataFrame
    texts: pd.DataFrame
    parts: pd.Series
    relations: pd.DataFrame


def assemble_dialogues(name: str, given: Dialogues, *, cases: str, about: dict) -> Dataset:
    """The dataset of dialogues.

    Of a dialogue of train all movies are events, each at its first mention. One of validation or test ends with a movie
    that the recommender speaks of for the first time, at a turn before which another movie was mentioned; events before
    it are the movies of earlier turns. cases: last (the last such movie) or all (a user for each of them; those of one
    dialogue are alike, and under another split than global-time one has what another is to predict). tables: relations,
    dialogues (texts) and mentions (user, place, entity, kind): who or what else was mentioned, and after how many
    events of the user its turn was over. UserError for other cases.
    """
    if cases not in CASES:
        raise unknown_name(f"cases of {name}", cases, CASES)
    parts = given.parts.reindex(given.said["dialogue"]).to_numpy()
    said = given.said.assign(part=parts, order=np.arange(len(given.said)))
    movies = said[said["kind"] == MOVIE].drop_duplicates(["dialogue", "entity"])
    events, users = _events(movies, cases)
    others = said[said["kind"] != MOVIE].drop_duplicates(["dialogue", "entity"])
    known = others["entity"].isin(set(given.relations["tail"].unique()))
    mentions = _mentions(others[known], users, events)
    shares = events["part"].value_counts(normalize=True).reindex(PARTS).fillna(0.0).to_numpy()
    log = pd.DataFrame({
        USER: events["user"], ITEM: events["entity"], ROW: np.arange(len(events)),
        TIME: FIRST_DAY + SECONDS_PER_DAY * events["part"].map(PARTS.index),
        "turn": events["turn"], "recommended": events["speaker"] == RECOMMENDER,
    })  # fmt: skip
    left_out = movies["dialogue"].nunique() - users["dialogue"].nunique()
    dropped = about.get("dropped", {}) | {
        "dialogues of validation and test without a movie before one that is recommended": left_out,
        "mentions of what the knowledge graph does not know": int((~known).sum()),
    }
    about = about | {"dropped": dropped, "protocol": _protocol(shares)}
    about["notes"] = [*about.get("notes", []), f"the published parts: protocol={about['protocol']}",
                      "timestamp: not published; each part has a day of its own"]  # fmt: skip
    items = pd.DataFrame({RAW: log[ITEM].unique()}).assign(title=lambda table: table[RAW])
    whole = assemble(name, log, items=items, users=users.rename(columns={"user": RAW})[[RAW, "dialogue", "part"]],
                     order="sequence", about=about)  # fmt: skip
    relations = given.relations.assign(tail_name=given.relations["tail"])
    return attach_tables(whole, {"relations": relations, MENTIONS: mentions, "dialogues": given.texts})


def divided(dialogues: pd.Series, shares: dict[str, float]) -> pd.Series:
    """The part of each dialogue by its name, drawn by a seeded hash. shares: of each part, which add up to 1."""
    names = dialogues.drop_duplicates().to_numpy(object)
    order = np.argsort(hash_ids(names), kind="stable")
    ends = np.round(np.cumsum(list(shares.values())) * len(names)).astype(int)
    return pd.Series(np.repeat(list(shares), np.diff(ends, prepend=0)), names[order])


def _events(movies: pd.DataFrame, cases: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The events of all users, and the users: user, dialogue, part and `until`, the turn that ends what they know."""
    train, held = movies[movies["part"] == "train"], movies[movies["part"] != "train"]
    later = held["turn"] > held.groupby("dialogue")["turn"].transform("min")
    targets = held[later & (held["speaker"] == RECOMMENDER)]
    if cases == "last":
        targets = targets.drop_duplicates("dialogue", keep="last")
        targets = targets.assign(user=targets["dialogue"])
    else:
        number = targets.groupby("dialogue").cumcount() + 1
        targets = targets.assign(user=targets["dialogue"] + " " + number.astype(str))
    ends = targets[["dialogue", "part", "user", "turn"]].rename(columns={"turn": "until"})
    before = held.merge(ends[["dialogue", "user", "until"]], on="dialogue")
    before = before[before["turn"] < before["until"]].drop(columns="until")
    events = pd.concat([train.assign(user=train["dialogue"]), before, targets], ignore_index=True)
    events = events.sort_values(["user", "order"], kind="stable", ignore_index=True)
    whole = train[["dialogue", "part"]].drop_duplicates()
    whole = whole.assign(user=whole["dialogue"], until=np.iinfo(np.int64).max)
    return events, pd.concat([whole, ends], ignore_index=True)


def _mentions(others: pd.DataFrame, users: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """user, place, entity, kind: place is the number of the user's events up to the end of the turn of the mention, so
    that what is said in the turn of a recommendation is not known before it."""
    found = others.drop(columns="part").merge(users[["dialogue", "user", "until"]], on="dialogue")
    found = found[found["turn"] < found["until"]]
    names = pd.Index(events["user"].unique())
    span = int(max(events["turn"].max(), found["turn"].max())) + 2
    key = np.sort(names.get_indexer(events["user"]) * span + events["turn"].to_numpy())
    first = names.get_indexer(found["user"]) * span
    place = np.searchsorted(key, first + found["turn"].to_numpy(), "right") - np.searchsorted(key, first)
    return pd.DataFrame({"user": found["user"], "place": place, "entity": found["entity"], "kind": found["kind"]})


def _protocol(shares: np.ndarray) -> dict:
    """The split that gives parts of these shares of all events back."""
    train, valid, test = map(float, shares)
    cuts = [round(train + valid / 2, 3), round(1 - test / 2, 3)]
    return {"split": "global-time", "cuts": cuts}
