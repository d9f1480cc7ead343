"""Coat: coats that people chose to rate (train) and others drawn at random for them (test), with propensities."""
import numpy as np
import pandas as pd

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import HELD_OUT, ITEM, USER, Dataset, assemble

DORL = "https://raw.githubusercontent.com/chongminggao/DORL-codes/818c9bd79732b87168b514695bdc2ee957782edf/environments/coat/"
FEATURES = "user_item_features/"
SHA256 = {
    "train.ascii": "f9088c6e95fa9a42e8be6a92fc77252b95b969e34ed1299c611420da68680873",
    "test.ascii": "51fa28550f5bedebc6959d0e7b5e242b173c3c8d16317c7e49b89441304504ce",
    "propensities.ascii": "a72e3142a413623c4a6b9d20c4f70fcc017e0db67cc3eb242116f69fb8fb9661",
    FEATURES + "user_features.ascii": "593b59c63a3f983575d3a770b32158fdfa4e2e4f63aafffdee70d1600ff072f8",
    FEATURES + "item_features.ascii": "72b08cc0766d3e9899231aea90c815b5bb08e07dcfba569d5f182da649099f5a",
    FEATURES + "user_features_map.txt": "3b8c825ad4445d4a46a400629c5fb43c805ff5a7982b2e436b69e7262c8a013a",
    FEATURES + "item_features_map.txt": "2675dfaa38b89a9cbb1997f0cfcd46ed7e0e366dc515d12d95508d1f356e5d25",
}
FILES = {path.removeprefix(FEATURES): File(path, DORL + path, digest) for path, digest in SHA256.items()}
SHAPE = (290, 300)
ABOUT = {
    "title": "Coat shopping", "homepage": "https://www.cs.cornell.edu/~schnabts/mnar/",
    "terms": "Published for research with a request to cite; no formal licence found.", "release": "DORL",
    "citation": "Schnabel et al., Recommendations as Treatments: Debiasing Learning and Evaluation, ICML 2016",
}  # fmt: skip


def load() -> Dataset:
    """Coat. rating: 1 to 5. held_out: the published test ratings, of 16 coats a user that chance chose, without those
    that the user had also chosen; in train a user chose 24 coats.

    propensity: the chance that the user chose to rate the coat, as its authors learnt it from features; that of a test
    row is not why it was rated. The order of events is not published (order none). Items: category (gender > kind of
    jacket), tags (colour) and front_page; users: gender, age, location and fashion interest.
    """
    files = DataFiles("coat")
    files.require(*FILES.values())
    train, test, propensity = (_matrix(files.read(FILES[f"{name}.ascii"]), SHAPE) for name in
                               ("train", "test", "propensities"))  # fmt: skip
    for name, ratings in (("train", train), ("test", test)):
        if not np.isin(ratings, range(6)).all():
            raise data_error(files.read(FILES[f"{name}.ascii"]), None, "a rating is not 1 to 5, or 0 for none")
    if not ((propensity > 0) & (propensity <= 1)).all():
        raise data_error(files.read(FILES["propensities.ascii"]), None, "a propensity is not above 0 and at most 1")
    both = (train > 0) & (test > 0)
    parts = []
    for ratings, held_out in ((train, False), (np.where(both, 0, test), True)):
        user, item = np.nonzero(ratings)
        parts.append(pd.DataFrame({USER: user, ITEM: item, "rating": ratings[user, item].astype(float),
                                   "propensity": propensity[user, item], HELD_OUT: held_out}))  # fmt: skip
    notes = [
        "order: not published", "a test row also in train is dropped from test",
        "propensities were learnt from features: they do not sum to the 24 ratings of a user (23.0 to 25.3)",
    ]
    counts = {"train": int((train > 0).sum()), "test": int((test > 0).sum())}
    users, items = (_features(files, side, n) for side, n in (("user", SHAPE[0]), ("item", SHAPE[1])))
    items["category"] = items.pop("gender") + " > " + items.pop("jackettype")
    items = items.rename(columns={"color": "tags", "onfrontpage": "front_page"})
    about = {**ABOUT, "files": files.checksums, "read": counts,
             "dropped": {"test ratings of a pair that is in train": int(both.sum())}, "notes": notes}  # fmt: skip
    return assemble("coat", pd.concat(parts, ignore_index=True), items=items, users=users, order="none", about=about)


def _matrix(content: Content, shape: tuple[int, int]) -> np.ndarray:
    """Numbers separated by blanks, a row a line. UserError for others, or another number of them."""
    try:
        rows = [np.array(line.split(), np.float64) for line in content.data.splitlines() if line.strip()]
    except ValueError as error:
        raise data_error(content, None, f"not a matrix of numbers ({error})", "get a fresh copy") from error
    if len(rows) != shape[0] or {len(row) for row in rows} != {shape[1]}:
        found = f"{len(rows)} rows of {sorted({len(row) for row in rows})} numbers"
        raise data_error(content, None, f"{found}, {shape[0]} of {shape[1]} expected", "get a fresh copy")
    return np.stack(rows)


def _features(files: DataFiles, side: str, n: int) -> pd.DataFrame:
    """Columns of the features that are published as one-hot groups `name:value`."""
    content = files.read(FILES[f"{side}_features_map.txt"])
    names = [line.strip().partition(":")[::2] for line in content.data.decode().splitlines() if line.strip()]
    columns = pd.MultiIndex.from_tuples(names)
    table = pd.DataFrame(_matrix(files.read(FILES[f"{side}_features.ascii"]), (n, len(names))), columns=columns)
    found = {group: table[group].idxmax(axis=1) for group in columns.unique(0)}
    return pd.DataFrame({"raw_id": np.arange(n), **found})
