"""Amazon Office Products 2014, 5-core (APAO release): titles, descriptions, brands, categories, no times."""
from workbench.data.formats import amazon_official
from workbench.data.formats.file_lookup import DataFiles, File
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
ALTERNATIVE = "The official reviews_Office_Products_5.json.gz and meta_Office_Products.json.gz are an alternative."


def load(*, release: str = "auto") -> Dataset:
    """Office. release: apao (a published sequence), ucsd (official reviews, by time), or auto (the first available).

    Raw ids are those of APAO's release, which its published codes also use (alias lcrec_id); it has no ASINs. `text` is
    the description.
    """
    files = DataFiles("office", "amazon_office_2014")
    if (
        amazon_official.choose_release(
            files, release, {"apao": INTER, "ucsd": amazon_official.official_files("Office_Products")[0]}
        )
        == "ucsd"
    ):
        return amazon_official.load_official(files, "Office_Products", TITLE)
    files.require(INTER, ITEMS, alternative=ALTERNATIVE)
    events = parse_inter(files.read(INTER))
    items = parse_items(files.read(ITEMS)).to_pandas()
    items = items.assign(raw_id=items["lcrec_id"])
    notes = ["order: row order of the published sequences", "timestamps: not published with them"]
    counts = {"interactions": len(events), "items with text": len(items)}
    about = amazon_official.dataset_metadata(files, TITLE, "APAO (LC-Rec layout)", counts, notes)
    return assemble("office", events.to_pandas(), items=items, order="sequence", about=about)
