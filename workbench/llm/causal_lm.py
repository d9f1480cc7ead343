"""Causal language models in the format of transformers, from a folder, a GGUF file or a published name."""
import logging
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.closure import closure_hash
from workbench.errors import UserError
from workbench.llm.answers import remembered
from workbench.llm.json_answers import fields_of, json_answer, longest_answer, picker, plain_tokens
from workbench.llm.likelihoods import continuation_log_probs
from workbench.llm.lora import Adapters, add_lora
from workbench.llm.models import PUBLISHED, hide_progress_bars, missing_extra, model_key, model_path
from workbench.llm.next_tokens import answer_tokens, next_logits
from workbench.progress import track
from workbench.train import named_rng
from workbench.train.runtime import select_device

log = logging.getLogger("workbench")
BATCH = 8  # prompts continued at a time
SAID = 60  # characters that a warning says of what was cut
CONTEXT = 2048  # tokens that a model reads where its configuration does not say


class CausalLM:
    """A causal language model and its tokenizer: `log_prob` of continuations, `answer_logits`, and `generate`.

    model: a PreTrainedModel of transformers, whose `forward` takes a cache of keys and values, and logits_to_keep.
    tokenizer: its PreTrainedTokenizerFast. key: the digest of the model's files, by which its answers are stored; ""
    stores none.
    """

    def __init__(self, model: Any, tokenizer: Any, key: str = ""):
        self.model, self.tokenizer, self.key = model.eval(), tokenizer, key
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
        lists = [continuations] * len(prompts) if continuations and isinstance(continuations[0], str) else continuations

        def compute(questions: list[list]) -> list[list[float]]:
            scores = []
            for prompt, texts in track(questions, "likelihoods", unit="prompts"):
                (own,) = self._tokenized([prompt], texts)
                score = continuation_log_probs(self.model, self._prompt(prompt, [own]), own)
                if prior_prompt is not None:
                    score = score - continuation_log_probs(self.model, self._prompt(prior_prompt, [own]), own)
                scores.append(score.tolist())
            return scores

        questions = [[prompt, list(texts)] for prompt, texts in zip(prompts, lists)]
        scores = self._remembered("log_prob", {"prior": prior_prompt}, questions, compute)
        return np.array(scores, np.float64).reshape(len(prompts), len(rows[0]) if rows else len(continuations))

    def answer_logits(self, prompts: list[str], answers: tuple[str, ...]) -> np.ndarray:
        """(B, N) float64: the logits of N answers as the next word after each of B prompts, such as the letters of a
        choice: one forward pass, of which nothing else is read.

        Of an answer its first token counts. UserError where two answers begin with the same token.
        """
        columns = answer_tokens(self.tokenizer, answers)

        def compute(some: list[str]) -> list[list[float]]:
            found = []
            for start in track(range(0, len(some), BATCH), "answers", unit=f"times {BATCH} prompts"):
                with torch.no_grad():
                    found += self.logits_after(some[start : start + BATCH])[:, columns].double().tolist()
            return found

        found = self._remembered("answer_logits", {"answers": list(answers)}, prompts, compute)
        return np.array(found, np.float64).reshape(len(prompts), len(answers))

    def logits_after(self, prompts: list[str]) -> Tensor:
        """(B, V) logits of the next token, with a gradient where parameters ask for one; nothing is stored."""
        return next_logits(self.model, [self._prompt(prompt, [[[0]]]) for prompt in prompts], self.padding)

    def generate(
        self, prompts: list[str], *, max_tokens: int = 16, schema: dict | None = None, temperature: float = 0.0,
        seed: int = 0,
    ) -> list[str]:  # fmt: skip
        """The most likely continuation of each prompt, token by token (greedy decoding), of at most `max_tokens` tokens
        and without special tokens; or with a schema, as in `json_answers`, a JSON object of that form, always.

        temperature: above 0, tokens of such an object are drawn instead, from a stream of the prompt and the seed.
        UserError for a schema of another form, or a temperature without one.
        """
        if schema is None:
            if temperature:
                raise UserError(f"{temperature=} is for answers with a schema; plain text is decoded greedily")
            return self._remembered("generate", {"max_tokens": max_tokens}, prompts,
                                    lambda some: self._continued(some, max_tokens))  # fmt: skip
        fields = fields_of(schema)
        room = [[[0] * longest_answer(self.tokenizer, fields)]]

        def compute(some: list[str]) -> list[str]:
            answers = []
            for prompt in track(some, "answers", unit="prompts"):
                pick = picker(temperature, named_rng(seed, "answer", prompt))
                ids = self._prompt(prompt, room)
                answers.append(json_answer(self.model, self.tokenizer, self._plain, ids, fields, pick))
            return answers

        how = {"schema": schema, "temperature": temperature, "seed": seed if temperature else 0}
        return self._remembered("generate", how, prompts, compute)

    def chat(self, message: str) -> str:
        """The prompt with which a model tuned for conversation is asked `message`: its chat template around it.
        UserError where it has none."""
        if not self.tokenizer.chat_template:
            raise UserError("this model has no chat template: it was not tuned for conversation. Give it plain "
                            "prompts, or use a model that was, such as smollm2")  # fmt: skip
        turns = [{"role": "user", "content": message}]
        return self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

    def add_lora(
        self, pattern: str | tuple[str, ...], *, rank: int, n: int = 1, alpha: float | None = None
    ) -> Adapters:  # fmt: skip
        """Adapters of the model's layers, in place, as `lora.add_lora`; from then on no answer is stored, because
        what is trained changes them."""
        self.key = "" if rank else self.key
        return add_lora(self.model, pattern, rank=rank, n=n, alpha=alpha)

    @cached_property
    def _plain(self) -> np.ndarray:
        return plain_tokens(self.tokenizer, self.model.config.vocab_size)

    def _remembered(self, method: str, settings: dict, questions: list, compute: Any) -> list:
        how = {"method": method, "code": closure_hash(__file__) if self.key else ""} | settings
        return remembered(self.key, how, questions, compute)

    def _continued(self, prompts: list[str], max_tokens: int) -> list[str]:
        """The greedy continuations of prompts."""
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
            lost = self.tokenizer.decode(ids[:-room], skip_special_tokens=True)
            log.warning("a prompt of %d tokens is cut to its last %d: the model reads %d. Cut: %r%s", len(ids), room,
                        self.context, lost[:SAID], " ..." if len(lost) > SAID else "")  # fmt: skip
        return ids[-room:]


def load(name: str | Path, *, device: str = "auto") -> CausalLM:
    """A causal language model in float32.

    name: a folder, a GGUF file, a model that `workbench model` has downloaded, such as smollm2, or a published name.
    device: as of training. UserError if the extra `llm` is not installed, or there is no such model, or its weights are
    neither safetensors nor GGUF, or not all there, or if no name is given.
    """
    if not str(name):
        raise UserError(f"no language model is given: name a folder, a GGUF file, or one of {', '.join(PUBLISHED)}")
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
    return CausalLM(model.to(select_device(device)), tokenizer, model_key(str(name)))
