"""Shards in the layout of MerRec with planted traps: written for tests and the benchmark, nothing of the real log."""
from pathlib import Path

import numpy as np
import polars as pl

COLUMNS = ("user_id", "sequence_id", "session_id", "event_id", "stime", "item_id", "product_id", "name", "price",
           "c0_id", "c0_name", "c1_id", "c1_name", "c2_id", "c2_name", "brand_id", "brand_name", "item_condition_id",
           "item_condition_name", "size_id", "size_name", "shipper_id", "shipper_name", "color",
           "sequence_length")  # fmt: skip
EVENTS = ("item_view", "item_like", "item_add_to_cart_tap", "offer_make", "buy_start", "buy_comp")
START = 1_682_899_200_000_000  # 2023-05-01, microseconds


def shard(users, sequences, times, items, products, events, sessions=None) -> pl.DataFrame:
    """A shard of (n,) arrays: times in seconds since the first of May, events as places in EVENTS, products -1: none.
    What an item is follows from its product: category number product % 7, brand product % 5, where 0 is missing."""
    users, sequences, times, items, products, events = map(
        np.asarray, (users, sequences, times, items, products, events)
    )
    known, group, brand = products >= 0, products % 7, products % 5
    name = pl.Series(products).cast(pl.String)
    table = pl.DataFrame({
        "user_id": users.astype(np.int64), "sequence_id": sequences.astype(np.int64),
        "session_id": (sequences if sessions is None else np.asarray(sessions)).astype(np.int64),
        "event_id": np.array(EVENTS, object)[events].tolist(), "stime": START + times.astype(np.int64) * 1_000_000,
        "item_id": items.astype(np.int64), "known": known, "product": name,
        "price": (products % 50 + 5).astype(np.float64),
        "group": pl.Series(group).cast(pl.String), "brand": brand.astype(np.int64),
    })  # fmt: skip
    text = pl.concat_str
    made = table.with_columns(
        stime=pl.col("stime").cast(pl.Datetime("us")),
        product_id=pl.when("known").then(text(pl.lit("p"), "product")), name=text(pl.lit("Thing "), "product"),
        c0_id=pl.lit(1), c0_name=pl.lit("Home"), c1_id=pl.lit(2), c1_name=text(pl.lit("Room "), "group"),
        c2_id=pl.lit(3), c2_name=text(pl.lit("Shelf "), "product"), brand_id=pl.col("brand"),
        brand_name=pl.when(pl.col("brand") == 0).then(pl.lit("0")).otherwise(text(pl.lit("Brand "), pl.col("brand"))),
        item_condition_id=pl.lit(3), item_condition_name=pl.lit("Good"), size_id=pl.lit(None, pl.Int64),
        size_name=pl.lit(None, pl.String), shipper_id=pl.lit(1), shipper_name=pl.lit("Seller"), color=pl.lit("blue"),
        sequence_length=pl.len().over("user_id", "sequence_id"),
    )  # fmt: skip
    return made.select(COLUMNS)


def write(folder: Path, shards: list[pl.DataFrame], month: str = "20230501") -> Path:
    """The folder, with the shards in that of their month."""
    (folder / month).mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(shards):
        each.write_parquet(folder / month / f"{number:012d}.parquet")
    return folder


def random_shard(seed: int, rows: int, *, products: int = 200_000) -> pl.DataFrame:
    """About `rows` events, 66 a user and 11 a sequence as in a published shard, each event on a listing of its own or,
    half the time, on the one before; products follow a power law."""
    rng = np.random.default_rng(seed)
    n = max(1, rows // 11)
    lengths = 1 + rng.geometric(0.1, n)
    sequence = np.repeat(np.arange(n), lengths)
    user, number = seed * 10_000_000 + sequence // 6, sequence % 6
    total = len(sequence)
    fresh = rng.random(total) < 0.5
    fresh[0] = True
    at = np.maximum.accumulate(np.where(fresh, np.arange(total), 0))
    product = (products * rng.random(total) ** 2).astype(np.int64)[at]
    listing = seed * 100_000_000 + at
    starts = rng.integers(0, 30 * 86_400, n)[sequence]
    times = starts + np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    events = np.where(fresh, 0, rng.choice(6, total, p=[0.5, 0.3, 0.08, 0.06, 0.03, 0.03]))
    return shard(user, number, times, listing, product, events)
