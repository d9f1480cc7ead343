"""YouTube8M-MusicTextClips: descriptions of the music of 4,169 clips of music videos; the user brings all features.

The layout is that of the release's own README: train.csv and test.csv with the columns video_id, start, end, text. Not
verified, as the files are not at hand: how they are quoted, whether start and end are whole numbers, and how many rows
are really there. The release holds no sound, picture or feature: clips are to be fetched from YouTube, where many are
gone, and nobody has granted a licence for them. What a model needs besides the text, the user computes.
"""
import numpy as np
import pandas as pd

from workbench.data.formats.attributes.feature_arrays import read_features
from workbench.data.formats.delimited_text import data_error, read_table
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import HELD_OUT, ITEM, RAW, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError

PARTS = {"train": File("train.csv"), "test": File("test.csv")}  # no checksum: the files are not at hand
FEATURES = {name: {part: File(f"{part}_{name}.npy") for part in PARTS} for name in ("image", "audio")}
COLUMNS = {"video_id": "id", "start": "float", "end": "float", "text": "text"}
ABOUT = {
    "title": "YouTube8M-MusicTextClips", "homepage": "https://zenodo.org/records/8040754",
    "terms": "Adobe Research License: for research, non-commercial. The videos are others' property.",
    "citation": "McKee, Salamon, Sivic and Russell, Language-guided music recommendation for video via prompt "
                "analogies, CVPR 2023", "release": "3,169 clips of test and 1,000 of train, by its README",
    "notes": ["annotators heard the clip and did not see it: a text says nothing of the picture",
              "nobody chose anything: the only users are the two parts, so that there is a log at all"],
}  # fmt: skip
HOME = ABOUT["homepage"]
BROUGHT = {
    "works": "Descriptions and parts are read, and the features of pictures and sound that the user computes.",
    "sample": "tests/data/test_music_datasets.py", "systems": ("music_for_video", "musechat"),
    "stand_ins": {"musiccaps": "captions and aspects, no picture and no sound",
                  "tiktok-mm": "vectors of pictures and sound, a text made of the sound"},
    "lacks": "Sound, pictures and features: the clips are on YouTube, many are gone, and nobody has granted a licence. "
             "Not verified: how the two tables are quoted, and their number of rows.",
}  # fmt: skip


def load() -> Dataset:
    """YouTube8M-MusicTextClips. An item is a clip: text, start, end in seconds, video, part (train or test).

    tables: image and audio, where train_image.npy, test_image.npy, train_audio.npy and test_audio.npy stand beside the
    two tables: a row of numbers for each row there, as the user made them of the clips. Without them there is nothing
    to match by. Left out and counted: a clip that stands twice, one without text or that ends before it starts, and one
    of train whose video is in test as well. UserError that says what is missing and where to get it.
    """
    files = DataFiles("yt8m-music-text-clips", "yt8m_music_text_clips")
    files.require(*PARTS.values(), alternative=f"They are at {HOME}, under the Adobe Research License.")
    given = [name for name, parts in FEATURES.items() if any(files.find(file) for file in parts.values())]
    if lacking := [file.path for name in given for file in FEATURES[name].values() if files.find(file) is None]:
        raise UserError(f"yt8m-music-text-clips: {', '.join(lacking)} is missing; features are for both parts", code=3)
    read = {part: _clips(files.read(file), part) for part, file in PARTS.items()}
    features = {name: pd.concat([_features(files.read(FEATURES[name][part]), read[part]) for part in PARTS])
                for name in given}  # fmt: skip
    clips = pd.concat(read.values(), ignore_index=True)
    faults = {
        "repeats of a clip": clips.duplicated(["part", RAW]),
        "clips without a text": clips["text"].str.strip() == "",
        "clips that end before they start": clips["end"] <= clips["start"],
        "train clips of a video of test": (clips["part"] == "train") & clips["video"].isin(read["test"]["video"]),
    }
    wrong, dropped = np.zeros(len(clips), bool), {}
    for reason, rows in faults.items():
        dropped[reason] = int((rows & ~wrong).sum())
        wrong |= rows.to_numpy()
    kept = clips[~wrong]
    events = pd.DataFrame({USER: "clips of " + kept["part"], ITEM: kept[RAW], HELD_OUT: kept["part"] == "test"})
    about = {**ABOUT, "files": files.checksums, "read": {part: len(table) for part, table in read.items()},
             "dropped": {reason: n for reason, n in dropped.items() if n}}  # fmt: skip
    dataset = assemble("yt8m-music-text-clips", events, items=kept, order="none", about=about)
    return attach_tables(dataset, {name: table.drop_duplicates(ITEM) for name, table in features.items()})


def _clips(content: Content, part: str) -> pd.DataFrame:
    table = read_table(content, COLUMNS, separator=",", quote='"').to_pandas()
    raw = table["video_id"] + "@" + table["start"].map("{:g}".format)
    return table.rename(columns={"video_id": "video"}).assign(**{RAW: raw, "part": part, "title": raw})


def _features(content: Content, clips: pd.DataFrame) -> pd.DataFrame:
    """UserError where there is not a row for each row of the table."""
    try:
        return read_features(content, clips[RAW].to_numpy())
    except UserError as error:
        raise data_error(content, None, str(error), "features have a row for each row of the csv beside them") from None
