"""Answers of a language model: the logits of letters, JSON that is always valid, and what is kept of both."""
import json
import shutil
from inspect import signature

import numpy as np
import pytest
import torch
from tiny_lm import save_tiny_model, tiny_model

from workbench import llm
from workbench.errors import UserError
from workbench.llm.next_tokens import answer_tokens

PROMPTS = ["She bought a lamp, then", "x", "A longer history: a chair, a table, two lamps, a rug and then"]
LETTERS = ("A", "B", "C")
SCHEMA = {"type": "object", "properties": {
    "kind": {"enum": ["lamp", "lamps", 'a "q"', 7, None]}, "stars": {"type": "integer", "minimum": -2, "maximum": 12},
    "why": {"type": "string", "maxLength": 6}, "last": {"type": "string", "maxLength": 3},
}}  # fmt: skip


@pytest.fixture(scope="module")
def lm():
    return llm.CausalLM(*tiny_model())


def test_the_letters_logits_are_those_of_the_next_token_whatever_the_batch(lm):
    found = lm.answer_logits(PROMPTS, LETTERS)
    columns = [lm.tokenizer(letter).input_ids[0] for letter in LETTERS]
    for prompt, row in zip(PROMPTS, found):
        with torch.no_grad():
            logits = lm.model(torch.tensor([lm.tokenizer(prompt).input_ids])).logits[0, -1]
        np.testing.assert_allclose(row, logits[columns], atol=1e-4)
    np.testing.assert_allclose(lm.answer_logits(PROMPTS[:1], LETTERS), found[:1], atol=1e-4)
    np.testing.assert_allclose(lm.answer_logits(PROMPTS[:1], LETTERS[::-1]), found[:1, ::-1], atol=1e-4)
    assert lm.answer_logits([], LETTERS).shape == (0, 3) and np.ptp(found) > 0.1


def test_answers_that_begin_alike_are_refused(lm):
    with pytest.raises(UserError, match="lamp, lamps do not each begin with a token of their own"):
        lm.answer_logits(PROMPTS, ("lamp", "lamps"))


def within(answer: dict) -> bool:
    """Whether an answer is of the form of SCHEMA."""
    kinds, whole = SCHEMA["properties"]["kind"]["enum"], isinstance(answer["stars"], int)
    short = len(answer["why"]) <= 6 and len(answer["last"]) <= 3
    return list(answer) == list(SCHEMA["properties"]) and answer["kind"] in kinds and whole and short


def test_json_is_valid_by_construction_also_of_models_that_know_nothing():
    for seed in range(3):
        model = llm.CausalLM(*tiny_model(seed=seed))
        answers = [json.loads(text) for text in model.generate(PROMPTS * 2, schema=SCHEMA)]
        answers += [llm.read_json(text) for at in range(4)
                    for text in model.generate(PROMPTS, schema=SCHEMA, temperature=2.0, seed=at)]  # fmt: skip
        assert all(-2 <= answer["stars"] <= 12 and within(answer) for answer in answers)
        assert answers[:3] == answers[3:6], "greedy"
        assert len({json.dumps(answer) for answer in answers[6:]}) > 6, "drawn"


def test_a_choice_is_the_likeliest_token_by_token(lm):
    options = ["red", "blue", "green"]
    schema = {"type": "object", "properties": {"x": {"enum": options}}}
    for prompt, text in zip(PROMPTS, lm.generate(PROMPTS, schema=schema)):
        first = lm.log_prob([prompt + '{"x": "'], [option[0] for option in options])[0]
        assert json.loads(text)["x"] == options[int(first.argmax())]


def test_a_tokenizer_with_merged_tokens():
    """Tokens of several letters, of a space and a letter, of quotes and commas: as real models have them."""
    transformers, tokenizers = pytest.importorskip("transformers"), pytest.importorskip("tokenizers")
    core = tokenizers.ByteLevelBPETokenizer()
    text = [f'Answer: {letter}\n{{"kind": "lamp", "stars": {at}, "why": "so"}}' for at, letter in enumerate("ABCABC")]
    core.train_from_iterator(text * 5, vocab_size=320, min_frequency=2, show_progress=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core._tokenizer)
    tokenizer.add_special_tokens({"bos_token": "<s>", "eos_token": "</s>"})
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, initializer_range=0.3,
    )  # fmt: skip
    model = llm.CausalLM(transformers.LlamaForCausalLM(config), tokenizer)
    assert any(len(row) > 1 for row in map(tokenizer.decode, range(len(tokenizer)))), "merged"
    letter = tokenizer(" A", add_special_tokens=False).input_ids
    columns = answer_tokens(tokenizer, LETTERS)
    assert columns[0] == letter[0] and len(set(columns)) == 3
    for seed in range(6):
        for answer in model.generate(PROMPTS, schema=SCHEMA, temperature=3.0, seed=seed):
            assert within(json.loads(answer))


