"""The knowledge graph beside published dialogues: names of entities with numbers, and links between the numbers."""
import json
from typing import Any

import pandas as pd

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content


def read_json(content: Content, kind: type) -> Any:
    """A JSON document of this kind, dict or list. UserError for another one."""
    try:
        value = json.loads(content.data)
    except ValueError as error:
        raise data_error(content, None, "not a JSON document", "get a fresh copy") from error
    if not isinstance(value, kind):
        raise data_error(content, None, f"not a JSON {kind.__name__}", "get a fresh copy")
    return value


def read_links(names: Content, links: Content, relations: Content) -> pd.DataFrame:
    """head, relation, tail as names. names: entity -> number; links: number of the head -> [relation, tail] pairs;
    relations: name -> number. UserError for a number without a name."""
    entities = {number: name for name, number in read_json(names, dict).items()}
    kinds = {number: name for name, number in read_json(relations, dict).items()}
    rows = [(int(head), relation, tail) for head, pairs in read_json(links, dict).items() for relation, tail in pairs]
    table = pd.DataFrame(rows, columns=["head", "relation", "tail"])
    named = table.assign(head=table["head"].map(entities), relation=table["relation"].map(kinds),
                         tail=table["tail"].map(entities))  # fmt: skip
    if named.isna().any(axis=None):
        row = table[named.isna().any(axis=1)].iloc[0].tolist()
        raise data_error(links, None, f"link {row} has a number without a name", "get all files from one release")
    return named
