"""Last.fm 2K (HetRec 2011): play counts of users and artists, with friendships and a music knowledge graph."""
import pandas as pd

from workbench.data.formats.delimited_text import read_table
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.data.text_cleaning import clean_text

ZIP = File(
    "hetrec2011-lastfm-2k.zip", "https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip",
    "6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c",
)
LISTENS = File("kgcn_music/user_artists.dat", None, None, ZIP)
ARTISTS = File("artists.dat", None, None, ZIP)
FRIENDS = File("user_friends.dat", None, None, ZIP)
TRUSTS = File("qrec/trusts.txt", None, "f48ed2ca424e4b54962d89c696364ea324702051c106420768e0a184909ae887")
KGCN = "https://raw.githubusercontent.com/hwwang55/KGCN/2363ca2ddc66a79860629b2e0ec6ad23c57697c8/data/music/"
KG = File("kgcn_music/kg.txt", KGCN + "kg.txt", "f62bbc8f717c9f68e66dff6faeaa71025092acc11a0f1b4878b953eb05f946a9")
ENTITIES = File(
    "kgcn_music/item_index2entity_id.txt", KGCN + "item_index2entity_id.txt",
    "f9693bdde538f755d09b9931b0be662a98965e538658a00c2050912c0adf487b",
)
ABOUT = {
    "title": "Last.fm 2K (HetRec 2011)", "homepage": "https://grouplens.org/datasets/hetrec-2011/",
    "terms": "Non-commercial use, cite. The knowledge graph was extracted by the KGCN authors; terms not stated.",
    "citation": "Cantador, Brusilovsky and Kuflik, HetRec workshop, RecSys 2011; Wang et al., KGCN, WWW 2019",
    "release": "HetRec 2011",
}  # fmt: skip


def load() -> Dataset:
    """Last.fm. The order of events is not published (order none); weight: play count of a user and an artist.

    tables: social (user, friend; both directions), relations (head, relation, tail; a knowledge graph) and entities
    (item, entity), the published numbers of the artists in it.
    """
    files = DataFiles("lastfm", "lastfm_hetrec", "hetrec2011-lastfm-2k")
    files.require(LISTENS)
    events = read_table(files.read(LISTENS), {"userID": "int", "artistID": "int", "weight": "int"})
    events = events.rename({"userID": "user", "artistID": "item"})
    items, tables, notes = None, {}, ["order: not published"]
    if files.find(ARTISTS):
        table = read_table(files.read(ARTISTS), {"id": "id", "name": "text"})
        items = pd.DataFrame({"raw_id": table["id"].to_list(), "title": clean_text(table["name"]).to_list()})
    else:
        notes.append("titles: artists.dat is not available, so artists are named by their ids")
    if files.find(FRIENDS):
        social = read_table(files.read(FRIENDS), {"userID": "int", "friendID": "int"})
        tables["social"] = social.rename({"userID": "user", "friendID": "friend"}).to_pandas()
    elif files.find(TRUSTS):
        tables["social"] = read_table(files.read(TRUSTS), {"user": "int", "friend": "int"}, header=False).to_pandas()
    if files.try_get(KG) and files.try_get(ENTITIES):
        kg_columns = {"head": "int", "relation": "id", "tail": "int"}
        tables["relations"] = read_table(files.read(KG), kg_columns, header=False).to_pandas()
        entity_columns = {"item": "int", "entity": "int"}
        tables["entities"] = read_table(files.read(ENTITIES), entity_columns, header=False).to_pandas()
    about = {**ABOUT, "files": files.checksums, "read": {"weights": len(events)}, "dropped": {}, "notes": notes}
    about["missing_files"] = files.missing_optional
    return attach_tables(assemble("lastfm", events.to_pandas(), items=items, order="none", about=about), tables)
