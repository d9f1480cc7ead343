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
    "title": "MerRec, Mercari US 2023", "homepage": "https://huggingface.co/datasets/mercari-us/merrec",
    "terms": "CC BY-NC 4.0: attribution, non-commercial.",
    "citation": "Li et al., MerRec: A Large-scale Multipurpose Mercari Dataset for Consumer-to-Consumer Recommendation "
                "Systems, KDD 2025, arXiv:2402.14230", "release": "Hugging Face, mercari-us/merrec",
}  # fmt: skip
HOME = ABOUT["homepage"]
BROUGHT = {
    "works": "Shards of any months are read lazily, products or listings as items. Five of the six tasks are in "
             "data.sessions.merrec_tasks: session-based, click-through, multi-task, acceleration, retrieval.",
    "sample": "tests/merrec_sample.py", "systems": (),
    "stand_ins": {"retailrocket": "views, carts and purchases, without texts"},
    "lacks": "The log, 166 GB; one shard is a month of its users. The sixth task, which is not in the release.",
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
                         "300 shards, 166 GB, CC BY-NC 4.0; one shard is a month of its users.")  # fmt: skip
    schema = check_columns(shards, WANTED, source=f"The published columns are those of {HOME}")
    scan = pl.scan_parquet(shards)
    _check_events(scan)
    findings = [*_order_findings(scan), *_purchase_findings(scan)]
    table, read = _events(scan, schema, KEYS[key], kept, sequences, least)
    findings += _key_findings(table, key, "user and sequence" if sequences else "user")
    items = _attributes(shards, schema, table[ITEM].cat.categories, KEYS[key]) if attributes else None
    notes = ["order: by time; ties in the order of the shards", "price: asked in the listing, not what was paid",
             f"item: {KEYS[key]}; user: {'user_id and sequence_id' if sequences else 'user_id'}",
             "files: digests of size and footer of each shard"]  # fmt: skip
    about = {**ABOUT, "files": footer_digests(shards), **read, "notes": notes,
             "findings": [list(finding) for finding in findings]}  # fmt: skip
    return assemble("merrec", table, items=items, about=about)


def _check_events(scan: pl.LazyFrame) -> None:
    found = scan.select(pl.col("event_id").cast(pl.String).unique()).collect(engine="streaming")["event_id"]
    if other := sorted(set(found.drop_nulls()) - set(EVENTS)):
        raise unknown_name("event_id of merrec", other[0], EVENTS)


def _events(
    scan: pl.LazyFrame, schema: pl.Schema, item: str, kept: tuple[str, ...], sequences: bool, least: int
) -> tuple[pd.DataFrame, dict]:
    """The events as `assemble` reads them, in the order of the shards, and counts of what was read and dropped.

    Ids become numbers while the shards are read: texts of ten million events are never in memory together.
    """
    by = ["user_id", "sequence_id"] if sequences else ["user_id"]
    people, things = (_numbered(scan, names, code) for names, code in ((by, USER), ([item], ITEM)))
    known = scan.with_columns(event=pl.col("event_id").cast(pl.String).replace_strict(CODES, return_dtype=pl.Int8))
    known = known.filter(pl.col("event").is_in([CODES[name] for name in kept])) if kept else known
    time = _microseconds(schema["stime"])
    session = ["user_id", "sequence_id", "session_id"]
    rows = known.select(
        *dict.fromkeys([*session, item]), "event", pl.col("price").cast(pl.Float32), second=time // 1_000_000,
        rest=(time % 1_000_000).cast(pl.Int32),
    )  # fmt: skip
    for table, names in ((people, by), (things, [item]), (_numbered(scan, session, "session"), session)):
        rows = rows.join(table.lazy(), on=names, how="left", maintain_order="left")
    log = rows.select(USER, ITEM, "second", "rest", "event", "price", "session").collect(engine="streaming")
    n_read = len(log)
    log = log.drop_nulls([USER, ITEM, "second", "event"])
    missing = n_read - len(log)
    if least > 1 and len(log):
        log = log.filter(pl.Series(np.bincount(log[USER])[log[USER]] >= least))
    few = n_read - missing - len(log)
    dropped = {"events without user, item, time or kind": missing, f"events of users with fewer than {least}": few}
    if not len(log):
        raise UserError(f"merrec: no events are left of {n_read:,} read: {dropped}", code=3)
    return _frame(log, _names(people, by), _names(things, [item])), {"read": {"events": n_read}, "dropped": dropped}


def _numbered(scan: pl.LazyFrame, names: list[str], code: str) -> pl.DataFrame:
    """The distinct values of columns, none of them missing, ascending, and the column `code`, int32, 0 and up."""
    distinct = scan.select(names).drop_nulls().unique().collect(engine="streaming").sort(names)
    return distinct.with_columns(pl.Series(code, np.arange(len(distinct), dtype=np.int32)))


