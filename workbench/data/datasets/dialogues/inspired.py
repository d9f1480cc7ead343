"""INSPIRED, 2020: sociable movie recommendation dialogues; the published development part is train here."""
import csv
import io

import pandas as pd

from workbench.data.datasets.dialogues import redial
from workbench.data.dialogues.assembly import (
    MOVIE,
    RECOMMENDER,
    SEEKER,
    Dialogues,
    assemble_dialogues,
    divided,
)
from workbench.data.dialogues.entity_links import read_json, read_links
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import Dataset

INSPIRED = (
    "https://raw.githubusercontent.com/sweetpeach/Inspired/782d7c1845d11f75d2542809c7f2a51b63ef0304/data/dialog_data/"
)
DEV = File("dev.tsv", INSPIRED + "dev.tsv", "15a955be002222ba9e95f886802e06a91fb5e457f8a25deae3e7908d58faa947")
TEST = File("test.tsv", INSPIRED + "test.tsv", "a10f63ff26045158460730d4829ffba74bee86fb744d9f48c1c1c511ef609993")
SHARES = {"train": 0.8, "valid": 0.2}  # of the published development part
FIELDS = ("dialog_id", "utt_id", "speaker", "text", "movies", "genres", "people_names")
KINDS = {"movies": MOVIE, "genres": "genre", "people_names": "person"}
ABOUT = {
    "title": "INSPIRED", "homepage": "https://github.com/sweetpeach/Inspired",
    "terms": "No licence stated in the repository; cite. The knowledge graph is that of ReDial (CFCRS, MIT).",
    "citation": "Hayati et al., INSPIRED: Toward Sociable Recommendation Dialog Systems, EMNLP 2020",
    "release": "the authors' repository",
}  # fmt: skip


def load(*, cases: str = "last") -> Dataset:
    """INSPIRED. cases: last or all, see `assembly.assemble_dialogues`.

    The published train part is in no file that is read here: of the 99 dialogues of the published development part 80 %
    are train and 20 % validation, drawn by a seeded hash; test is the published test part. Movies are what the authors'
    matching of titles found, mistakes included (`Greetings (1968)` in a greeting). No knowledge graph is published:
    that of ReDial is joined by title and year, which knows two movies of five. Published parts:
    protocol={"split": "global-time", "cuts": [0.499, 0.777]}. UserError for other cases.
    """
    files = DataFiles("inspired", "inspired_dev_test", "redial_valid")
    graph = [redial.FILES[f"{name}.json"] for name in ("entity2id", "kg", "relation2id", "entity2type")]
    files.require(DEV, TEST, *graph)
    names, links, numbers, types = map(files.read, graph)
    relations = read_links(names, links, numbers)
    relations = relations.assign(tail_kind=relations["tail"].map(read_json(types, dict)))
    tables = [read_utterances(files.read(file)) for file in (DEV, TEST)]
    said = pd.concat([mentions for mentions, _ in tables], ignore_index=True)
    texts = pd.concat([spoken for _, spoken in tables], ignore_index=True)
    parts = pd.concat([divided(tables[0][1]["dialogue"], SHARES),
                       pd.Series("test", tables[1][1]["dialogue"].unique())])  # fmt: skip
    said = with_names_of(said, set(relations["head"].unique()))
    joined = said[said["kind"] == MOVIE]["entity"].drop_duplicates().isin(relations["head"].unique())
    notes = ["the published train part is not read; 80 % of the published development part are train",
             f"{int(joined.sum())} of {len(joined)} movies are in the knowledge graph, joined by title and year"]
    about = {**ABOUT, "files": files.checksums, "dropped": {}, "notes": notes,
             "read": {"dialogues": len(parts), "utterances": len(texts)}}  # fmt: skip
    return assemble_dialogues("inspired", Dialogues(said, texts, parts, relations), cases=cases, about=about)


def read_utterances(content: Content) -> tuple[pd.DataFrame, pd.DataFrame]:
    """said and texts of `assembly.Dialogues`. UserError for a missing column or an utterance without a number."""
    text = content.data.decode(errors="replace")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or not set(FIELDS) <= set(rows[0]):
        raise data_error(content, 1, f"not a table with the columns {', '.join(FIELDS)}", "get a fresh copy")
    said, texts = [], []
    for number, row in enumerate(rows, start=2):
        if not str(row["utt_id"]).isdigit():
            raise data_error(content, number, f"utt_id {row['utt_id']!r} is no number")
        speaker = RECOMMENDER if row["speaker"] == "RECOMMENDER" else SEEKER
        start = (row["dialog_id"], int(row["utt_id"]), speaker)
        texts.append((*start, row["text"].replace("QUOTATION_MARK", '"')))
        for field, kind in KINDS.items():
            names = (name.strip() for name in (row[field] or "").split(";"))
            said += [(*start, name, kind) for name in names if name]
    columns = ["dialogue", "turn", "speaker"]
    return pd.DataFrame(said, columns=[*columns, "entity", "kind"]), pd.DataFrame(texts, columns=[*columns, "text"])


def with_names_of(said: pd.DataFrame, movies: set[str]) -> pd.DataFrame:
    """The mentions, movies called as in a knowledge graph that knows them under the same name but for case and
    blanks."""
    known = {_folded(name): name for name in sorted(movies)}
    names = {name: known.get(_folded(name), name) for name in said.loc[said["kind"] == MOVIE, "entity"].unique()}
    return said.assign(entity=said["entity"].where(said["kind"] != MOVIE, said["entity"].map(names)))


def _folded(name: str) -> str:
    return " ".join(name.lower().split())
