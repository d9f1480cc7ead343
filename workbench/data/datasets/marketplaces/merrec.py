"""MerRec, Mercari US, May to October 2023: views, likes, carts, offers and purchases of second-hand listings.

Read lazily from the parquet shards of one or more months, never as a whole. The layout is that of the dataset's page
and of the code of the paper (mercari/mercari-ml-merrec-pub-us, MIT): a sequence is a pair of user_id and sequence_id,
its events are ordered by stime, session_id is inside it, sequence_length is published.
"""
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from workbench.data.formats.file_lookup import DataFiles
from workbench.data.formats.shards.parquet_shards import check_columns, find_shards, footer_digests
from workbench.data.lint.finding import NOTE, OK, WARNING, Finding
from workbench.data.schema import ITEM, MICROSECOND, RAW, TIME, USER, Dataset, assemble
from workbench.errors import UserError, unknown_name

HOME = "https://huggingface.co/datasets/mercari-us/merrec"
KEYS = {"product": "product_id", "listing": "item_id"}
EVENTS = ("item_view", "item_like", "item_add_to_cart_tap", "offer_make", "buy_start", "buy_comp")
CODES = {name: number for number, name in enumerate(EVENTS)}
WANTED = {
    "user_id": "the user", "sequence_id": "number of a user's sequence", "session_id": "of the event",
    "event_id": "kind of event, a text", "stime": "when", "item_id": "the listing", "product_id": "the product",
    "price": "asked in the listing",
}  # fmt: skip
LEVELS = ("c0_name", "c1_name", "c2_name")
OTHERS = {"name": "title", "brand_name": "brand", "item_condition_name": "condition", "size_name": "size",
          "color": "color"}  # fmt: skip
ABOUT = {
    "title": "MerRec, Mercari US 2023", "homepage": HOME, "terms": "CC BY-NC 4.0: attribution, non-commercial.",
    "citation": "Li et al., MerRec: A Large-scale Multipurpose Mercari Dataset for Consumer-to-Consumer Recommendation "
                "Systems, KDD 2025, arXiv:2402.14230", "release": "Hugging Face, mercari-us/merrec",
}  # fmt: skip


def load(
    *, folder: str = "", months: str = "", key: str = "product", events: str = "", sequences: bool = True,
    least: int = 1, attributes: bool = True
) -> Dataset:  # fmt: skip
    """MerRec. event: one of EVENTS, price: of the listing, which is not what was paid, session: a number.

    folder: of the shards, or of folders of months; "" for merrec in WORKBENCH_DATA. months: such as
    20230501,20230601; "" for all. key: what an item is, product (product_id) or listing (item_id); a listing is a
    single thing, so hardly two users share one. events: kinds that are kept, separated by commas; "" for all.
    sequences: a user is a sequence, user_id and sequence_id, as in the paper's tasks; else user_id alone. least:
    events that a user must have; the paper's session-based tasks take 10. attributes: titles, category (c0 > c1 > c2),
    brand, condition, size, color, of an item's first event. UserError for a missing or differing column, an event that
    is not published, and a time that cannot be read.
    """
    if key not in KEYS:
        raise unknown_name("key of merrec", key, KEYS)
    kept = tuple(name.strip() for name in events.split(",") if name.strip())
    for name in kept:
        if name not in EVENTS:
            raise unknown_name("event of merrec", name, EVENTS)
    files = DataFiles("merrec")
    chosen = tuple(month.strip() for month in months.split(",") if month.strip())
    shards = find_shards(files, folder, chosen, f"They are at {HOME}, monthly folders 20230501 to 20231001 of about "
                         "300 shards, 166 GB, CC BY-NC 4.0; one shard is a month of its users and is enough.")  # fmt: skip
    schema = check_columns(shards, WANTED, source=f"The published columns are those of {HOME}")
    log, read = _events(shards, schema, KEYS[key], kept, sequences, least)
    table = _frame(log, sequences)
    items = _attributes(shards, schema, log, KEYS[key]) if attributes else None
    notes = ["order: by time; ties in the order of the shards", "price: asked in the listing, not what was paid",
             f"item: {KEYS[key]}; user: {'user_id and sequence_id' if sequences else 'user_id'}",
             "files: digests of size and footer of each shard"]  # fmt: skip
    findings = [*_order_findings(shards), *_key_findings(table, key), *_purchase_findings(shards, kept)]
    about = {**ABOUT, "files": footer_digests(shards), **read, "notes": notes,
             "findings": [list(finding) for finding in findings]}  # fmt: skip
    return assemble("merrec", table, items=items, about=about)