def _names(table: pl.DataFrame, names: list[str]) -> np.ndarray:
    """Raw ids: the values of the columns, joined by _."""
    return table.select(pl.concat_str(names, separator="_").alias("name"))["name"].to_numpy()


def _microseconds(kind: pl.DataType) -> pl.Expr:
    """stime as microseconds since 1970. A whole number is seconds, or milliseconds where it is above 10^11; a text is a
    date with time."""
    time = pl.col("stime")
    if kind.is_temporal():
        return time.dt.epoch("us")
    if kind.is_numeric():
        scale = pl.when(time > 100_000_000_000).then(1_000).otherwise(1_000_000)
        return ((time.cast(pl.Int64) if kind.is_integer() else time) * scale).cast(pl.Int64)
    return time.str.to_datetime(time_unit="us", time_zone="UTC", strict=True).dt.epoch("us")


def _frame(log: pl.DataFrame, people: np.ndarray, things: np.ndarray) -> pd.DataFrame:
    columns = {
        USER: pd.Categorical.from_codes(log[USER].to_numpy(), people), ITEM: pd.Categorical.from_codes(
            log[ITEM].to_numpy(), things), TIME: log["second"].to_numpy(), "price": log["price"].to_numpy(),
        "event": pd.Categorical.from_codes(log["event"].to_numpy(), EVENTS), "session": log["session"].to_numpy(),
    }  # fmt: skip
    if (rest := log["rest"].to_numpy()).any():
        columns[MICROSECOND] = rest
    return pd.DataFrame(columns, copy=False)


def _attributes(shards: list[Path], schema: pl.Schema, used: pd.Index, item: str) -> pd.DataFrame:
    """Raw id and texts of the items `used`, of the first row that has each. A shard is read at a time, and of it the
    items alone that no shard before had."""
    texts = {new: _known(name) for name, new in OTHERS.items() if name in schema}
    levels = [pl.col(name).cast(pl.String) for name in LEVELS if name in schema]
    if levels:
        texts["category"] = pl.concat_str(levels, separator=" > ", ignore_nulls=True)
    raw = pl.col(item).cast(pl.String).alias(RAW)
    wanted, parts = pl.DataFrame({RAW: used.to_numpy()}), []
    for shard in shards:
        new = pl.scan_parquet(shard).select(raw, **texts).join(wanted.lazy(), on=RAW, how="semi")
        parts.append(new.unique(RAW, keep="first", maintain_order=True).collect())
        wanted = wanted.join(parts[-1], on=RAW, how="anti")
    return pl.concat(parts).fill_null("").to_pandas()


def _known(name: str) -> pl.Expr:
    """A text; "" where it is missing, which is also written as 0."""
    text = pl.col(name).cast(pl.String)
    return pl.when(text == "0").then(pl.lit("")).otherwise(text)


def _order_findings(scan: pl.LazyFrame) -> list[Finding]:
    """Whether stime grows in the order of the rows of a sequence, and how often it stands still."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in ("user_id", "sequence_id"))
    counts = scan.select(
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


def _key_findings(table: pd.DataFrame, key: str, who: str) -> list[Finding]:
    """What the key of items leaves to collaborative filtering. who: what a user is here."""
    items = table[ITEM].cat.codes.to_numpy()
    width = int(items.max()) + 1
    code = table[USER].cat.codes.to_numpy().astype(np.int64)
    code *= width  # in place: ten million pairs
    code += items
    code.sort()
    distinct = np.bincount(code[np.append(True, code[1:] != code[:-1])] % width, minlength=width)
    alone = float((distinct[distinct > 0] == 1).mean())
    remedy = "; key=product puts listings of one product together" if key == "listing" else ""
    return [Finding(
        f"merrec: items of one user, key={key}", alone, np.nan, WARNING if alone > 0.5 else NOTE,
        f"{alone:.1%} of the items have events of one {who} alone: nothing about them is learned from others, only "
        f"from their text and category{remedy}.",
    )]  # fmt: skip


def _purchase_findings(scan: pl.LazyFrame) -> list[Finding]:
    """How many purchases follow a view of the same listing by the same user, in the shards at hand."""
    pair = ["user_id", "item_id"]
    scan = scan.select(*pair, "stime", event=pl.col("event_id").cast(pl.String))
    bought = scan.filter(pl.col("event") == "buy_comp").collect(engine="streaming")
    if not len(bought):
        return [Finding("merrec: purchases", 0.0, np.nan, NOTE, "There is no completed purchase in these shards.")]
    seen = scan.filter(pl.col("event") == "item_view").join(bought.lazy().select(pair).unique(), on=pair, how="semi")
    seen = seen.group_by(pair).agg(pl.col("stime").min().alias("seen")).collect(engine="streaming")
    before = bought.join(seen, on=pair, how="left")
    share = float((before["seen"] <= before["stime"]).fill_null(False).mean())
    note = f"{share:.1%} of {len(bought):,} purchases follow a view of the listing by their user."
    return [Finding("merrec: purchases after a view", share, np.nan, NOTE, note)]
