"""A tiny random causal language model over bytes, a real PreTrainedModel of transformers, built in code."""
from pathlib import Path

import pytest
import torch


def tiny_model(*, layers: int = 2, width: int = 64, seed: int = 0, context: int = 2048):
    """(model, tokenizer): Llama of two layers with random weights; one token a byte."""
    transformers = pytest.importorskip("transformers", reason="the extra llm is not installed")
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1} | {letter: at for at, letter in enumerate(alphabet, start=2)}
    core = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = tokenizers.decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=context, initializer_range=0.3,
        bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config), tokenizer


def save_tiny_model(folder: Path, **settings) -> Path:
    """The folder, with the model and its tokenizer in it."""
    model, tokenizer = tiny_model(**settings)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
