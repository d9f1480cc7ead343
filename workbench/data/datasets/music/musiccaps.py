"""MusicCaps: 5,521 music clips of ten seconds, each with a caption and a list of aspects by a musician; no sound."""
import ast

import pandas as pd

from workbench.data.formats.delimited_text import data_error, read_table
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import HELD_OUT, ITEM, RAW, USER, Dataset, assemble, hash_ranks
from workbench.errors import unknown_name

RELEASE = (
    "https://raw.githubusercontent.com/simonw/musiccaps-datasette/ecbb5a1f52e52cf09a38dd7698578ccca7cef353/data/"
)
CLIPS = File("musiccaps-public.csv", RELEASE + "musiccaps-public.csv",
             "2f5e321c05ade97f827b58a7b01b75ffbff344fa91d08fa3df7b9dd2e67079bc")  # fmt: skip
COLUMNS = {"ytid": "id", "start_s": "int", "end_s": "int", "audioset_positive_labels": "text", "aspect_list": "text",
           "caption": "text", "author_id": "id", "is_balanced_subset": "text", "is_audioset_eval": "text"}  # fmt: skip
TESTS, SHARE = ("audioset", "author"), 0.4  # of the clips, that test at least holds when it is split by author
ABOUT = {
    "title": "MusicCaps, captions and aspects of music clips", "homepage": "https://kaggle.com/datasets/googleai/musiccaps",
    "terms": "CC BY-SA 4.0; the clips are on YouTube, whose sound and pictures are not part of it.",
    "citation": "Agostinelli et al., MusicLM: Generating music from text, 2023, arXiv:2301.11325",
    "release": "musiccaps-datasette",
    "notes": ["no sound and no picture: what stands for the video are AudioSet's labels, for the music the aspects",
              "a clip's caption and aspects are by one person about one clip: far easier to match than text and sound",
              "AudioSet's labels name what sounds: they are no view of the picture",
              "order: not published; a user is one of ten annotators, an event a clip that they described"],
}  # fmt: skip


def load(*, held_out: str = "audioset") -> Dataset:
    """MusicCaps. An item is a clip: text, its caption; aspects and labels, of AudioSet, joined by "|"; start and end in
    seconds of the video of that id; author, who described it; part, train or test.

    held_out: audioset, test are the clips of AudioSet's evaluation set (2,858); author, those of annotators that train
    has none of, as each has a style. UserError for another, or a list of aspects that cannot be read.
    """
    if held_out not in TESTS:
        raise unknown_name("held_out of dataset musiccaps", held_out, TESTS)
    files = DataFiles("musiccaps")
    files.require(CLIPS)
    content = files.read(CLIPS)
    table = read_table(content, COLUMNS, separator=",", quote='"').to_pandas()
    clips = table.drop_duplicates("ytid").reset_index(drop=True)
    aspects = [_aspects(content, text, row) for row, text in enumerate(clips["aspect_list"])]
    test = clips["is_audioset_eval"] == "True"
    if held_out == "author":
        test = clips["author_id"].isin(_authors(clips["author_id"]))
    items = pd.DataFrame({
        RAW: clips["ytid"], "title": [", ".join(each[:3]) for each in aspects], "text": clips["caption"],
        "aspects": ["|".join(each) for each in aspects],
        "labels": clips["audioset_positive_labels"].str.replace(",", "|", regex=False),
        "start": clips["start_s"], "end": clips["end_s"], "author": clips["author_id"],
        "part": test.map({True: "test", False: "train"}),
    })  # fmt: skip
    events = pd.DataFrame({USER: "annotator " + clips["author_id"], ITEM: clips["ytid"], HELD_OUT: test})
    about = {**ABOUT, "files": files.checksums, "read": {"clips": len(table)},
             "dropped": {"repeats of a clip": len(table) - len(clips)}}  # fmt: skip
    return assemble("musiccaps", events, items=items, order="none", about=about)


def _aspects(content, text: str, row: int) -> list[str]:
    """A printed Python list of texts, in small letters, each once."""
    try:
        found = ast.literal_eval(text)
        if not isinstance(found, list):
            raise ValueError("no list")
        return list(dict.fromkeys(str(each).strip().lower().replace("|", "/") for each in found if str(each).strip()))
    except (ValueError, SyntaxError) as error:
        raise data_error(content, None, f"aspect_list of clip {row + 1:,} is no printed list: {text[:40]!r}") from error


def _authors(authors: pd.Series) -> list[str]:
    """Those, in the order of a seeded hash, who described SHARE of the clips or a little more."""
    counts = authors.value_counts(sort=False)
    order = counts.iloc[hash_ranks(counts.index.to_numpy(str)).argsort()]
    return order.index[: int((order.cumsum() < SHARE * len(authors)).sum()) + 1].tolist()
