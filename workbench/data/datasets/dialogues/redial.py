"""ReDial, 2018: movie recommendation dialogues with genres and people; the published validation part is train here."""
import json

import pandas as pd

from workbench.data.dialogues.assembly import (
    MOVIE,
    RECOMMENDER,
    SEEKER,
    Dialogues,
    assemble_dialogues,
    divided,
)
from workbench.data.dialogues.entity_links import read_json, read_links
from workbench.data.dialogues.turn_level import mentions_of, read_rows, texts_of
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import Dataset

CFCRS = "https://raw.githubusercontent.com/RUCAIBox/CFCRS/5fb9739db71527341b27c53184a7b6e3a23f7c05/data/redial/"
SHA256 = {
    "valid_data.jsonl": "69b7cf81d0671c3dd0a1167df2e7e1e51ca76b3edce97022343d68f6974510a1",
    "entity2id.json": "d530bd465e7a0edb19257d444d9665fda8271ec4d5aff235a417cad13848c52f",
    "entity2type.json": "e75311e2e1eb3b3560302268c964cb44aaf1467e6a4d186baf2267ad20ea984b",
    "kg.json": "e3698d042926defb656b25873d4144d255aa914a575fcafa8af14cf434c867ff",
    "relation2id.json": "028b39258502a41d81e7176f7d9f77b1b342c6a9dc42b5cf214309e590522027",
}
FILES = {name: File(f"cfcrs/{name}", CFCRS + name, digest) for name, digest in SHA256.items()}
TEST = File(
    "test_data_processed.jsonl",
    "https://raw.githubusercontent.com/RUCAIBox/iEvaLM-CRS/162e2f442fb0799550af587dce0285a2d5ca897f/data/redial_eval/"
    "test_data_processed.jsonl", "8c8855aa872ade097691bb9feaeed6aaf4cfafa21575ebfcd8271b1e263f352b",
)  # fmt: skip
SHARES = {"train": 0.85, "valid": 0.15}  # of the published validation part
ABOUT = {
    "title": "ReDial", "homepage": "https://redialdata.github.io/website/",
    "terms": "CC BY 4.0 (as remembered); the repositories of the files: MIT.",
    "citation": "Li et al., Towards Deep Conversational Recommendations, NeurIPS 2018; Wang et al., CFCRS, KDD 2023",
    "release": "CFCRS (validation) and iEvaLM-CRS (test)",
}  # fmt: skip


def load(*, cases: str = "last") -> Dataset:
    """ReDial. cases: last or all, see `assembly.assemble_dialogues`.

    The published train part (10,006 dialogues) is in no file that is read here: of the 1,000 dialogues of the published
    validation part 85 % are train and 15 % validation, drawn by a seeded hash; test is the published test part, from
    another release, in which mentions before a recommendation have no turns (`turn_level`). Published parts:
    protocol={"split": "global-time", "cuts": [0.427, 0.728]}. UserError for other cases.
    """
    files = DataFiles("redial", "redial_valid", "redial_test")
    files.require(*FILES.values(), TEST)
    read = {name: files.read(file) for name, file in FILES.items()}
    kinds = read_json(read["entity2type.json"], dict)
    relations = read_links(*(read[f"{name}.json"] for name in ("entity2id", "kg", "relation2id")))
    relations = relations.assign(tail_kind=relations["tail"].map(kinds))
    said, texts, unknown = read_messages(read["valid_data.jsonl"], kinds)
    rows = read_rows(files.read(TEST))
    tested, dropped = mentions_of(rows, kinds)
    dropped["mentions of unknown entities"] += unknown
    parts = divided(texts["dialogue"], SHARES)
    parts = pd.concat([parts, pd.Series("test", sorted({row["dialog_id"] for row in rows}))])
    notes = ["the published train part is not read; 85 % of the published validation part are train",
             "in the published test part a movie that is recommended again is no case"]  # fmt: skip
    about = {**ABOUT, "files": files.checksums, "dropped": dropped, "notes": notes,
             "read": {"dialogues": len(parts), "recommendation turns of test": len(rows)}}  # fmt: skip
    said = pd.concat([said, tested], ignore_index=True)
    texts = pd.concat([texts, texts_of(rows, in_turns=True)], ignore_index=True)
    given = Dialogues(said, texts, parts, relations)
    return assemble_dialogues("redial", given, cases=cases, about=about)


def read_messages(content: Content, kinds: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """said and texts of `assembly.Dialogues`, and how many mentions are of unknown entities. UserError names the line
    of one that is no dialogue. The seeker is who began the dialogue."""
    said, texts, unknown = [], [], 0
    for number, line in enumerate(content.data.decode(errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            dialogue, seeker = str(row["conversationId"]), row["initiatorWorkerId"]
            for message in row["messages"]:
                speaker = SEEKER if message["senderWorkerId"] == seeker else RECOMMENDER
                texts.append((dialogue, message["turn_id"], speaker, message["text"]))
                known = [entity for entity in message["thread"] if entity in kinds]
                unknown += len(message["thread"]) - len(known)
                said += [(dialogue, message["turn_id"], speaker, entity, kinds[entity]) for entity in known]
        except (ValueError, KeyError, TypeError) as error:
            raise data_error(content, number, "not a dialogue with messages and their entities") from error
    columns = ["dialogue", "turn", "speaker"]
    return (pd.DataFrame(said, columns=[*columns, "entity", "kind"]).replace({"kind": {"movie": MOVIE}}),
            pd.DataFrame(texts, columns=[*columns, "text"]), unknown)  # fmt: skip
