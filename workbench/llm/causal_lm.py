"""A namer that is a language model in a folder of this machine; see `namers` for the door. Nothing is downloaded."""
from pathlib import Path

import numpy as np
import torch

from workbench.errors import UserError

NAME = """Shopping histories, one item a line, the last one read below.

These make one unit of a network fire:

{fires}

These do not:

{silent}

In five words or fewer, the unit fires for:"""
FIRES = """A unit of a network fires for: {name}

A shopping history, the last item below:

{case}

Does it fire? Answer:"""
SHOWN, WORDS, BATCH = 10, 16, 16  # cases of a kind in a prompt, new tokens of a name, cases judged at a time
YES, NO = " yes", " no"


class LocalModel:
    """A `namers.Namer` around a causal language model as transformers saves it.

    It names by going on after a prompt, always with the likeliest token; it foretells firing where it would rather go
    on with yes than with no. folder: of the model and its tokenizer. UserError where the extra `text` is not installed
    or the folder holds no model.
    """

    def __init__(self, folder: Path | str, *, device: str = "cpu"):
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError:
            raise UserError("a language model needs transformers: pip install workbench-recsys[text]") from None
        if not (Path(folder) / "config.json").exists():
            raise UserError(f"{folder} holds no model: there is no config.json in it")
        self.words = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, padding_side="left",
                                                   truncation_side="left")  # fmt: skip
        self.words.pad_token = self.words.pad_token or self.words.eos_token
        self.model = AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True).to(device).eval()
        self.answers = [self.words(answer, add_special_tokens=False).input_ids[0] for answer in (YES, NO)]

    def name(self, fires: list[str], silent: list[str]) -> str:
        """The first line that the model goes on with."""
        shown = {"fires": "\n\n".join(fires[:SHOWN]), "silent": "\n\n".join(silent[:SHOWN])}
        asked = self._read([NAME.format(**shown)])
        made = self.model.generate(**asked, max_new_tokens=WORDS, do_sample=False, pad_token_id=self.words.pad_token_id)
        said = self.words.decode(made[0, asked["input_ids"].shape[1] :], skip_special_tokens=True)
        return " ".join(said.strip().split("\n")[0].split())

    @torch.no_grad()
    def foretell(self, name: str, cases: list[str]) -> np.ndarray:
        """(n,) bool: where yes is likelier than no."""
        found = []
        for start in range(0, len(cases), BATCH):
            asked = self._read([FIRES.format(name=name, case=case) for case in cases[start : start + BATCH]])
            yes, no = self.model(**asked).logits[:, -1, self.answers].T
            found.append((yes > no).cpu().numpy())
        return np.concatenate(found) if found else np.zeros(0, bool)

    def _read(self, prompts: list[str]) -> dict[str, torch.Tensor]:
        longest = getattr(self.model.config, "max_position_embeddings", 2048) - WORDS
        read = self.words(prompts, return_tensors="pt", padding=True, truncation=True, max_length=longest)
        return {key: read[key].to(self.model.device) for key in ("input_ids", "attention_mask")}