def _events(
    shards: list[Path], schema: pl.Schema, item: str, kept: tuple[str, ...], sequences: bool, least: int
) -> tuple[pl.DataFrame, dict]:
    """The events sorted by user and time, with the columns person, sequence, item, micro (of the time), event, price
    and session; counts of what was read and dropped."""
    scan = pl.scan_parquet(shards)
    unknown = scan.select(pl.col("event_id").cast(pl.String).unique()).collect(engine="streaming")["event_id"]
    if other := sorted(set(unknown.drop_nulls()) - set(EVENTS)):
        raise unknown_name("event_id of merrec", other[0], EVENTS)
    rows = scan.select(
        person="user_id", sequence="sequence_id", item=item, micro=_microseconds(schema["stime"]),
        event=pl.col("event_id").cast(pl.String).replace_strict(CODES, return_dtype=pl.Int8), price=pl.col("price").cast(pl.Float32),
        session="session_id",
    )  # fmt: skip
    rows = rows.filter(pl.col("event").is_in([CODES[name] for name in kept])) if kept else rows
    log = rows.collect(engine="streaming")
    n_read = len(log)
    log = log.drop_nulls(["person", "sequence", "item", "micro"])
    nulls = n_read - len(log)
    by = ["person", "sequence"] if sequences else ["person"]
    log = log.sort([*by, "micro"], maintain_order=True)
    session = pl.struct("person", "sequence", "session").rle_id().alias("session")
    log = log.with_columns(session, user=(pl.struct(by) if sequences else pl.col("person")).rle_id())
    n_known = len(log)
    if least > 1:
        log = log.filter(pl.len().over("user") >= least)
    dropped = {"events without user, item or time": nulls, f"events of users with fewer than {least}": n_known - len(log)}
    if not len(log):
        raise UserError(f"merrec: no events are left of {n_read:,} read: {dropped}", code=3)
    return log, {"read": {"events": n_read, "shards": len(shards)}, "dropped": dropped}


def _microseconds(kind: pl.DataType) -> pl.Expr:
    """stime as microseconds since 1970. A whole number is seconds, or milliseconds where it is above 10^11; a text is a
    date with time."""
    time = pl.col("stime")
    if kind.is_temporal():
        return time.dt.epoch("us")
    if kind.is_numeric():
        return (time * pl.when(time > 100_000_000_000).then(1_000).otherwise(1_000_000)).cast(pl.Int64)
    return time.str.to_datetime(time_unit="us", time_zone="UTC", strict=True).dt.epoch("us")


def _frame(log: pl.DataFrame, sequences: bool) -> pd.DataFrame:
    """The events as `assemble` reads them, users and items as categories."""
    first = log.unique("user", keep="first", maintain_order=True)
    name = pl.col("person").cast(pl.String)
    name = name + "_" + pl.col("sequence").cast(pl.String) if sequences else name
    people = first.select(name=name)["name"].to_numpy()
    place = first["user"].to_numpy()
    codes = np.zeros(int(place.max()) + 1, np.int32)
    codes[place] = np.arange(len(place))
    seconds, micro = np.divmod(log["micro"].to_numpy(), 1_000_000)
    columns = {
        USER: pd.Categorical.from_codes(codes[log["user"].to_numpy()], people), ITEM: _categories(log["item"]),
        TIME: seconds, "event": pd.Categorical.from_codes(log["event"].to_numpy(), EVENTS),
        "price": log["price"].to_numpy(), "session": log["session"].to_numpy().astype(np.int32),
    }  # fmt: skip
    if micro.any():
        columns[MICROSECOND] = micro.astype(np.int32)
    return pd.DataFrame(columns, copy=False)


def _categories(values: pl.Series) -> pd.Categorical:
    """Raw ids as numbers of the distinct ones, in the order of their first place."""
    distinct = values.unique(maintain_order=True)
    numbers = pl.DataFrame({"item": distinct, "code": np.arange(len(distinct), dtype=np.int32)})
    codes = pl.DataFrame({"item": values}).join(numbers, on="item", how="left", maintain_order="left")["code"]
    return pd.Categorical.from_codes(codes.to_numpy(), distinct.cast(pl.String).to_numpy())


