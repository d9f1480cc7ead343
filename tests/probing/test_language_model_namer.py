"""A local language model as a namer of latents, here a tiny random one."""
import numpy as np
import pytest
from tiny_lm import tiny_model

from workbench.llm import CausalLM
from workbench.probing.naming.language_model import NO, PREDICT_PROMPT, YES, LanguageModelNamer

CASES = ["a lamp", "a chair\nanother lamp", "x" * 200, "a table", "a\nb\nc"] * 2


@pytest.fixture(scope="module")
def namer():
    return LanguageModelNamer(CausalLM(*tiny_model()))


def test_activity_is_predicted_where_yes_is_likelier_than_no(namer):
    together = namer.predict("lamps", CASES)
    assert together.shape == (10,) and together.dtype == bool and namer.predict("lamps", []).shape == (0,)
    assert (together[:5] == np.concatenate([namer.predict("lamps", [case]) for case in CASES[:5]])).all()
    for case, fires in zip(CASES[:5], together):
        (scores,) = namer.model.log_prob([PREDICT_PROMPT.format(name="lamps", case=case)], [YES, NO])
        assert fires == (scores[0] > scores[1])


def test_a_name_is_the_first_line_that_the_model_writes(namer):
    said = namer.name(CASES[:3], CASES[3:5])
    assert said == namer.name(CASES[:3], CASES[3:5]) and "\n" not in said


def test_a_name_has_no_blanks_around_it(namer, monkeypatch):
    monkeypatch.setattr(namer.model, "generate", lambda prompts, max_tokens: ["\n  desk   lamps \nand more"])
    assert namer.name(["a"], ["b"]) == "desk lamps"
