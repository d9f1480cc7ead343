"""KuaiRand-Pure actions: 14 days of short videos, each shown, clicked or watched for long, with features of both sides.

The files of kuairand-clicks and the features of the users. Made for models that are told which action to predict, in
place of advertising logs that cannot be shipped (tencent-gr): a long view stands for a conversion.
"""
import io

import numpy as np
import pandas as pd

from workbench.data.datasets.exposures.kuairand_clicks import ABOUT as CLICKS
from workbench.data.datasets.exposures.kuairand_clicks import FEATURES as VIDEOS
from workbench.data.datasets.exposures.kuairand_clicks import LOG, RELEASE
from workbench.data.formats.attributes.action_types import ACTION, CLICKED, CONVERTED, EXPOSED, with_positive_ends
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import ITEM, MICROSECOND, TIME, USER, Dataset, assemble

USERS = File(
    "user_features_pure.csv", f"{RELEASE}KuaiRand-Pure/data/user_features_pure.csv",
    "dc729a656301b4c6d07f713fe41d05ec9bfaab670b90e531c70037caf033c011",
)  # fmt: skip
OF_USERS = ["user_active_degree", "is_live_streamer", "is_video_author", "follow_user_num_range",
            "fans_user_num_range", "friend_user_num_range", "register_days_range",
            *(f"onehot_feat{n}" for n in range(18) if n != 3)]  # fmt: skip
SHORT, LONG = 15_000, 60_000  # milliseconds that part the lengths of videos
ABOUT = {**CLICKS, "title": "KuaiRand-Pure, exposures, clicks and long views, 25 April to 8 May 2022"}


def load() -> Dataset:
    """KuaiRand. action: 0 shown, 1 clicked (is_click), 2 watched for long (long_view), the greater of both.

    Under leave-one-out both held-out events are clicks or long views: what was merely shown since a user's last but one
    of these is left out and counted, and so is who has fewer than two. Items: category, the tags of a video, brand, its
    author, upload and music, the kind of either, and length. Users: ranges and encoded columns of few values.
    """
    files = DataFiles("kuairand-actions", "kuairand_pure_14d")
    files.require(*LOG, VIDEOS, USERS)
    columns = ["user_id", "video_id", "time_ms", "is_click", "long_view"]
    log = pd.concat([pd.read_parquet(io.BytesIO(files.read(file).data), columns=columns) for file in LOG])
    events = log.drop_duplicates(columns[:3])
    clicked, long = (events[name].to_numpy(np.int64) for name in columns[3:])
    action = np.where(long > 0, CONVERTED, np.where(clicked > 0, CLICKED, EXPOSED)).astype(np.int8)
    times, users = events["time_ms"].to_numpy(np.int64), events["user_id"].to_numpy(np.int64)
    kept = with_positive_ends(users, times, action > EXPOSED)
    few = np.bincount(users, action > EXPOSED)[users] < 2
    table = pd.DataFrame({
        USER: users, ITEM: events["video_id"].to_numpy(), TIME: times // 1000,
        MICROSECOND: (times % 1000 * 1000).astype("int32"), ACTION: action,
    })[kept].reset_index(drop=True)  # fmt: skip
    dropped = {"repeats of user, video and time": len(log) - len(events),
               "events of users with fewer than two clicks": int(few.sum()),
               "events merely shown since the last click but one": int((~kept & ~few).sum())}  # fmt: skip
    notes = ["order: by time, in milliseconds", "only the standard policy's log; videos shown at random are not in it"]
    about = {**ABOUT, "read": {"exposures": len(log)}, "dropped": dropped, "notes": notes}
    items, people = _videos(files.read(VIDEOS).data), _people(files.read(USERS).data)
    about["files"] = files.checksums
    return assemble("kuairand-actions", table, items=items, users=people, order="time", about=about)


def _videos(data: bytes) -> pd.DataFrame:
    videos = pd.read_csv(io.BytesIO(data), dtype=str)
    length = pd.to_numeric(videos["video_duration"])
    return pd.DataFrame({
        "raw_id": videos["video_id"], "category": videos["tag"].str.replace(",", " | "), "brand": videos["author_id"],
        "upload": videos["upload_type"], "music": videos["music_type"],
        "length": pd.cut(length, [-1, SHORT, LONG, np.inf], labels=["short", "medium", "long"]).astype(object),
    })  # fmt: skip


def _people(data: bytes) -> pd.DataFrame:
    people = pd.read_csv(io.BytesIO(data), dtype=str)
    return people[OF_USERS].assign(raw_id=people["user_id"])
