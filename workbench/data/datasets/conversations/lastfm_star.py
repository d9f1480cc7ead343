"""Last.fm* of conversations that ask for attributes (SCPR, UNICORN): artists with all their tags, and friendships."""
import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.data.formats.containers.pickled_links import parse_links
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import HELD_OUT, Dataset, assemble
from workbench.data.tables import attach_tables

MCMIPL = "https://raw.githubusercontent.com/ZYM6-6/MCMIPL/01b7dd672331fc58b67a9ec3ba3dfa4a02f31bd5/data/lastfm_star/"
SHA256 = {
    "UI_Interaction_data/review_dict_train.json": "cc16732100c522e553bd212ea8c692d0246e7563288c7eca12027c89db2fafed",
    "UI_Interaction_data/review_dict_valid.json": "fb114eb26dc7387eea480e34ae2a131269b2096978afa53b2195aa2f8d28fd0d",
    "UI_Interaction_data/review_dict_test.json": "bc0a4954b923886431b0fc1e09998bad70d58420c708c6f9f897dc99349d7a79",
    "Graph_generate_data/item_fea.pkl": "607eee31d6bfa283d0eeea2ed8c806f86d01dad1e1e15e0bb2136eef55798903",
    "Graph_generate_data/fea_large.pkl": "45415bb4cdfb66b9a81ff34deddb71bd67874aa491d67eeb38e8fb06ecca3281",
    "Graph_generate_data/user_friends.pkl": "f9bb0a6ca0b02740b4a5ab7b4f27cbcea937d6002108ed136c05c42958d6bfea",
}
FILES = {path.rsplit("/", 1)[1].split(".")[0]: File(path, MCMIPL + path, digest) for path, digest in SHA256.items()}
PARTS = {part: f"review_dict_{part}" for part in ("train", "valid", "test")}
ABOUT = {
    "title": "Last.fm* of conversational recommendation", "homepage": "https://github.com/farrecall/SCPR",
    "terms": "Derived from HetRec 2011 Last.fm: non-commercial use, cite. A repository without licence.",
    "citation": "Cantador, Brusilovsky and Kuflik, HetRec workshop, RecSys 2011; Lei et al., Interactive Path "
                "Reasoning on Graph for Conversational Recommendation, KDD 2020; Zhang et al., MCMIPL, WWW 2022",
    "release": "MCMIPL",
}  # fmt: skip


def load() -> Dataset:
    """Last.fm* as released: 1,801 users, the order of their events not published (order none).

    part: train, valid or test, the release's; `held_out` marks those of test. tables: attributes (item, attribute), a
    row for each of an artist's tags, which have numbers only; groups (attribute, group), the coarse groups of a tag, of
    which it may have several or none; social (user, friend; both directions). Artists whom nobody listened to are no
    items.
    """
    files = DataFiles("lastfm-star", "lastfm_star_unicorn")
    files.require(*FILES.values())
    parts = {part: pd.DataFrame(_pairs(files.read(FILES[name])), columns=["user", "item"])
             for part, name in PARTS.items()}  # fmt: skip
    events = pd.concat([table.assign(part=part) for part, table in parts.items()], ignore_index=True)
    events[HELD_OUT] = (events["part"] == "test").to_numpy()
    attributes = parse_links(files.read(FILES["item_fea"]), "item", "attribute")
    groups = parse_links(files.read(FILES["fea_large"]), "attribute", "group")
    social = parse_links(files.read(FILES["user_friends"]), "user", "friend")
    read = {f"{part} interactions": len(table) for part, table in parts.items()} | {
        "items": int(attributes["item"].nunique()), "attributes": int(attributes["attribute"].nunique()),
        "groups": int(groups["group"].nunique()), "social links": len(social),
    }  # fmt: skip
    tables = {"attributes": _named(attributes), "groups": _named(groups), "social": social}
    notes = [
        "order: not published",
        "split=published evaluates on the release's test part; it draws validation anew from the other two, of which "
        "the release names 11,891 as valid (column part)",
    ]
    about = {**ABOUT, "files": files.checksums, "read": read, "dropped": {}, "notes": notes}
    return attach_tables(assemble("lastfm-star", events, order="none", about=about), tables)


def _pairs(content: Content) -> Iterator[tuple[int, int]]:
    """User and item of a JSON object of users and their items. UserError (code 3) for anything else."""
    try:
        lists = {int(user): np.array(items, dtype=np.int64) for user, items in json.loads(content.data).items()}
        yield from ((user, int(item)) for user, items in lists.items() for item in items)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise data_error(content, None, f"not a JSON object of users and their items ({error})",
                         "get a fresh copy") from error  # fmt: skip


def _named(links: pd.DataFrame) -> pd.DataFrame:
    """Attributes by a name in place of a number."""
    return links.assign(attribute="tag " + links["attribute"].astype(str))
