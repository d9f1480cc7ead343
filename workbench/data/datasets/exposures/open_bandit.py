"""Open Bandit (small): 20,000 fashion items shown by a random and by a learned policy, with propensities and clicks."""
import pandas as pd

from workbench.data.formats.delimited_text import data_error, read_table
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import MICROSECOND, Dataset, assemble
from workbench.data.tables import attach_tables

OBP = "https://raw.githubusercontent.com/st-tech/zr-obp/master/obd/"
SHA256 = {
    "random/men/men.csv": "ede6d08c6877f99cd3770f7d09e26c738e6aa6de4445ccccfb1356ba5d06b1eb",
    "bts/men/men.csv": "db6d1f7ed2d591ba521533e45286d4c1fba7fe57a8ad2e80342210335f43c527",
    "random/men/item_context.csv": "6d855c2b7e917d0448d71bbe62c023147495882c0fdc8c41e86fef86abf9fe09",
}
FILES = {path: File(path, OBP + path, digest) for path, digest in SHA256.items()}
SOURCES = ("random", "bts")
USER_FEATURES = [f"user_feature_{n}" for n in range(4)]
ABOUT = {
    "title": "Open Bandit Dataset, small sample, men", "homepage": "https://research.zozo.com/data.html",
    "terms": "CC BY 4.0 (confirm before publishing).", "release": "zr-obp",
    "citation": "Saito, Aihara, Matsutani and Narita, Open Bandit Dataset and Pipeline, NeurIPS 2021 (datasets track)",
}  # fmt: skip


def load() -> Dataset:
    """Open Bandit: an event is an item that was shown, event: click or expose.

    A user is not a person but one of the combinations of four hashed features. The table slates (slate, position, item,
    user, timestamp, source, clicked, propensity): a row is one slot of a page, its slate is a number of its own, as
    what stood in the other slots is not published. source: random, every item with propensity 1/34, or bts, a
    Bernoulli Thompson sampler that goes on learning, so that its propensities change all the time.
    """
    files = DataFiles("open-bandit", "open_bandit_small", "obd")
    files.require(*FILES.values())
    events = pd.concat([_shown(files.read(FILES[f"{source}/men/men.csv"]), source) for source in SOURCES],
                       ignore_index=True)  # fmt: skip
    items = read_table(files.read(FILES["random/men/item_context.csv"]), _ITEM, separator=",").to_pandas()
    items = items.rename(columns={"item_id": "raw_id"})
    users = events[["user", *USER_FEATURES]].drop_duplicates("user").rename(columns={"user": "raw_id"})
    slates = events[["item", "user", "timestamp", "position", "source", "clicked", "propensity"]]
    slates = slates.assign(slate=slates.index)
    notes = [
        "order: by time, in microseconds, within a source; both ran in the same week, on other visitors",
        "items: those of random; in the file of bts features 1 to 3 are the same under another hash",
        "propensities of bts are rounded and change as it learns; those of one slot do not sum to 1 over a week",
        "features of affinity between user and item are left out: 0.2 % of them are not 0",
    ]
    about = {**ABOUT, "files": files.checksums, "read": events["source"].value_counts().to_dict(), "dropped": {},
             "notes": notes}  # fmt: skip
    kept = events.drop(columns=USER_FEATURES).assign(event=events["clicked"].map({True: "click", False: "expose"}))
    dataset = assemble("open-bandit", kept, items=items, users=users, about=about)
    return attach_tables(dataset, {"slates": slates})


_ITEM = {"item_id": "int", "item_feature_0": "float", **{f"item_feature_{n}": "text" for n in (1, 2, 3)}}
_COLUMNS = {"timestamp": "text", "item_id": "int", "position": "int", "click": "int", "propensity_score": "float",
            **dict.fromkeys(USER_FEATURES, "text")}  # fmt: skip


def _shown(content: Content, source: str) -> pd.DataFrame:
    """What one policy showed. UserError for a value that cannot be."""
    table = read_table(content, _COLUMNS, separator=",").to_pandas()
    checks = {"click is 0 or 1": table["click"].isin([0, 1]), "position is 1 to 3": table["position"].between(1, 3),
              "propensity_score is above 0 and at most 1": table["propensity_score"].gt(0)
              & table["propensity_score"].le(1)}  # fmt: skip
    for rule, holds in checks.items():
        if not holds.all():
            raise data_error(content, int(holds.argmin()) + 2, f"{rule}; this is not")
    times = pd.to_datetime(table["timestamp"], format="ISO8601", utc=True, errors="coerce")
    if times.isna().any():
        raise data_error(content, int(times.isna().argmax()) + 2, "timestamp is a date and time; this is not")
    micro = times.dt.tz_localize(None).astype("datetime64[us]").astype("int64")
    first, *others = (table[name].str[:8] for name in USER_FEATURES)
    user = first.str.cat(others, sep="-")
    return pd.DataFrame({
        "user": user, "item": table["item_id"], "timestamp": micro // 1_000_000,
        MICROSECOND: (micro % 1_000_000).astype("int32"), "position": table["position"], "source": source,
        "clicked": table["click"] == 1, "propensity": table["propensity_score"], **table[USER_FEATURES],
    })  # fmt: skip
