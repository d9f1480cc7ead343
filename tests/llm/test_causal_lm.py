"""The door to causal language models, on a tiny random one: likelihoods, text, and what is refused."""
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_lm import save_tiny_model, tiny_model

from workbench import llm
from workbench.errors import UserError
from workbench.llm.likelihoods import BUCKET
from workbench.llm.models import downloaded

REAL = downloaded("smollm2")
PROMPTS = ["She bought a lamp, then", "x", "A longer history: a chair, a table, two lamps, a rug and then"]
TITLES = [" a chair", " b", " a table for the garden, round", "x", " a rug", " lamps, a set of two", " a chair!", " q"]


@pytest.fixture(scope="module")
def lm():
    return llm.CausalLM(*tiny_model())


def naive(lm, prompt, continuation):
    """The log-probability of every token of the continuation, from one pass over the whole text."""
    head, tail = (lm.tokenizer(text, add_special_tokens=False).input_ids for text in (prompt, continuation))
    head = head or [lm.start]
    with torch.no_grad():
        logits = lm.model(torch.tensor([head + tail])).logits[0].double().log_softmax(-1)
    return float(sum(logits[len(head) - 1 + at, token] for at, token in enumerate(tail)))


def test_likelihoods_equal_those_of_whole_texts(lm):
    assert len(TITLES) > BUCKET, "more than one bucket"
    scores = lm.log_prob(PROMPTS, TITLES)
    expected = [[naive(lm, prompt, title) for title in TITLES] for prompt in PROMPTS]
    assert scores.shape == (3, 8) and scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert np.ptp(expected) > 10, "a random model that tells texts apart"


def test_each_prompt_may_have_continuations_of_its_own(lm):
    own = [TITLES[:3], TITLES[3:6], TITLES[5:8]]
    scores = lm.log_prob(PROMPTS, own)
    np.testing.assert_allclose(scores, [[naive(lm, p, c) for c in row] for p, row in zip(PROMPTS, own)], atol=1e-4)
    np.testing.assert_allclose(lm.log_prob(PROMPTS[1:2], own[1:2]), scores[1:2], atol=1e-4)


@pytest.mark.parametrize("prior", ["then", ""])
def test_the_prior_of_a_continuation_is_subtracted(lm, prior):
    plain, scores = lm.log_prob(PROMPTS, TITLES), lm.log_prob(PROMPTS, TITLES, prior_prompt=prior)
    np.testing.assert_allclose(plain - scores, [[naive(lm, prior, title) for title in TITLES]] * 3, atol=1e-4)


def test_a_long_prompt_keeps_its_end_and_says_so(caplog):
    short = llm.CausalLM(*tiny_model(context=20))
    scores = short.log_prob(["a" * 30 + "the end is: "], ["yes", "no"])
    assert "is cut to its last 17" in caplog.text
    np.testing.assert_allclose(scores, short.log_prob([("a" * 30 + "the end is: ")[-17:]], ["yes", "no"]), atol=1e-4)
    with pytest.raises(UserError, match="reads 20 tokens"):
        short.log_prob(["a"], ["b" * 20])


def test_text_does_not_depend_on_the_batch_and_is_the_likeliest(lm):
    prompts = PROMPTS * 4
    texts = lm.generate(prompts, max_tokens=4)
    assert texts == [lm.generate([prompt], max_tokens=4)[0] for prompt in PROMPTS] * 4
    with torch.no_grad():
        ids = lm.tokenizer(PROMPTS[0]).input_ids
        for _ in range(4):
            ids.append(int(lm.model(torch.tensor([ids])).logits[0, -1].argmax()))
    assert texts[0] == lm.tokenizer.decode(ids[-4:], skip_special_tokens=True)
    assert lm.generate([], max_tokens=4) == [] and lm.log_prob([], TITLES).shape == (0, 8)


@pytest.mark.parametrize(("continuations", "complaint"), [
    (["a", ""], "'' has no tokens"),
    ([["a"], ["b"]], "3 prompts and 2 lists"),
    ([["a"], ["b"], ["c", "d"]], r"lengths \[1, 2\]"),
])  # fmt: skip
def test_continuations_that_cannot_be_scored(lm, continuations, complaint):
    with pytest.raises(UserError, match=complaint):
        lm.log_prob(PROMPTS, continuations)


def test_a_folder_is_loaded_without_pickle(tmp_path, lm):
    loaded = llm.load(save_tiny_model(tmp_path / "model"), device="cpu")
    np.testing.assert_allclose(loaded.log_prob(PROMPTS, TITLES), lm.log_prob(PROMPTS, TITLES), atol=1e-5)
    pickled = tmp_path / "pickled"
    shutil.copytree(tmp_path / "model", pickled)
    torch.save(lm.model.state_dict(), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    with pytest.raises(UserError, match="cannot be loaded.*safetensors"):
        llm.load(pickled)


def test_a_model_without_some_of_its_weights_is_refused(tmp_path):
    """transformers would only warn, and score with random ones."""
    folder = save_tiny_model(tmp_path / "model")
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    lost = [name for name in weights if ".1." in name]
    kept = {name: value for name, value in weights.items() if name not in lost}
    safetensors.torch.save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=f"{len(lost)} weights of its network are not in the file, such as model.lay"):
        llm.load(folder)


@pytest.mark.parametrize(("name", "complaint"), [
    ("", "holds no model: there is no config.json"),
    ("weights.bin", "give a folder, or a file that ends in .gguf"),
    ("no/such/folder", "no such folder of a model"),
    ("broken", "cannot be loaded|needs the extra 'llm'"),
])  # fmt: skip
def test_what_is_no_model_is_refused(tmp_path, name, complaint):
    (tmp_path / "weights.bin").write_bytes(b"x")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(UserError, match=complaint):
        llm.load(tmp_path / name)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="needs the model: `workbench model smollm2` downloads it once")
def test_a_real_model_knows_something_and_its_likelihoods_are_those_of_whole_texts():
    lm = llm.load(REAL, device="cpu")
    prompts, cities = ["The capital of France is", "The capital of Japan is"], [" Paris", " Tokyo", " a chair"]
    scores = lm.log_prob(prompts, cities)
    np.testing.assert_allclose(scores, [[naive(lm, prompt, city) for city in cities] for prompt in prompts], atol=1e-3)
    assert scores.argmax(1).tolist() == [0, 1] and (scores[:, 2] < scores[:, :2].min(1)).all()
    assert lm.generate([lm.chat("What is the capital of France?")])[0].find("Paris") >= 0
    form = {"type": "object", "properties": {"color": {"enum": ["green", "loud"]}}, "required": ["color"]}
    assert llm.read_json(lm.generate([lm.chat("Grass has which color?")], schema=form)[0]) == {"color": "green"}
