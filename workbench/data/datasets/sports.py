"""Amazon Sports and Outdoors 2014, 5-core: S3-Rec's sequences with day times and attributes, no titles."""
from workbench.data.formats import amazon_official
from workbench.data.formats.amazon_sequences import read_sequences
from workbench.data.formats.atomic import parse_atomic
from workbench.data.formats.file_lookup import File, Shelf
from workbench.data.schema import Dataset, assemble
from workbench.data.text_cleaning import clean

TITLE = "Amazon Sports and Outdoors 2014, 5-core"
GITHUB = "https://raw.githubusercontent.com/"
SEQUENCE = File(
    "s3rec/Sports_and_Outdoors.txt",
    GITHUB + "RUCAIBox/CIKM2020-S3Rec/2a81540ae18615d88ef88227b0c066e5b74781e5/data/Sports_and_Outdoors.txt",
    "2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
)
MAPS = File(
    "p5/datamaps.json",
    GITHUB + "Wenyueh/LLM-RecSys-ID/2200ad9fef647ef755c01d6d7e5c5de3082606c5/data/sports/datamaps.json",
    "4a4d9785ab99a89a499f25023892a647a2280086041c9c9d7169c9dc2ee0b715",
)
TICOSEREC = GITHUB + "KingGugu/TiCoSeRec/302b2959f27bb16bb77acae5a471de82819bd1bd/data/Sports/"
TIMES = (
    File("ticoserec/Sports_item_org_rank.txt", TICOSEREC + "Sports_item_org_rank.txt",
         "f4891c83d23c7cdc2981098230d8831fdb1f45b3fc4ec24f3b199310287745e5"),
    File("ticoserec/Sports_time_org_rank.txt", TICOSEREC + "Sports_time_org_rank.txt",
         "c442ed4744f1de95b00744861bbaa503fcc98380d8b7ec08d52231450356c3a2"),
)
JOINED = File(
    "derived/Sports_and_Outdoors.item", None, "33c4a434e2f443e34660cfc2ba8f042642f26b367628a2df31db80418f84053f"
)
OTHERWISE = (
    "The official reviews_Sports_and_Outdoors_5.json.gz and meta_Sports_and_Outdoors.json.gz would do as well."
)


def load(*, release: str = "auto") -> Dataset:
    """Sports. release: s3rec (a published sequence), ucsd (official reviews, ordered by time), or auto: what is here.

    Item aliases: asin, s3rec_id. `text` holds attribute names, `keywords` words a language model chose.
    """
    shelf = Shelf("sports", "amazon_sports_2014")
    reviews, meta = amazon_official.official_files("Sports_and_Outdoors")
    if amazon_official.choose(shelf, release, {"s3rec": SEQUENCE, "ucsd": reviews}) == "ucsd":
        return amazon_official.load_official(shelf, "Sports_and_Outdoors", TITLE)
    events, items, users, notes = read_sequences(shelf, SEQUENCE, maps=MAPS, times=TIMES, otherwise=OTHERWISE)
    if shelf.find(JOINED):
        table = parse_atomic(shelf.read(JOINED))
        table = table.select(
            table["item_id"].cast(int).alias("s3rec_id"),
            clean(table["attributes"]).alias("text"),
            clean(table["llm_id"]).alias("keywords"),
        )
        items = amazon_official.join(items, table, "s3rec_id")
        notes.append("text: brand and category names, unordered; keywords: written by a language model from the title")
    items = amazon_official.fill(shelf, items, meta)
    about = amazon_official.describe(shelf, TITLE, "S3-Rec", {"interactions": len(events)}, notes)
    return assemble("sports", events, items=items, users=users, order="sequence", about=about)
