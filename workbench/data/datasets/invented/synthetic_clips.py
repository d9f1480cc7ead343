"""A synthetic world of videos and their music: pictures say a little of what is heard, descriptions say more."""
import zlib

import numpy as np
import pandas as pd

from workbench.data.schema import ITEM, RAW, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError

MOODS, INSTRUMENTS, TEMPOS = 8, 12, 5
KINDS = {"mood": MOODS, "instrument": INSTRUMENTS, "tempo": TEMPOS}
OWN = 3  # dimensions of what no word tells
SAID = 2  # of a clip's three aspects that its description names
FILLERS = ("music", "clip", "plays", "song", "sound", "recording", "melody", "part")


def load(*, users: int = 400, items: int = 1_000, mean_length: float = 5.0, dim: int = 24, seed: int = 0) -> Dataset:
    """Synthetic clips; users watch them, mean_length each, without any taste.

    A clip has a mood, an instrument and a tempo (its aspects), and a mood of its own that no word tells. tables: audio,
    a random map of all four with noise; image, one of the mood and of what no word tells, with more noise. text: words
    for two of the aspects among others that mean nothing. So the picture and the text each say what the other does
    not. dim: of both tables. UserError for an option below its minimum.
    """
    for name, value, least in (("users", users, 2), ("items", items, 40), ("mean_length", mean_length, 3),
                               ("dim", dim, 2)):  # fmt: skip
        if value < least:
            raise UserError(f"synthetic-clips: {name} must be at least {least}, not {value!r}")
    rng = _stream(seed, "clips")
    number = {kind: rng.integers(0, n, items) for kind, n in KINDS.items()}
    own = rng.standard_normal((items, OWN))
    heard = [np.eye(n)[number[kind]] * 2.0 for kind, n in KINDS.items()] + [own]
    audio = _mapped(np.concatenate(heard, axis=1), dim, 0.1, _stream(seed, "audio"))
    image = _mapped(np.concatenate([heard[0], own], axis=1), dim, 0.8, _stream(seed, "image"))
    aspects = np.stack([[f"{kind} {value}" for value in number[kind]] for kind in KINDS], axis=1)
    raw = np.array([f"clip {value}" for value in _stream(seed, "ids").permutation(items) + 100], object)
    words = _stream(seed, "words")
    named = np.argsort(words.random((items, len(KINDS))), axis=1)[:, :SAID]
    fillers = np.array(FILLERS)[words.integers(0, len(FILLERS), (items, 4))]
    text = [" ".join([*filler, *(aspects[row, kind].replace(" ", "") for kind in kinds)])
            for row, (filler, kinds) in enumerate(zip(fillers, named))]  # fmt: skip
    table = pd.DataFrame({RAW: raw, "title": raw, "text": text,
                          "aspects": ["|".join(row).replace(" ", "") for row in aspects]})  # fmt: skip
    settings = {"users": users, "items": items, "mean_length": mean_length, "dim": dim, "seed": seed}
    about = {"title": "synthetic-clips: invented videos, their music, and words about it",
             "terms": "invented; free to use", "options": settings}  # fmt: skip
    dataset = assemble("synthetic-clips", _watched(raw, users, mean_length, _stream(seed, "events")), items=table,
                       order="sequence", about=about)  # fmt: skip
    return attach_tables(dataset, {"image": _features(raw, image), "audio": _features(raw, audio)})


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _mapped(x: np.ndarray, dim: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """(I, dim) float32."""
    y = np.tanh(x @ rng.standard_normal((x.shape[1], dim)) / np.sqrt(x.shape[1]))
    return (y + noise * rng.standard_normal(y.shape)).astype(np.float32)


def _features(raw: np.ndarray, x: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({ITEM: raw, **{str(place): x[:, place] for place in range(x.shape[1])}})


def _watched(raw: np.ndarray, users: int, mean_length: float, rng: np.random.Generator) -> pd.DataFrame:
    """Every clip once, and others by chance, so that every user has three or more."""
    n = max(round(users * mean_length), len(raw))
    item = np.concatenate([np.arange(len(raw)), rng.integers(0, len(raw), n - len(raw))])
    user = np.concatenate([rng.permutation(n) % users])
    order = np.argsort(user, kind="stable")
    return pd.DataFrame({USER: [f"viewer {value}" for value in user[order]], ITEM: raw[item[order]]})
