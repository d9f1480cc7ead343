"""RetailRocket shop, 2015 (SSLRec release): views, carts and purchases with seconds, no text."""
import numpy as np
import pandas as pd

from workbench.data.formats.containers.safe_pickle import parse_matrix
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import Dataset, assemble

SSLREC = (
    "https://raw.githubusercontent.com/HKUDS/SSLRec/7597c31ce3f78c7497918d886b90df6d4d02cad5/"
    "datasets/multi_behavior/retail_rocket/"
)
SHA256 = {
    "train_mat_view": "a2cc3b40b93cc65c92cd92802d10e0410dfd0d9b9ae295e80a8e738958f18419",
    "train_mat_cart": "354822257ad20abee92fc9970755a70ad6725328e3318be62419244aecc45616",
    "train_mat_buy": "7a82e52e84199fa5c038df73bb5aacbe82d675663cbf404110050f676b45ee3f",
    "test_mat": "9bdb5afddca322712f4b0c3a1a2ed981eb4241c4c04da1ab871e7ce1ce424502",
}
FILES = {name: File(f"sslrec/{name}.pkl", f"{SSLREC}{name}.pkl", digest) for name, digest in SHA256.items()}
ABOUT = {
    "title": "RetailRocket, multi-behaviour",
    "homepage": "https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset",
    "terms": "CC BY-NC-SA 4.0: attribution, non-commercial, share-alike (confirm before publishing).",
    "citation": "RetailRocket recommender system dataset, 2015; Ren et al., SSLRec, WSDM 2024", "release": "SSLRec",
}  # fmt: skip


def load() -> Dataset:
    """RetailRocket. event: view, cart or buy.

    `held_out` marks the one purchase per user in the release's test set. It is published without a timestamp and is
    placed one second after the user's last event, so that leave-one-out gives exactly the published test items.
    """
    files = DataFiles("retailrocket", "retailrocket_multibehaviour", "retail_rocket")
    files.require(*FILES.values())
    tables = []
    for name, file in FILES.items():
        content = files.read(file)
        matrix = parse_matrix(content)
        times = matrix.data
        if not np.isfinite(times).all() or (times < 0).any():
            what = f"entry {int((~(times >= 0)).argmax()):,} is not a Unix time"
            raise data_error(content, None, what, "get a fresh copy")
        event = "buy" if name == "test_mat" else name.removeprefix("train_mat_")
        columns = {"user": matrix.row, "item": matrix.col, "timestamp": times.astype(np.int64)}
        tables.append(pd.DataFrame(columns).assign(event=event, held_out=name == "test_mat"))
    events = pd.concat(tables, ignore_index=True)
    last = events[~events["held_out"]].groupby("user")["timestamp"].max()
    events["timestamp"] = events["timestamp"].mask(events["held_out"], events["user"].map(last) + 1).astype(np.int64)
    counts = {name: len(table) for name, table in zip(FILES, tables, strict=True)}
    notes = [
        "order: by time, in seconds; repeated events of one kind on one item are published once",
        "timestamps of held_out purchases are not published: set to one second after the user's last event",
    ]
    about = {**ABOUT, "files": files.checksums, "read": counts, "dropped": {}, "notes": notes}
    return assemble("retailrocket", events, order="time", about=about)
