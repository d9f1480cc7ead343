"""Names for SAE latents from a local causal language model, a `workbench.probing.naming.auto_interp.Namer`. Nothing is
downloaded."""
from pathlib import Path

import numpy as np
import torch

from workbench.errors import UserError

NAME_PROMPT = """Shopping histories, one item a line, the last one read below.

These make one unit of a network fire:

{active}

These do not:

{inactive}

In five words or fewer, the unit fires for:"""
PREDICT_PROMPT = """A unit of a network fires for: {name}

A shopping history, the last item below:

{case}

Does it fire? Answer:"""
SHOWN, NEW_TOKENS, BATCH = 10, 16, 16  # cases per class in a prompt; length of a name; cases predicted at a time
YES, NO = " yes", " no"


class CausalLMNamer:
    """A `Namer` with a causal language model in the format of transformers.

    It names a latent by greedy decoding after a prompt, and predicts activity where `yes` is more likely than `no`.
    folder: of the model and its tokenizer. Raises UserError if the extra `text` is not installed or the folder holds no
    model.
    """

    def __init__(self, folder: Path | str, *, device: str = "cpu"):
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError:
            raise UserError("a language model needs transformers: pip install workbench-recsys[text]") from None
        if not (Path(folder) / "config.json").exists():
            raise UserError(f"{folder} holds no model: there is no config.json in it")
        self.tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, padding_side="left",
                                                       truncation_side="left")  # fmt: skip
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.model = AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True).to(device).eval()
        self.answers = [self.tokenizer(answer, add_special_tokens=False).input_ids[0] for answer in (YES, NO)]

    def name(self, active: list[str], inactive: list[str]) -> str:
        """The first line of the greedy continuation."""
        cases = {"active": "\n\n".join(active[:SHOWN]), "inactive": "\n\n".join(inactive[:SHOWN])}
        inputs = self._tokenize([NAME_PROMPT.format(**cases)])
        output = self.model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False,
                                     pad_token_id=self.tokenizer.pad_token_id)  # fmt: skip
        text = self.tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return " ".join(text.strip().split("\n")[0].split())

    @torch.no_grad()
    def predict(self, name: str, cases: list[str]) -> np.ndarray:
        """(n,) bool: whether `yes` is more likely than `no` for each case."""
        predictions = []
        for start in range(0, len(cases), BATCH):
            prompts = [PREDICT_PROMPT.format(name=name, case=case) for case in cases[start : start + BATCH]]
            yes, no = self.model(**self._tokenize(prompts)).logits[:, -1, self.answers].T
            predictions.append((yes > no).cpu().numpy())
        return np.concatenate(predictions) if predictions else np.zeros(0, bool)

    def _tokenize(self, prompts: list[str]) -> dict[str, torch.Tensor]:
        max_length = getattr(self.model.config, "max_position_embeddings", 2048) - NEW_TOKENS
        inputs = self.tokenizer(prompts, return_tensors="pt", padding=True, truncation=True, max_length=max_length)
        return {key: inputs[key].to(self.model.device) for key in ("input_ids", "attention_mask")}
