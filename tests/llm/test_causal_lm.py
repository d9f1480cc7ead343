"""A local language model as a namer of latents, here a tiny random one."""
import numpy as np
import pytest
import torch

from workbench.errors import UserError
from workbench.llm.causal_lm import CausalLMNamer


def test_a_missing_library_or_folder_is_an_error(tmp_path):
    with pytest.raises(UserError, match="holds no model|needs transformers"):
        CausalLMNamer(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny GPT-2 over letters and two words, with its tokenizer."""
    transformers, tokenizers = pytest.importorskip("transformers"), pytest.importorskip("tokenizers")
    path = tmp_path_factory.mktemp("model")
    letters = {chr(code): code - 31 for code in range(32, 127)} | {"\n": 96, "<e>": 0, " yes": 97, " no": 98}
    core = tokenizers.Tokenizer(tokenizers.models.BPE(letters, [], unk_token="<e>"))
    core.add_tokens([" yes", " no"])
    words = transformers.PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<e>", pad_token="<e>")
    config = transformers.GPT2Config(vocab_size=99, n_positions=2048, n_embd=16, n_layer=1, n_head=2)
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(config)
    words.save_pretrained(path)
    model.save_pretrained(path)
    return path


def test_predictions_do_not_depend_on_the_batch(folder):
    namer = CausalLMNamer(folder)
    cases = ["a lamp", "a chair\nanother lamp", "x" * 200, "a table", "a\nb\nc"] * 5
    together = namer.predict("lamps", cases)
    assert together.shape == (25,) and together.dtype == bool and namer.predict("lamps", []).shape == (0,)
    alone = np.concatenate([namer.predict("lamps", [case]) for case in cases[:5]])
    assert (together[:5] == alone).all(), "padding changes no answer"
    with torch.no_grad():
        namer.model.lm_head.weight.data[98] = -namer.model.lm_head.weight.data[97]
    margin = namer.predict("lamps", cases[:5])
    with torch.no_grad():
        namer.model.lm_head.weight.data[[97, 98]] = namer.model.lm_head.weight.data[[98, 97]]
    assert (namer.predict("lamps", cases[:5]) != margin).all(), "swapping yes and no swaps the predictions"
    said = namer.name(cases[:3], cases[3:5])
    assert said == namer.name(cases[:3], cases[3:5]) and "\n" not in said
