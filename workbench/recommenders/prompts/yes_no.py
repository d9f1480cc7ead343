"""Log-odds of yes against no after a prompt, the same whichever of the two words is named first."""
from collections.abc import Callable

import numpy as np

from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.prompts.templates import YES_NO


def yes_no_odds(
    lm: CausalLM, prompts: Callable[[tuple[str, str]], list[str]], answers: tuple[str, str] = YES_NO
) -> np.ndarray:  # fmt: skip
    """(P,) log p(first of `answers`) / p(second), the mean over both orders in which a prompt names them.

    prompts(answers): P prompts that name the answers in this order.
    """
    one, other = (lm.answer_logits(prompts(order), answers) for order in (answers, answers[::-1]))
    return ((one[:, 0] - one[:, 1]) + (other[:, 0] - other[:, 1])) / 2
