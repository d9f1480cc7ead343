"""KuaiRand-Pure clicks: 14 days of short videos as the standard policy showed them, each with or without a click."""
import io

import pandas as pd

from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import ITEM, MICROSECOND, TIME, USER, Dataset, assemble

RELEASE = (
    "https://raw.githubusercontent.com/wmyh-0416/kuairand-short-video-recommender/"
    "59b6e92272c505b0d90bc6279acc42c9bc575b7a/"
)
SHA256 = {
    "val.parquet": "77d41160c6ad7b67ea9497881c965d7650d3e1b494c3f3b1dfcf8df11e6395c0",
    "test.parquet": "afe40f62090c7cf086700038c7f754b9598e4f3b7e2d3fd923fe662e30ea01cb",
}
LOG = [File(f"splits/{name}", f"{RELEASE}processed/splits/{name}", digest) for name, digest in SHA256.items()]
VIDEOS = "video_features_basic_pure.csv"
FEATURES = File(
    VIDEOS, f"{RELEASE}KuaiRand-Pure/data/{VIDEOS}", "a6f7ee02684c5777422306cdc416e170302288aa89aca9dfea995edbd625bcc2"
)
ABOUT = {
    "title": "KuaiRand-Pure, exposures with clicks, 25 April to 8 May 2022", "homepage": "https://kuairand.com",
    "terms": "CC BY-SA 4.0.", "release": "kuairand-short-video-recommender, rows of the published log",
    "citation": "Gao et al., KuaiRand: an unbiased sequential recommendation dataset with randomly exposed videos, "
                "CIKM 2022",
}  # fmt: skip


def load() -> Dataset:
    """KuaiRand. click: 0 or 1, is_click of the published log. category: the tag of a video, brand: its author.

    Exact repeats of user, video and time are left out. The log that was shown at random is not among these files.
    """
    files = DataFiles("kuairand-clicks", "kuairand_pure_14d")
    files.require(*LOG, FEATURES)
    columns = ["user_id", "video_id", "time_ms", "is_click"]
    log = pd.concat([pd.read_parquet(io.BytesIO(files.read(file).data), columns=columns) for file in LOG])
    events = log.drop_duplicates(columns[:3])
    times = events["time_ms"].to_numpy()
    table = pd.DataFrame({
        USER: events["user_id"].to_numpy(), ITEM: events["video_id"].to_numpy(), TIME: times // 1000,
        MICROSECOND: (times % 1000 * 1000).astype("int32"), "click": events["is_click"].to_numpy(),
    })  # fmt: skip
    videos = pd.read_csv(io.BytesIO(files.read(FEATURES).data), dtype=str)
    items = pd.DataFrame({"raw_id": videos["video_id"], "category": videos["tag"], "brand": videos["author_id"]})
    notes = ["order: by time, in milliseconds", "only the standard policy's log; videos shown at random are not in it"]
    about = {
        **ABOUT, "files": files.checksums, "read": {"exposures": len(log), "videos": len(videos)},
        "dropped": {"repeats of user, video and time": len(log) - len(events)}, "notes": notes,
    }  # fmt: skip
    return assemble("kuairand-clicks", table, items=items, order="time", about=about)
