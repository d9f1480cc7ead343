"""A language model in a folder names latents through the same door; here one that is tiny and was taught one answer."""
import numpy as np
import pytest
import torch

from workbench.errors import UserError
from workbench.llm.causal_lm import LocalModel


def test_a_missing_library_or_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="holds no model|needs transformers"):
        LocalModel(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network of two words more than letters, and a tokenizer that splits into those."""
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


def test_it_names_and_foretells_the_same_alone_and_in_a_batch(folder):
    namer = LocalModel(folder)
    cases = ["a lamp", "a chair\nanother lamp", "x" * 200, "a table", "a\nb\nc"] * 5
    together = namer.foretell("lamps", cases)
    assert together.shape == (25,) and together.dtype == bool and namer.foretell("lamps", []).shape == (0,)
    alone = np.concatenate([namer.foretell("lamps", [case]) for case in cases[:5]])
    assert (together[:5] == alone).all(), "padding changes no answer"
    with torch.no_grad():
        namer.model.lm_head.weight.data[98] = -namer.model.lm_head.weight.data[97]
    margin = namer.foretell("lamps", cases[:5])
    with torch.no_grad():
        namer.model.lm_head.weight.data[[97, 98]] = namer.model.lm_head.weight.data[[98, 97]]
    assert (namer.foretell("lamps", cases[:5]) != margin).all(), "yes and no are told apart"
    said = namer.name(cases[:3], cases[3:5])
    assert said == namer.name(cases[:3], cases[3:5]) and "\n" not in said
