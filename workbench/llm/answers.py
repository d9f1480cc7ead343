"""Answers of a language model, kept in the store by the model's digest and the prompt."""
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.artifacts import current_store, digest, read_manifest, write_folder

AT_ONCE = 32  # questions answered between two times of writing


def remembered(key: str, how: dict, questions: list, compute: Callable[[list], list]) -> list:
    """The answers to questions, all JSON values; those that are not stored are computed, each question once.

    key: the digest of the model; without one nothing is stored. how: what else the answers depend on. A question is a
    prompt, or a list of it and what is asked about.
    """
    if not key:
        return compute(questions)
    found: dict[str, Any] = {}
    names = [digest([key, how, question]) for question in questions]
    asked = dict(zip(names, questions))
    places = {name: current_store().root / "answers" / name[:24] for name in asked}
    for name, place in places.items():
        try:
            read_manifest(place)
            found[name] = json.loads((place / "answer.json").read_text())
        except ValueError:  # not there, or damaged: then it is written anew
            continue
    missing = [name for name in asked if name not in found]
    for start in range(0, len(missing), AT_ONCE):
        some = missing[start : start + AT_ONCE]
        for name, answer in zip(some, compute([asked[each] for each in some]), strict=True):
            _write(places[name], answer, {"kind": "answers", "inputs": {"model": key, "question": name} | how})
            found[name] = answer
    return [found[name] for name in names]


def _write(place: Path, answer: Any, about: dict) -> None:
    text = json.dumps(answer)
    write_folder(place, lambda folder: (folder / "answer.json").write_text(text), about, replace=True)
