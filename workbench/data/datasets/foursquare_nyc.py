"""Foursquare check-ins in New York, 2012-13 (STAN release): minutes and coordinates, no venue names."""
import io

import numpy as np
import pandas as pd

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables

STAN = (
    "https://raw.githubusercontent.com/yingtaoluo/Spatial-Temporal-Attention-Network-for-POI-Recommendation/"
    "8b82f2840e7f435a25398e1d42a835fc4129a4e2/data/"
)
VISITS = File("stan/NYC.npy", STAN + "NYC.npy", "9e28b974a52d233e201ff9e82e1c076818c90b1e8f25f4ef93daaf1d7e8ddf55")
VENUES = File(
    "stan/NYC_POI.npy", STAN + "NYC_POI.npy", "f709f4796ca117d0b96ad2d0201a9869920364e2c476c4362e746740ded08d95"
)
START = 1_333_475_940  # 2012-04-03 17:59 UTC, minute 0 of the release
ABOUT = {
    "title": "Foursquare NYC check-ins (TSMC 2014)",
    "homepage": "https://sites.google.com/site/yangdingqi/home/foursquare-dataset",
    "terms": "No formal licence: published for research with a request to cite. Location traces: re-identify nobody.",
    "citation": "Yang et al., Modeling User Activity Preference, IEEE TSMC 45(1), 2015; Luo et al., STAN, WWW 2021",
    "release": "STAN",
}  # fmt: skip


def load() -> Dataset:
    """Foursquare NYC. items and the table geography: lat, lon in degrees.

    Exact duplicate check-ins are kept, as published.
    """
    files = DataFiles("foursquare-nyc", "foursquare_nyc", "stan")
    files.require(VISITS, VENUES)
    visits, venues = _array(files.read(VISITS), np.integer), _array(files.read(VENUES), np.floating)
    times = START + 60 * visits[:, 2].astype(np.int64)
    events = pd.DataFrame({"user": visits[:, 0], "item": visits[:, 1], "timestamp": times})
    items = pd.DataFrame({"raw_id": venues[:, 0].astype(np.int64), "lat": venues[:, 1], "lon": venues[:, 2]})
    repeats = int(events.duplicated().sum())
    notes = [f"{repeats} exact duplicate rows kept", "timestamps: minutes since 2012-04-03 17:59 UTC; rows unsorted"]
    counts = {"check-ins": len(events), "venues": len(items)}
    about = {**ABOUT, "files": files.checksums, "read": counts, "dropped": {}, "notes": notes}
    dataset = assemble("foursquare-nyc", events, items=items, order="time", about=about)
    return attach_tables(dataset, {"geography": items.rename(columns={"raw_id": "item"})})


def _array(content: Content, kind: type) -> np.ndarray:
    """(n, 3) numbers, loaded without pickle. UserError for negative ids or minutes."""
    try:
        array = np.load(io.BytesIO(content.data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise data_error(content, None, f"not a plain numpy array ({error})", "get a fresh copy") from error
    if array.ndim != 2 or array.shape[1] != 3 or not np.issubdtype(array.dtype, kind) or not np.isfinite(array).all():
        what = f"an array {array.shape} of {array.dtype}, three finite columns expected"
        raise data_error(content, None, what, "get a fresh copy")
    negative = array[:, 0] < 0 if kind is np.floating else (array < 0).any(axis=1)
    if negative.any():
        what = f"row {int(negative.argmax()):,} has a negative id or time"
        raise data_error(content, None, what, "get a fresh copy")
    return array
