"""Amazon Grocery and Gourmet Food 2014, 5-core: APAO's sequences, ReChorus relations, no text."""
import pandas as pd
import polars as pl

from workbench.data.formats import amazon_official
from workbench.data.formats.delimited_text import data_error, read_table
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.lcrec import parse_inter, parse_json
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables

TITLE = "Amazon Grocery and Gourmet Food 2014, 5-core"
GITHUB = "https://raw.githubusercontent.com/"
INTER = File(
    "apao/Grocery.inter.json",
    GITHUB + "yuyq18/APAO/aa08fcfab4ad306a536a1fde648042972a292bbe/data/Grocery/Grocery.inter.json",
    "62c210e03bf86775a847faf8c9850c5cda7eeafa6cd5854900e5b78407b538b9",
)
META = File(
    "rechorus/item_meta.csv",
    GITHUB + "Alice1998/RecSAE/83ad5c046165576eb86d44677aadaf0a8af49c17/data/Grocery_and_Gourmet_Food/item_meta.csv",
    "35a7d55fb7024b3cf7937cbc424762bc1cb5ef1f41d49f5955011effcebf144c",
)
IDS = File(
    "derived/apao_item_to_rechorus_item.json", None,
    "56518de946193a892452f2ffcc4c57125703e2235a58d470adb2149d0456127c",
)
ALTERNATIVE = (
    "The official reviews_Grocery_and_Gourmet_Food_5.json.gz and meta_Grocery_and_Gourmet_Food.json.gz also work."
)


def load(*, release: str = "auto") -> Dataset:
    """Grocery. release: apao (a published sequence), ucsd (official reviews, by time), or auto (first available).

    Only APAO's release is complete: ReChorus is published without each user's last two events. Raw ids are APAO's
    (alias lcrec_id); rechorus_id links categories and the table `relations` (head, relation, tail), complement and
    substitute between items, where the id map is available.
    """
    files = DataFiles("grocery", "amazon_grocery_2014")
    reviews, _ = amazon_official.official_files("Grocery_and_Gourmet_Food")
    if amazon_official.choose_release(files, release, {"apao": INTER, "ucsd": reviews}) == "ucsd":
        return amazon_official.load_official(files, "Grocery_and_Gourmet_Food", TITLE)
    files.require(INTER, alternative=ALTERNATIVE)
    events = parse_inter(files.read(INTER))
    numbers = events["item"].unique().sort().to_numpy()
    items = pd.DataFrame({"raw_id": numbers, "lcrec_id": numbers})
    tables, notes = {}, ["order: row order of the published sequences", "timestamps: not published with them"]
    if files.find(IDS) and files.try_get(META):
        items, tables["relations"] = _rechorus(files, items)
        notes.append("category: ReChorus number, names are not published; items unknown to it have none")
    about = amazon_official.dataset_metadata(files, TITLE, "APAO (LC-Rec layout)", {"interactions": len(events)}, notes)
    return attach_tables(assemble("grocery", events.to_pandas(), items=items, order="sequence", about=about), tables)


def _rechorus(files: DataFiles, items: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The items with rechorus_id and category, and the relations between them in their raw ids."""
    ids = {int(ours): int(theirs) for ours, theirs in parse_json(files.read(IDS)).items()}
    content = files.read(META)
    columns = {"item_id": "int", "i_category": "int", "r_complement": "text", "r_substitute": "text"}
    meta = read_table(content, columns)
    back = {theirs: ours for ours, theirs in ids.items()}
    category = dict(zip(meta["item_id"], "category " + meta["i_category"].cast(str), strict=True))
    items = items.assign(rechorus_id=items["raw_id"].map(ids).astype("Int64"))
    items = items.assign(category=items["rechorus_id"].map(category).fillna(""))
    kinds = [
        meta.select(
            pl.col("item_id").alias("head"),
            pl.col(f"r_{kind}").str.strip_chars("[]").str.split(",").alias("tail"),
            pl.lit(kind).alias("relation"),
        ).explode("tail")
        for kind in ("complement", "substitute")
    ]
    links = pl.concat(kinds).with_columns(pl.col("tail").str.strip_chars()).filter(pl.col("tail") != "")
    try:
        links = links.with_columns(pl.col("tail").cast(pl.Int64))
    except pl.exceptions.PolarsError as error:
        raise data_error(content, None, f"a list of related items contains a non-integer ({error})") from error
    names = {side: links[side].replace_strict(back, default=None, return_dtype=pl.Int64).cast(str)
             for side in ("head", "tail")}  # fmt: skip
    return items, links.with_columns(**names).to_pandas()
