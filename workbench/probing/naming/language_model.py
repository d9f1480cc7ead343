"""Names for SAE latents from a causal language model, a `workbench.probing.naming.auto_interp.Namer`."""
import numpy as np

from workbench.llm import CausalLM

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
SHOWN, NEW_TOKENS = 10, 16  # cases per class in a prompt; length of a name
YES, NO = " yes", " no"


class LanguageModelNamer:
    """A `Namer` with a causal language model: it names a latent by greedy decoding after a prompt, and predicts
    activity where `yes` is more likely than `no`."""

    def __init__(self, model: CausalLM):
        self.model = model

    def name(self, active: list[str], inactive: list[str]) -> str:
        """The first line of the greedy continuation."""
        cases = {"active": "\n\n".join(active[:SHOWN]), "inactive": "\n\n".join(inactive[:SHOWN])}
        (text,) = self.model.generate([NAME_PROMPT.format(**cases)], max_tokens=NEW_TOKENS)
        return " ".join(text.strip().split("\n")[0].split())

    def predict(self, name: str, cases: list[str]) -> np.ndarray:
        """(n,) bool: whether `yes` is more likely than `no` for each case."""
        prompts = [PREDICT_PROMPT.format(name=name, case=case) for case in cases]
        yes, no = self.model.log_prob(prompts, [YES, NO]).T
        return yes > no
