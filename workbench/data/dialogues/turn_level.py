"""Dialogues published as one row for each recommendation (iEvaLM layout): what was said and mentioned before it."""
import json
import re
from typing import Any

import pandas as pd

from workbench.data.dialogues.assembly import GENRE, RECOMMENDER, SEEKER
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content

FIELDS = {"dialog_id": str | int, "turn_id": int, "context": list, "entity": list, "rec": list, "resp": str}


def read_rows(content: Content) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file, dialog_id as text. UserError names the line of one that is no such row."""
    rows = []
    for number, line in enumerate(content.data.decode(errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise data_error(content, number, "not a JSON object") from error
        if not isinstance(row, dict) or not all(isinstance(row.get(name), kind) for name, kind in FIELDS.items()):
            raise data_error(content, number, f"not an object with {', '.join(FIELDS)}")
        rows.append(row | {"dialog_id": str(row["dialog_id"])})
    return rows


def mentions_of(rows: list[dict[str, Any]], kinds: dict[str, str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """What `assembly.Dialogues` has as `said`, and how many mentions were left out, by reason.

    kinds: of the entities that are known. Of the mentions before a recommendation the layout gives no turn: those that
    no earlier row has are of the turn before. A name of one word that is not among the words of the dialogue is a
    mistake of the release (the person `Eve` in `never`), and is left out, but for genres, which have other forms.
    """
    rows = sorted(rows, key=lambda row: (row["dialog_id"], row["turn_id"]))
    found, seen, unknown, misread = [], set(), 0, 0
    for row in rows:
        dialogue, turn = row["dialog_id"], row["turn_id"]
        text = " ".join([*row["context"], row["resp"]]).lower()
        for speaker, when, names in ((SEEKER, turn - 1, row["entity"]), (RECOMMENDER, turn, row["rec"])):
            for entity in names:
                if (dialogue, entity) in seen:
                    continue
                seen.add((dialogue, entity))
                kind = kinds.get(entity)
                if kind is None:
                    unknown += 1
                elif kind != GENRE and " " not in entity and not among_words(entity, text):
                    misread += 1
                else:
                    found.append((dialogue, when, speaker, entity, kind))
    said = pd.DataFrame(found, columns=["dialogue", "turn", "speaker", "entity", "kind"])
    return said, {"mentions of unknown entities": unknown, "names that are no word of their dialogue": misread}


def among_words(name: str, text: str) -> bool:
    """Whether a name stands in a lower-case text, not as a part of another word."""
    return re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", text) is not None


def texts_of(rows: list[dict[str, Any]], *, in_turns: bool) -> pd.DataFrame:
    """dialogue, turn, speaker, text, up to the last recommendation. in_turns: whether the two speakers alternate, so
    that roles follow from the last turn; else only the speaker of that turn is known."""
    longest: dict[str, dict] = {}
    for row in rows:
        if row["turn_id"] >= longest.get(row["dialog_id"], row)["turn_id"]:
            longest[row["dialog_id"]] = row
    found = []
    for dialogue, row in sorted(longest.items()):
        texts = [*row["context"], row["resp"]]
        for turn, text in enumerate(texts):
            back = len(texts) - 1 - turn
            speaker = (SEEKER if back % 2 else RECOMMENDER) if in_turns or not back else ""
            found.append((dialogue, turn, speaker, text))
    return pd.DataFrame(found, columns=["dialogue", "turn", "speaker", "text"])
