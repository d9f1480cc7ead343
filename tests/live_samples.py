"""A small sample in the exact layout of KuaiLive, with planted structure and the traps; and windows of its size."""
from pathlib import Path

import numpy as np
import pandas as pd

FIRST = 1_746_374_400_000  # 4 May 2025, 16:00 UTC, in milliseconds
DAY = 86_400_000


def write(folder: Path, *, users: int = 60, streamers: int = 30, days: int = 6, clicks: int = 15, seed: int = 0,
          word: str = "streamer", titles: str = "title_embeddings_pca128.npy") -> dict[str, pd.DataFrame]:  # fmt: skip
    """Write a release into a folder; the tables as they were written. word: author writes the earlier names.

    Every streamer has a room a day, of one to five hours. A user has two favourites and clicks one that is live three
    times of four, else a popular room. Traps: the last streamer has a room that ends before it starts and two that
    overlap; the first click is of no room, the second an hour after its room, the third there twice.
    """
    rng = np.random.default_rng(seed)
    streamer, day = np.divmod(np.arange(streamers * days), days)
    start = FIRST + day * DAY + rng.integers(0, DAY // 2, len(day))
    end = start + rng.integers(3_600_000, 5 * 3_600_000, len(day))
    live = pd.DataFrame({"live_id": rng.permutation(len(day)) + 1000, "streamer_id": streamer + 100,
                         "start_timestamp": start, "end_timestamp": end})  # fmt: skip
    last = live.iloc[-1]
    odd = pd.DataFrame({"live_id": [1, 2], "streamer_id": last["streamer_id"],
                        "start_timestamp": [last["end_timestamp"] + 10, last["start_timestamp"] + 5],
                        "end_timestamp": [last["end_timestamp"] + 9, last["end_timestamp"] + 99]})  # fmt: skip
    rooms = pd.concat([live, odd], ignore_index=True)
    rooms = rooms.assign(p_date=20250505, live_type=rooms["live_id"] % 3, live_content_category=np.where(
        rooms["streamer_id"] % 2, "shop", "game"), live_name_id=rooms["streamer_id"] - 100)  # fmt: skip
    log = _clicks(live, users, streamers, clicks, rng)
    log.loc[0, "live_id"] = 999_999
    log.loc[1, "timestamp"] = live.set_index("live_id").loc[log.loc[1, "live_id"], "end_timestamp"] + 3_600_000
    plain = pd.concat([log, log.iloc[[2]]], ignore_index=True)
    log = plain.assign(watch_live_time=rng.integers(500, 90_000, len(plain)))
    gender = np.where(np.arange(users) % 2, "M", "F")
    tables = {
        "room": rooms, "click": log, "comment": plain[5::9], "like": plain[6::9], "negative": plain[7::9],
        "gift": plain[8::9].assign(gift_price=3),
        "user": pd.DataFrame({"user_id": np.arange(users), "age": "18-23", "gender": gender}),
        "streamer": pd.DataFrame({"streamer_id": np.arange(streamers) + 100, "age": "24-30", "live_operation_tag": [
            f"kind {n % 4}" for n in range(streamers)]}),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    names = {"room": "mapped_room", "streamer": "author"} if word == "author" else {}
    for name, table in tables.items():
        table.rename(columns={"streamer_id": f"{word}_id"}).to_csv(folder / f"{names.get(name, name)}.csv", index=False)
    vectors = np.eye(128, dtype=np.float32)[np.arange(streamers) % 128]
    (np.savez if titles.endswith("npz") else np.save)(folder / titles, vectors)
    return tables


def _clicks(live: pd.DataFrame, users: int, streamers: int, clicks: int, rng: np.random.Generator) -> pd.DataFrame:
    """Clicks of users, each inside its room."""
    popular = rng.permutation(streamers)[: streamers // 3]
    favourite = rng.integers(0, streamers, (users, 2))
    user = np.repeat(np.arange(users), clicks)
    own = favourite[user, rng.integers(0, 2, len(user))]
    who = np.where(rng.random(len(user)) < 0.75, own, popular[rng.integers(0, len(popular), len(user))])
    days = len(live) // streamers
    room = live.iloc[who * days + rng.integers(0, days, len(user))].reset_index(drop=True)
    into = (rng.random(len(user)) * (room["end_timestamp"] - room["start_timestamp"])).astype(int)
    return pd.DataFrame({"user_id": user, "live_id": room["live_id"], "streamer_id": room["streamer_id"],
                         "timestamp": room["start_timestamp"] + into})  # fmt: skip
