"""The door to language models on this machine: `load` for likelihoods and text, `encode` for sentence vectors.

Read models (where a model is found), then causal_lm, and what it is made of: likelihoods, next_tokens, json_answers,
lora, and answers, which keeps what was asked. sentence_encoder is for vectors of texts, download gets a model that a
package holds. Nothing is imported from the extras before a model is loaded, weights are read from safetensors or GGUF
alone, and code that comes with a model is never run.
"""
from workbench.llm.causal_lm import CausalLM, load
from workbench.llm.json_answers import read_json
from workbench.llm.lora import load_lora
from workbench.llm.models import model_path
from workbench.llm.sentence_encoder import encode

__all__ = ["CausalLM", "encode", "load", "load_lora", "model_path", "read_json"]