def _attributes(shards: list[Path], schema: pl.Schema, log: pl.DataFrame, item: str) -> pd.DataFrame:
    """Raw id, price and texts of the items in the log, of the first row that has each."""
    levels = [pl.col(name).cast(pl.String) for name in LEVELS if name in schema]
    texts = {new: _known(name) for name, new in OTHERS.items() if name in schema}
    path = pl.concat_str(levels, separator=" > ", ignore_nulls=True).alias("category") if levels else None
    first = pl.scan_parquet(shards).filter(pl.col(item).is_not_null()).group_by(pl.col(item).cast(pl.String).alias(RAW))
    table = first.agg(*(each.first().alias(name) for name, each in texts.items()),
                      *([path.first()] if levels else [])).collect(engine="streaming")  # fmt: skip
    used = log.select(pl.col("item").unique().cast(pl.String).alias(RAW))
    return table.join(used, on=RAW, how="semi").fill_null("").to_pandas()


def _known(name: str) -> pl.Expr:
    """A text; "" where it is missing, which is also written as 0."""
    text = pl.col(name).cast(pl.String)
    return pl.when(text == "0").then(pl.lit("")).otherwise(text)


def _order_findings(shards: list[Path]) -> list[Finding]:
    """Whether stime grows in the order of the rows of a sequence, and how often it stands still."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in ("user_id", "sequence_id"))
    counts = pl.scan_parquet(shards).select(
        pairs=same.sum(), back=(same & (pl.col("stime") < pl.col("stime").shift())).sum(),
        tied=(same & (pl.col("stime") == pl.col("stime").shift())).sum(),
    ).collect(engine="streaming").row(0, named=True)  # fmt: skip
    pairs = max(1, counts["pairs"])
    back, tied = counts["back"] / pairs, counts["tied"] / pairs
    return [
        Finding("merrec: rows before an earlier time", back, 0.0, WARNING if back else OK,
                f"{back:.2%} of the rows of a sequence are earlier than the row before; events are sorted by stime."),
        Finding("merrec: rows at the same time", tied, 0.0, NOTE if tied else OK,
                f"{tied:.2%} of the rows of a sequence have the time of the row before."),
    ]  # fmt: skip


def _key_findings(table: pd.DataFrame, key: str) -> list[Finding]:
    """What the key of items leaves to collaborative filtering."""
    users, items = (table[side].cat.codes.to_numpy().astype(np.int64) for side in (USER, ITEM))
    width = int(items.max()) + 1
    code = users * width
    code += items
    code.sort()
    distinct = np.bincount(code[np.append(True, code[1:] != code[:-1])] % width, minlength=width)
    alone = float((distinct[distinct > 0] == 1).mean())
    remedy = "; key=product puts listings of one product together" if key == "listing" else ""
    return [Finding(
        f"merrec: items of one user, key={key}", alone, np.nan, WARNING if alone > 0.5 else NOTE,
        f"{alone:.1%} of the items have events of one user alone: nothing about them is learned from other users, only "
        f"from their text and category{remedy}.",
    )]  # fmt: skip


def _purchase_findings(shards: list[Path], kept: tuple[str, ...]) -> list[Finding]:
    """How many purchases follow a view of the same listing by the same user, in the shards at hand."""
    pair = ["user_id", "item_id"]
    scan = pl.scan_parquet(shards).select(*pair, "stime", event=pl.col("event_id").cast(pl.String))
    bought = scan.filter(pl.col("event") == "buy_comp").collect(engine="streaming")
    if not len(bought):
        return [Finding("merrec: purchases", 0.0, np.nan, NOTE, "There is no completed purchase in these shards.")]
    seen = scan.filter(pl.col("event") == "item_view").join(bought.lazy().select(pair).unique(), on=pair, how="semi")
    seen = seen.group_by(pair).agg(pl.col("stime").min().alias("seen")).collect(engine="streaming")
    before = bought.join(seen, on=pair, how="left")
    share = float((before["seen"] <= before["stime"]).fill_null(False).mean())
    return [Finding("merrec: purchases after a view", share, np.nan, NOTE,
                    f"{share:.1%} of {len(bought):,} completed purchases follow a view of the listing by the same user.")]  # fmt: skip
