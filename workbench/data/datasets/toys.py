"""Amazon Toys and Games 2014, 5-core: P5's (= S3-Rec's) sequences with titles and categories, no times."""
import pandas as pd

from workbench.data.formats import amazon_official
from workbench.data.formats.amazon_sequences import read_sequences
from workbench.data.formats.atomic import parse_atomic
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.lcrec import parse_json
from workbench.data.schema import Dataset, assemble
from workbench.data.text_cleaning import blank_placeholder_titles, category_path, clean_text

TITLE = "Amazon Toys and Games 2014, 5-core"
GITHUB = "https://raw.githubusercontent.com/"
P5 = GITHUB + "WangXFng/RDRec/4055c3028d3afbd57a0fffd54076825836b7cad7/data/toys/"
SEQUENCE = File(
    "p5/sequential.txt", P5 + "sequential.txt", "fa1cff57550387966440a93219753b97df62269455b3497612cdca3e8db0ceee"
)
MAPS = File(
    "p5/datamaps.json", P5 + "datamaps.json", "a67fd09b5bbca12aea613015d9d1ed99610bb35015d3bbe8cd9e7a3eeda2c90c"
)
S3REC = File(
    "s3rec/Toys_and_Games.txt",
    GITHUB + "RUCAIBox/CIKM2020-S3Rec/2a81540ae18615d88ef88227b0c066e5b74781e5/data/Toys_and_Games.txt",
    "176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f",
)
JOINED = File("derived/Toys.item", None, "cd29f03120936e3f8d625ac868048fc147f881a8846fc0bd33cb1df6c72f3186")
S3REC_IDS = File(
    "derived/s3rec_to_p5_ids.json", None, "bc5f35db5bd94bab6b911d45b923a271e740a72e3d9a24c0e89e286c19572d57"
)
ALTERNATIVE = "The official reviews_Toys_and_Games_5.json.gz and meta_Toys_and_Games.json.gz are an alternative."


def load(*, release: str = "auto") -> Dataset:
    """Toys. release: p5 or s3rec (the same sequences), ucsd (official reviews, by time), or auto (the first available).

    Item aliases: asin, p5_id, and s3rec_id where the map between the two is available. P5 publishes an id map, so its
    raw ids are ASINs; S3-Rec's file alone has only integer ids.
    """
    files = DataFiles("toys", "amazon_toys_2014")
    reviews, meta = amazon_official.official_files("Toys_and_Games")
    chosen = amazon_official.choose_release(files, release, {"p5": SEQUENCE, "s3rec": S3REC, "ucsd": reviews})
    if chosen == "ucsd":
        return amazon_official.load_official(files, "Toys_and_Games", TITLE)
    if chosen == "s3rec":
        events, items, users, notes = read_sequences(files, S3REC, maps=None, alternative=ALTERNATIVE)
    else:
        events, items, users, notes = read_sequences(files, SEQUENCE, maps=MAPS, alias="p5_id", alternative=ALTERNATIVE)
        items, users = _aliases(files, items, users)
    items = amazon_official.fill_from_metadata(files, items, meta)
    notes.append("timestamps: not published with these sequences")
    about = amazon_official.dataset_metadata(files, TITLE, chosen, {"interactions": len(events)}, notes)
    return assemble("toys", events, items=items, users=users, order="sequence", about=about)


def _aliases(files: DataFiles, items: pd.DataFrame, users: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """S3-Rec ids, titles and categories, as far as their files are available."""
    if files.find(S3REC_IDS):
        ids = parse_json(files.read(S3REC_IDS))
        number = {kind: {p5: int(s3rec) for s3rec, p5 in ids[kind].items()} for kind in ("item", "user")}
        items = items.assign(s3rec_id=items["p5_id"].map(number["item"]))
        users = users.assign(s3rec_id=users["p5_id"].map(number["user"]))
    if files.find(JOINED):
        table = parse_atomic(files.read(JOINED))
        table = table.select(
            table["item_id"].cast(int).alias("p5_id"),
            blank_placeholder_titles(clean_text(table["title"])).alias("title"),
            category_path(clean_text(table["categories"])).alias("category"),
        )
        items = amazon_official.join_on_alias(items, table, "p5_id")
    return items, users
