"""The LC-Rec / LETTER format: `inter.json` (user: items), `item.json` (item: text), `index.json` (item: codes)."""
import json
import re

import numpy as np
import polars as pl

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content
from workbench.data.text_cleaning import category_path, clean_text

TOKEN = re.compile(r"<[a-z]+_(\d+)>")


def parse_json(content: Content) -> dict:
    """A JSON object. UserError names the line that is not JSON."""
    try:
        value = json.loads(content.data)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise data_error(content, line, f"not JSON ({error})") from error
    if not isinstance(value, dict) or not value:
        what = "the file contains no JSON object with entries"
        raise data_error(content, None, what, "check that this is the right file")
    return value


def parse_inter(content: Content) -> pl.DataFrame:
    """user, item (int64) in file order; item ids start at 0. UserError names the user of an invalid list."""
    lists = parse_json(content)
    for user, items in lists.items():
        valid = isinstance(items, list) and set(map(type, items)) == {int} and 0 <= min(items) and max(items) < 2**31
        if not valid or not user.isdecimal():
            line = _line_of(content, user)
            raise data_error(content, line, f"the items of user {user!r} are not a list of non-negative integer ids")
    users = np.repeat(np.array(list(map(int, lists))), [len(items) for items in lists.values()])
    return pl.DataFrame({"user": users, "item": np.concatenate([*map(np.array, lists.values())])})


def parse_items(content: Content) -> pl.DataFrame:
    """lcrec_id, title, text (the description), brand, category, as far as the file has them; texts are cleaned."""
    records = parse_json(content)
    for item, record in records.items():
        if not item.isdecimal() or not isinstance(record, dict):
            what = f"item {item!r} is not an integer with a record of fields"
            raise data_error(content, _line_of(content, item), what)
    names = {"title": "title", "description": "text", "brand": "brand", "categories": "category"}
    columns = {key: column for key, column in names.items() if any(key in record for record in records.values())}
    table = {
        column: clean_text(pl.Series([str(record.get(key) or "") for record in records.values()]))
        for key, column in columns.items()
    }
    if "category" in table:
        table["category"] = category_path(table["category"])
    return pl.DataFrame({"lcrec_id": [int(item) for item in records], **table})


def parse_index(content: Content) -> pl.DataFrame:
    """lcrec_id and one int64 column per level (`code0`, `code1`, ...) of published semantic IDs such as `<a_12>`."""
    index = parse_json(content)
    rows = []
    for item, tokens in index.items():
        matches = [TOKEN.fullmatch(str(token)) for token in tokens] if isinstance(tokens, list) else []
        if not item.isdecimal() or not matches or not all(matches) or (rows and len(matches) != len(rows[0])):
            what = f"the code of item {item!r} is not a list like ['<a_1>', '<b_2>']"
            raise data_error(content, _line_of(content, item), what)
        rows.append([int(match[1]) for match in matches])
    codes = np.array(rows)
    columns = {f"code{level}": codes[:, level] for level in range(codes.shape[1])}
    return pl.DataFrame({"lcrec_id": [int(item) for item in index], **columns})


def _line_of(content: Content, key: str) -> int:
    return content.data[: max(content.data.find(json.dumps(key).encode()), 0)].count(b"\n") + 1
