"""Amazon Office Products 2014, 5-core (APAO release): titles, descriptions, brands, categories, no times."""
from workbench.data.formats import amazon_official
from workbench.data.formats.file_lookup import File, Shelf
from workbench.data.formats.lcrec import parse_inter, parse_items
from workbench.data.schema import Dataset, assemble

TITLE = "Amazon Office Products 2014, 5-core"
APAO = "https://raw.githubusercontent.com/yuyq18/APAO/aa08fcfab4ad306a536a1fde648042972a292bbe/data/Office/"
INTER = File(
    "apao/Office.inter.json", APAO + "Office.inter.json",
    "10f983c76de3d2443ae68bf50bc6231962ab493f4d08c7e716e2f183ae70d698",
)
ITEMS = File(
    "apao/Office.item.json", APAO + "Office.item.json",
    "df013666416847d0f3468f08d9f68877faf251f71b51247050e98da5b705b5c7",
)
OTHERWISE = "The official reviews_Office_Products_5.json.gz and meta_Office_Products.json.gz would do as well."


def load(*, release: str = "auto") -> Dataset:
    """Office. release: apao (a published sequence), ucsd (official reviews, ordered by time), or auto: what is here.

    Raw ids are those of APAO's release, whose published codes use them (alias lcrec_id); ASINs are not published with
    it. `text` is the description.
    """
    shelf = Shelf("office", "amazon_office_2014")
    if (
        amazon_official.choose(
            shelf, release, {"apao": INTER, "ucsd": amazon_official.official_files("Office_Products")[0]}
        )
        == "ucsd"
    ):
        return amazon_official.load_official(shelf, "Office_Products", TITLE)
    shelf.get(INTER, ITEMS, otherwise=OTHERWISE)
    events = parse_inter(shelf.read(INTER))
    items = parse_items(shelf.read(ITEMS)).to_pandas()
    items = items.assign(raw_id=items["lcrec_id"])
    notes = ["order: the rows of the published sequences", "times: none are published with them"]
    read = {"interactions": len(events), "items with text": len(items)}
    about = amazon_official.describe(shelf, TITLE, "APAO (LC-Rec layout)", read, notes)
    return assemble("office", events.to_pandas(), items=items, order="sequence", about=about)
