"""A small sample in the exact layout of TencentGR, with planted structure and the traps of the log."""
import pickle
from pathlib import Path

import numpy as np
import polars as pl

OF_ITEMS = ["100", "101", "102", "112", *(str(n) for n in range(114, 123))]
GROUPS = 5  # of ads; a user clicks those of one group, which feature 101 and the vectors tell


def write(folder: Path, *, users: int = 60, ads: int = 40, length: int = 20, seed: int = 0) -> dict:
    """Write a release into a folder; what was planted: group (ads + 1,) by number, taste (users,), seq as rows.

    The last ad is in no list, ad 1 has no vector and ad 2 a broken one; a candidate is unknown to the indexer; the
    first user has one click, the second an event without action type; all events of a request share a timestamp.
    """
    rng = np.random.default_rng(seed)
    group, taste = np.arange(ads + 1) % GROUPS, rng.integers(0, GROUPS, users)
    shown = rng.integers(1, ads, (users, length))
    action = np.where(group[shown] == taste[:, None], rng.integers(1, 3, shown.shape), 0)
    action[0] = [1] + [0] * (length - 1)
    rows = [
        [{"item_id": int(i), "action_type": int(a), "timestamp": 1_717_000_000 + 100 * (place // 3)}
         for place, (i, a) in enumerate(zip(*pair))] for pair in zip(shown, action)
    ]  # fmt: skip
    rows[1][2]["action_type"] = None
    event = pl.Struct({"item_id": pl.Int64, "action_type": pl.Int32, "timestamp": pl.Int64})
    seq = pl.DataFrame({"user_id": np.arange(1, users + 1), "seq": rows},
                       schema={"user_id": pl.Int64, "seq": pl.List(event)})  # fmt: skip
    shards(seq, folder / "seq", 2)
    numbers = np.arange(1, ads + 1)
    features = {name: [None if n % 7 == 0 and name == "115" else int(group[n]) + 1 if name == "101" else int(n) % 3 + 1
                       for n in numbers] for name in OF_ITEMS}  # fmt: skip
    shards(pl.DataFrame({"item_id": numbers, **features}), folder / "item_feat", 2)
    people = {"user_id": np.arange(1, users + 1), **{name: taste + 1 for name in ("103", "104", "105", "109")},
              **{name: [[int(t) + 1, 9] for t in taste] for name in ("106", "107", "108", "110")}}  # fmt: skip
    shards(pl.DataFrame(people), folder / "user_feat", 1)
    published = {20_000_000_000 + int(n): int(n) for n in numbers}
    wanted = [*published, 20_000_009_999]
    value = {name: [{"cold_start": 0, "feature_value": "1"}] * len(wanted) for name in OF_ITEMS}
    shards(pl.DataFrame({"item_id": wanted, "retrieval_id": range(len(wanted)), **value}), folder / "candidate", 1)
    emb = [np.eye(32)[group[n]].tolist() if n > 2 else [1.0] for n in numbers[1:]]
    cids = [str(each) for each in list(published)[1:]]
    shards(pl.DataFrame({"anonymous_cid": cids, "emb": emb}), folder / "mm_emb/emb_81_32_parquet", 2)
    maps = {"i": published, "u": {f"user_{n}": n for n in range(1, users + 1)}, "f": {name: {} for name in OF_ITEMS}}
    (folder / "indexer.pkl").write_bytes(pickle.dumps(maps))
    return {"group": group, "taste": taste, "shown": shown, "action": action}


def shards(table: pl.DataFrame, folder: Path, n: int) -> None:
    """Write a table as n parquet files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n):
        part = table[number * len(table) // n : (number + 1) * len(table) // n]
        part.write_parquet(folder / f"train-{number:05d}-of-{n:05d}.parquet")
