"""Official Amazon product data, one record per line: reviews (JSON) and metadata (2014: Python dicts; 2018: JSON)."""
import ast
import io
import json
import re
from typing import Any

import polars as pl

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content
from workbench.data.text_cleaning import clean_text

REVIEW = {"reviewerID": pl.String, "asin": pl.String, "overall": pl.Float64, "unixReviewTime": pl.Int64}
ASIN = re.compile(rb"""['"]asin['"]\s*:\s*['"]([^'"]*)['"]""")
MAX_LINE_BYTES = 1 << 20  # of one metadata line


def parse_reviews(content: Content) -> pl.DataFrame:
    """user, item (ASIN), rating, timestamp in file order. UserError names the line of an invalid record."""
    if not content.data.strip():
        raise data_error(content, None, "the file is empty", "get a fresh copy")
    try:
        table = pl.read_ndjson(io.BytesIO(content.data), schema=REVIEW)
    except pl.exceptions.PolarsError as error:
        raise _bad_review(content) or data_error(content, None, f"not JSON lines ({error})") from error
    invalid = table.select(pl.any_horizontal(pl.all().is_null()) | (pl.col("unixReviewTime") < 0)).to_series()
    if invalid.any():
        raise _bad_review(content) or data_error(content, None, "a review lacks a user, an item, a rating or a time")
    return table.rename(dict(zip(REVIEW, ("user", "item", "rating", "timestamp"), strict=True)))


def _bad_review(content: Content) -> Exception | None:
    """The error for the first line that is not a complete review."""
    for number, line in enumerate(content.data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            return data_error(content, number, f"not JSON ({error})")
        for name in REVIEW:
            value = record.get(name) if isinstance(record, dict) else None
            if not isinstance(value, str if REVIEW[name] is pl.String else (int, float)):
                return data_error(content, number, f"{name} is {'missing' if value is None else f'{value!r}'}")
        if record["unixReviewTime"] < 0:
            return data_error(content, number, f"unixReviewTime {record['unixReviewTime']} is a negative time")
    return None


def parse_metadata(content: Content, wanted: set[str]) -> pl.DataFrame:
    """raw_id (ASIN), title, text (description), brand, category (longest path) and price (dollars or null) of `wanted`.

    UserError names the line of a record that is neither JSON nor a Python dict.
    """
    asins, rows = {asin.encode() for asin in wanted}, []
    for number, line in enumerate(content.data.split(b"\n"), 1):
        match = ASIN.search(line)
        if match is None and line.strip():
            raise data_error(content, number, "a product without asin")
        if match is not None and match[1] in asins:
            rows.append(_product(_record(content, number, line)))
    return pl.DataFrame(rows, schema={"raw_id": str, "title": str, "text": str, "brand": str, "category": str,
                                      "price": float}, orient="row").with_columns(
        pl.col("title", "text", "brand", "category").map_batches(clean_text, return_dtype=pl.String)
    )


def _record(content: Content, number: int, line: bytes) -> dict:
    try:
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"{len(line):,} bytes long")
        text = line.decode()
        try:
            record = json.loads(text)
        except ValueError:
            record = ast.literal_eval(text.strip())
        if not isinstance(record, dict):
            raise ValueError("not a record of fields")
        return record
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise data_error(content, number, f"neither JSON nor a Python dict ({error})") from error


def _product(record: dict) -> tuple[Any, ...]:
    paths = record.get("categories") or record.get("category") or []
    if paths and isinstance(paths[0], str):
        paths = [paths] if isinstance(paths, list) else [[paths]]
    path = max(paths, key=len, default=[])
    description = record.get("description") or ""
    text = " ".join(map(str, description)) if isinstance(description, list) else str(description)
    price = re.search(r"\d[\d,]*\.?\d*", str(record.get("price") or ""))
    return (
        str(record["asin"]), str(record.get("title") or ""), text, str(record.get("brand") or ""),
        " > ".join(map(str, path)), float(price[0].replace(",", "")) if price else None,
    )
