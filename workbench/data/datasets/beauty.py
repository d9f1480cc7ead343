"""Amazon Beauty 2014, 5-core: S3-Rec's sequences with day times, titles, categories and brands."""
from workbench.data.formats import amazon_official
from workbench.data.formats.amazon_sequences import read_sequences
from workbench.data.formats.atomic import parse_atomic
from workbench.data.formats.delimited_text import read_table
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.lcrec import parse_json
from workbench.data.schema import Dataset, assemble
from workbench.data.text_cleaning import blank_placeholder_titles, category_path, clean_text

TITLE = "Amazon Beauty 2014, 5-core"
GITHUB = "https://raw.githubusercontent.com/"
SEQUENCE = File(
    "s3rec/Beauty.txt", GITHUB + "RUCAIBox/CIKM2020-S3Rec/2a81540ae18615d88ef88227b0c066e5b74781e5/data/Beauty.txt",
    "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
)
MAPS = File(
    "p5/datamaps.json",
    GITHUB + "Wenyueh/LLM-RecSys-ID/2200ad9fef647ef755c01d6d7e5c5de3082606c5/data/beauty/datamaps.json",
    "715ab04838ff1ba21238475ed453a89e8c30aa6214b904d27a79e4168fc7b612",
)
TICOSEREC = GITHUB + "KingGugu/TiCoSeRec/302b2959f27bb16bb77acae5a471de82819bd1bd/data/Beauty/"
TIMES = (
    File("ticoserec/Beauty_item_org_rank.txt", TICOSEREC + "Beauty_item_org_rank.txt",
         "b95614189df525e1eb69dad579e84c6086468f2bb42dab894038949240307c4f"),
    File("ticoserec/Beauty_time_org_rank.txt", TICOSEREC + "Beauty_time_org_rank.txt",
         "4e6a6e30f9dba1985ad9adae79a891df6b403e2132f0422a6f6e88f67d1fcc75"),
)
JOINED = File("derived/Beauty.item", None, "8cc1d33454309049e2451fe8241bb8a455561e6ae278bfd01dfb24ab16be0161")
SEQREC = GITHUB + "dh-r/LLM-Sequential-Recommendation/6464b39064f369b251580c63edbf635de0934101/beauty/"
TITLES = (
    File("llm_seqrec/products_lookup.csv", SEQREC + "products_lookup.csv",
         "65133eca0615999df67fc5b26a93a7da762e53e613a083fd6b9e37174896d128"),
    File("llm_seqrec/item_id_to_int.json", SEQREC + "item_id_to_int.json",
         "3d1a1d362c7daeddf616057fae8fa24af9d70902fdaf4631852231a9953afa50"),
)
ALTERNATIVE = "The official reviews_Beauty_5.json.gz and meta_Beauty.json.gz in the same folder are an alternative."


def load(*, release: str = "auto") -> Dataset:
    """Beauty. release: s3rec (a published sequence), ucsd (official reviews, by time), or auto (the first available).

    Item aliases: asin, s3rec_id, and lcrec_id = s3rec_id - 1, by which LETTER and APAO publish their codes.
    """
    files = DataFiles("beauty", "amazon_beauty_2014")
    reviews, meta = amazon_official.official_files("Beauty")
    if amazon_official.choose_release(files, release, {"s3rec": SEQUENCE, "ucsd": reviews}) == "ucsd":
        return amazon_official.load_official(files, "Beauty", TITLE)
    events, items, users, notes = read_sequences(files, SEQUENCE, maps=MAPS, times=TIMES, alternative=ALTERNATIVE)
    items["lcrec_id"] = items["s3rec_id"] - 1
    items = amazon_official.fill_from_metadata(files, _texts(files, items), meta)
    about = amazon_official.dataset_metadata(files, TITLE, "S3-Rec", {"interactions": len(events)}, notes)
    return assemble("beauty", events, items=items, users=users, order="sequence", about=about)


def _texts(files: DataFiles, items):
    """Titles, categories and brands by S3-Rec id where the joined table is available, else titles by ASIN."""
    if files.find(JOINED):
        table = parse_atomic(files.read(JOINED))
        table = table.select(
            table["item_id"].cast(int).alias("s3rec_id"),
            blank_placeholder_titles(clean_text(table["title"])).alias("title"),
            category_path(clean_text(table["categories"])).alias("category"),
            clean_text(table["brand"]).str.replace("^Unknown$", "").alias("brand"),
        )
        return amazon_official.join_on_alias(items, table, "s3rec_id")
    if "asin" not in items or not all([files.try_get(file) for file in TITLES]):
        return items
    names = read_table(files.read(TITLES[0]), {"global_product_id": "int", "name": "text"}, separator=",", quote='"')
    numbers = {number: asin for asin, number in parse_json(files.read(TITLES[1])).items()}
    asins = names["global_product_id"].replace_strict(numbers, default="", return_dtype=str).alias("asin")
    titles = names.select(asins, clean_text(names["name"]).alias("title")).unique("asin")
    return amazon_official.join_on_alias(items, titles, "asin")
