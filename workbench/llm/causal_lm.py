"""Causal language models in the format of transformers, from a folder, a GGUF file or a published name."""
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.errors import UserError
from workbench.llm.likelihoods import continuation_log_probs
from workbench.llm.models import hide_progress_bars, missing_extra, model_path
from workbench.progress import track
from workbench.train.runtime import select_device

log = logging.getLogger("workbench")
BATCH = 8  # prompts continued at a time
CONTEXT = 2048  # tokens that a model reads where its configuration does not say


class CausalLM:
    """A causal language model and its tokenizer: `log_prob` of continuations, and `generate`.

    model: a PreTrainedModel of transformers, whose `forward` takes a cache of keys and values, and logits_to_keep.
    tokenizer: its PreTrainedTokenizerFast.
    """

    def __init__(self, model: Any, tokenizer: Any):
        self.model, self.tokenizer = model.eval(), tokenizer
        self.context = int(model.config.to_dict().get("max_position_embeddings") or CONTEXT)
        end = tokenizer.eos_token_id
        self.start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end  # where a prompt is empty
        self.padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end or 0

    def log_prob(
        self, prompts: list[str], continuations: list[str] | list[list[str]], *, prior_prompt: str | None = None
    ) -> np.ndarray:  # fmt: skip
        """(B, N) float64: the log-probability in nats of each continuation after each of B prompts, summed over its
        tokens. Prompt and continuation are tokenized apart.

        continuations: N texts for all prompts, or a list of N for each. prior_prompt: what the continuations are also
        scored after; that prior is subtracted, which leaves what the prompt itself says for one. It may be empty.
        UserError for an empty continuation, and for lists of different lengths.
        """
        rows = self._tokenized(prompts, continuations)
        context = [None if prior_prompt is None else self._prompt(prior_prompt, rows)] * len(prompts)
        scores = []
        for prompt, own, prior in track(list(zip(prompts, rows, context)), "likelihoods", unit="prompts"):
            score = continuation_log_probs(self.model, self._prompt(prompt, [own]), own)
            scores.append(score if prior is None else score - continuation_log_probs(self.model, prior, own))
        return np.array(scores, np.float64).reshape(len(prompts), len(rows[0]) if rows else len(continuations))

    def generate(self, prompts: list[str], *, max_tokens: int = 16) -> list[str]:
        """The most likely continuation of each prompt, token by token (greedy decoding), of at most `max_tokens` tokens
        and without special tokens."""
        texts = []
        for start in track(range(0, len(prompts), BATCH), "generating", unit=f"times {BATCH} prompts"):
            ids = [self._prompt(prompt, [[[0] * max_tokens]]) for prompt in prompts[start : start + BATCH]]
            width = max(map(len, ids))
            padded = torch.tensor([[self.padding] * (width - len(row)) + row for row in ids])
            mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids])
            with torch.no_grad():
                output = self.model.generate(
                    input_ids=padded.to(self.model.device), attention_mask=mask.to(self.model.device),
                    max_new_tokens=max_tokens, do_sample=False, pad_token_id=self.padding,
                )  # fmt: skip
            texts += self.tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)
        return texts

    def _tokenized(self, prompts: list[str], continuations: list) -> list[list[list[int]]]:
        """The tokens of the continuations of each prompt."""
        shared = all(isinstance(each, str) for each in continuations)
        lists = [continuations] * len(prompts) if shared else continuations
        if len(lists) != len(prompts) or len({len(each) for each in lists}) > 1:
            lengths = sorted({len(each) for each in lists})
            raise UserError(f"{len(prompts)} prompts and {len(lists)} lists of continuations, of lengths {lengths}; "
                            "give each prompt a list of one length, or one list of texts for all")  # fmt: skip
        known: dict[str, list[int]] = {}
        for text in {text for each in lists for text in each}:
            known[text] = self.tokenizer(text, add_special_tokens=False).input_ids
            if not known[text]:
                raise UserError(f"the continuation {text!r} has no tokens, so it has no likelihood")
        return [[known[text] for text in each] for each in lists]

    def _prompt(self, prompt: str, rows: list[list[list[int]]]) -> list[int]:
        """The tokens of a prompt: its last ones where it and the longest continuation exceed the context."""
        ids = self.tokenizer(prompt).input_ids or [self.start]
        room = self.context - max((len(row) for own in rows for row in own), default=0)
        if room < 1:
            raise UserError(f"the model reads {self.context} tokens, and a continuation leaves none for the prompt")
        if len(ids) > room:
            log.warning("a prompt of %d tokens is cut to its last %d: the model reads %d", len(ids), room, self.context)
        return ids[-room:]


def load(name: str | Path, *, device: str = "auto") -> CausalLM:
    """A causal language model in float32.

    name: a folder, a GGUF file, a model that `workbench model` has downloaded, such as smollm2, or a published name.
    device: as of training. UserError if the extra `llm` is not installed, or there is no such model, or its weights are
    neither safetensors nor GGUF, or not all there.
    """
    path = model_path(str(name))
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise missing_extra(str(name), "llm") from error
    hide_progress_bars()
    gguf = path.endswith(".gguf")
    place = str(Path(path).parent) if gguf else path
    options = {"local_files_only": Path(path).exists(), "trust_remote_code": False}
    options |= {"gguf_file": Path(path).name} if gguf else {}
    weights = {} if gguf else {"use_safetensors": True}
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
        options |= {"dtype": torch.float32, "output_loading_info": True}
        model, found = AutoModelForCausalLM.from_pretrained(place, **weights, **options)
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"the model {str(name)!r} cannot be loaded: {error}", code=3) from error
    if missing := sorted(found["missing_keys"]):  # transformers would make them up at random
        raise UserError(f"the model {str(name)!r} cannot be loaded: {len(missing)} weights of its network are not in "
                        f"the file, such as {missing[0]}", code=3)  # fmt: skip
    return CausalLM(model.to(select_device(device)), tokenizer)
