"""OpenDialKG movies, 2019 (iEvaLM layout): dialogues with entities of a knowledge graph, split anew by dialogue."""
import pandas as pd

from workbench.data.dialogues.assembly import MOVIE, Dialogues, assemble_dialogues, divided
from workbench.data.dialogues.entity_links import read_json, read_links
from workbench.data.dialogues.turn_level import mentions_of, read_rows, texts_of
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import Dataset

IEVALM = "https://raw.githubusercontent.com/RUCAIBox/iEvaLM-CRS/162e2f442fb0799550af587dce0285a2d5ca897f/data/"
SHA256 = {
    "opendialkg_eval/train_data_processed.jsonl": "472243b8c12c8e1eb44598d094e8b6e03a148ce13dc3f58ea9b323ba4ed27018",
    "opendialkg_eval/valid_data_processed.jsonl": "21bbf814ad76f36f058678b1bf4e9a77ca01ca00766bd8eb39780d1163f74bd2",
    "opendialkg_eval/test_data_processed.jsonl": "055eb9481823517099f0109929ea640662d58287af708e99983d9b97e2ce51a4",
    "opendialkg/entity2id.json": "394e2e101463052c6b41f14d87b1420f936528c6f81ed50c22388c51fcda4e81",
    "opendialkg/kg.json": "7bb2ab8d4ba6906d2f1a15b26c7a74ddc9d4cc1ddeb02cfa29ec2f5977fecb4d",
    "opendialkg/item_ids.json": "c7f7d151066c41a2b70d3df9b414e1d3c67ac48e978e222a90319e1dbfa7e98f",
    "opendialkg/relation2id.json": "0722a517e68359d28182b897282fdefd9ceced47da315ad934f8f298a41a76e1",
}
FILES = {path: File(path, IEVALM + path, digest) for path, digest in SHA256.items()}
ROWS = [path for path in SHA256 if path.endswith("jsonl")]
SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}
ABOUT = {
    "title": "OpenDialKG, movies", "homepage": "https://github.com/facebookresearch/opendialkg",
    "terms": "CC BY-NC 4.0 (as remembered); the repository of the files: MIT.",
    "citation": "Moon et al., OpenDialKG, ACL 2019; Wang et al., iEvaLM, EMNLP 2023", "release": "iEvaLM-CRS",
}  # fmt: skip


def load(*, cases: str = "last") -> Dataset:
    """OpenDialKG. cases: last or all, see `assembly.assemble_dialogues`.

    The published split is by turn: half of the dialogues of its test part are in its train part too, with what was
    said before or after. So all three parts are joined and dialogues are divided by a seeded hash, 80/10/10. Published
    parts: protocol={"split": "global-time", "cuts": [0.906, 0.969]}. Items are movies that the graph has no link to:
    `Drama` or `2012` are a movie, a genre and a year there. UserError for other cases.
    """
    files = DataFiles("opendialkg")
    files.require(*FILES.values())
    read = {path: files.read(file) for path, file in FILES.items()}
    numbers = read_json(read["opendialkg/entity2id.json"], dict)
    relations = read_links(*(read[f"opendialkg/{name}.json"] for name in ("entity2id", "kg", "relation2id")))
    relations = relations.assign(tail_kind=relations["relation"].replace({"actor": "person", "director": "person",
                                                                          "writer": "person"}))  # fmt: skip
    first = relations.drop_duplicates("tail")
    kinds = dict(zip(first["tail"], first["tail_kind"]))
    movies = set(read_json(read["opendialkg/item_ids.json"], list))
    both = [name for name, number in numbers.items() if number in movies and name in kinds]
    kinds = {name: MOVIE for name, number in numbers.items() if number in movies} | kinds
    rows = [row for path in ROWS for row in read_rows(read[path])]
    said, dropped = mentions_of(rows, kinds)
    parts = divided(pd.Series([row["dialog_id"] for row in rows]), SHARES)
    notes = ["the published split is by turn, with half of the test dialogues in train; dialogues are split anew",
             f"{len(both)} names are of a movie and of a genre, year or language; no items: {', '.join(sorted(both))}"]
    about = {**ABOUT, "files": files.checksums, "read": {"turns": len(rows), "dialogues": len(parts)},
             "dropped": dropped, "notes": notes}  # fmt: skip
    given = Dialogues(said, texts_of(rows, in_turns=False), parts, relations)
    return assemble_dialogues("opendialkg", given, cases=cases, about=about)
