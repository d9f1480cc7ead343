"""A stage is computed once per inputs and code, whatever it returns, and an error stores nothing."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.artifacts import Store, current_store, using_store
from workbench.stages import key_of, stage


@dataclass(frozen=True)
class Word:
    """A value that saves itself."""

    text: str

    @property
    def key(self) -> str:
        """What a stage is keyed by."""
        return self.text

    def save(self, folder: Path) -> None:
        """Write it."""
        (folder / "word").write_text(self.text)

    @staticmethod
    def load(folder: Path) -> "Word":
        """Read it."""
        return Word((folder / "word").read_text())


@pytest.fixture(autouse=True)
def store(tmp_path):
    with using_store(Store(tmp_path)) as _:
        yield


def test_a_result_is_computed_once_per_inputs_and_read_back():
    calls = []

    @stage("table")
    def table(word: Word, n: int, *, scale: float = 1.0) -> pd.DataFrame:
        calls.append(n)
        return pd.DataFrame({word.text: np.arange(n) * scale})

    first = table(Word("a"), 3)
    pd.testing.assert_frame_equal(table(Word("a"), n=np.int64(3), scale=1.0), first)
    assert calls == [3] and first["a"].tolist() == [0, 1, 2]
    table(Word("a"), 3, scale=2.0)
    table(Word("b"), 3)
    assert calls == [3, 3, 3]


def test_arrays_and_objects_are_stored_by_their_annotation():
    @stage("array")
    def array(n: int) -> np.ndarray:
        return np.arange(n)

    @stage("word")
    def word(times: int) -> Word:
        return Word("ab" * times)

    assert array(3).tolist() == array(3).tolist() == [0, 1, 2]
    assert word(2) == word(2) == Word("abab")


def test_an_error_stores_nothing():
    calls = []

    @stage("broken")
    def broken(n: int) -> np.ndarray:
        calls.append(n)
        if len(calls) == 1:
            raise ValueError("the first time")
        return np.zeros(n)

    with pytest.raises(ValueError, match="the first time"):
        broken(2)
    assert len(broken(2)) == 2 and calls == [2, 2]


def test_a_key_tells_contents_apart():
    frame = pd.DataFrame({"a": [1, 2]})
    assert key_of(frame) == key_of(frame.copy()) != key_of(frame * 2) != key_of(frame.astype(float))
    assert key_of(np.arange(3)) != key_of(np.arange(3.0)) and key_of({"a": (1, Word("w"))}) == {"a": [1, "w"]}
    with pytest.raises(TypeError, match="a set cannot be part of a stage's key"):
        key_of({1})


def test_another_store_holds_inside_its_block_alone(tmp_path):
    outer = current_store().root
    with using_store(Store(tmp_path / "inner")):
        assert current_store().root == tmp_path / "inner"
    assert current_store().root == outer