def test_the_seed_decides_what_is_drawn(lm):
    one, same, other = (lm.generate(PROMPTS, schema=SCHEMA, temperature=1.0, seed=seed) for seed in (1, 1, 2))
    assert one == same != other
    assert lm.generate(PROMPTS[1:], schema=SCHEMA, temperature=1.0, seed=1) == one[1:], "of each prompt for itself"


@pytest.mark.parametrize(("schema", "complaint"), [
    ({"type": "array"}, "a schema is"), ({"type": "object", "properties": {}}, "a schema is"),
    ({"type": "object", "properties": {"n": {"type": "integer"}}}, "'n' must be an enum"),
    ({"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 5000}}}, "at most 1000"),
    ({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 2}}}, "'n' must be"),
    ({"type": "object", "properties": {"n": {"enum": ["a", "a"]}}}, "'n' must be"),
    ({"type": "object", "properties": {"n": {"type": "string"}}}, "'n' must be"),
])  # fmt: skip
def test_schemas_that_are_not_known(lm, schema, complaint):
    with pytest.raises(UserError, match=complaint):
        lm.generate(PROMPTS, schema=schema)


def test_an_answer_that_is_not_json_is_shown():
    assert llm.read_json('{"a": 1}') == {"a": 1}
    with pytest.raises(UserError, match="not JSON.*'Sure! Here it is"):
        llm.read_json("Sure! Here it is: {}")


def test_a_chat_template_is_used_where_there_is_one():
    model = llm.CausalLM(*tiny_model())
    with pytest.raises(UserError, match="no chat template"):
        model.chat("hello")
    turns = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    model.tokenizer.chat_template = turns + "{% if add_generation_prompt %}[answer]{% endif %}"
    assert model.chat("hello") == "[user] hello\n[answer]"


def test_what_was_cut_of_a_prompt_is_said(caplog):
    short = llm.CausalLM(*tiny_model(context=20))
    found = short.answer_logits(["the beginning, " + "a" * 20], LETTERS)
    assert "a prompt of 35 tokens is cut to its last 19: the model reads 20. Cut: 'the beginning, a'" in caplog.text
    np.testing.assert_allclose(found, short.answer_logits(["a" * 19], LETTERS), atol=1e-5)
    caplog.clear()
    llm.CausalLM(*tiny_model(context=60)).generate(["b" * 50], schema={"type": "object", "properties": {
        "a": {"type": "string", "maxLength": 9}}})  # fmt: skip
    assert "is cut to its last" in caplog.text


def test_no_model():
    with pytest.raises(UserError, match="no language model is given: name a folder.*smollm2"):
        llm.load("")


def test_answers_are_kept_by_model_and_prompt(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    loaded = llm.load(save_tiny_model(tmp_path / "model"), device="cpu")
    asked = []
    monkeypatch.setattr(loaded.model, "forward", counting(loaded.model.forward, asked))

    def all_of(prompts):
        return (loaded.log_prob(prompts, ["a", "b c"]).tolist(), loaded.log_prob(prompts, ["a"]).tolist(),
                loaded.answer_logits(prompts, LETTERS).tolist(), loaded.generate(prompts, max_tokens=3),
                loaded.generate(prompts, schema=SCHEMA))  # fmt: skip

    first = all_of(PROMPTS[:2])
    assert asked
    asked.clear()
    assert all_of(PROMPTS[:2]) == first and all_of(PROMPTS[1::-1]) == tuple(part[::-1] for part in first) and not asked
    all_of(PROMPTS)
    assert asked, "another prompt"
    asked.clear()
    loaded.generate(PROMPTS[:2], max_tokens=4)
    assert asked, "another setting"
    asked.clear()
    again = llm.load(tmp_path / "model", device="cpu")
    assert again.key == loaded.key != llm.load(save_tiny_model(tmp_path / "other", seed=1)).key
    shutil.rmtree(tmp_path / "home")
    loaded.answer_logits(PROMPTS[:2], LETTERS)
    assert asked, "nothing but the store remembers"


def counting(forward, asked):
    def forwards(*args, **more):
        asked.append(1)
        return forward(*args, **more)

    forwards.__signature__ = signature(forward)
    return forwards
