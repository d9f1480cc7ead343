"""The local language model that a system is built with: loaded once, and part of the key of what it makes."""
from functools import lru_cache

from workbench.llm.causal_lm import CausalLM, load
from workbench.llm.models import model_key
from workbench.stages import draw


def local_model(name: str) -> CausalLM:
    """The model. UserError as `llm.load`, or where its tokenizer and weights are not on this machine."""
    key = model_key(name)
    draw("model", key)
    return _loaded(name, key)


@lru_cache(maxsize=1)
def _loaded(name: str, key: str) -> CausalLM:  # key: of the files, which may be changed
    return load(name)
