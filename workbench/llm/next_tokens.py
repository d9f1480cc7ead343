"""The logits of the next token after prompts, and those of the words that a prompt offers as answers."""
from typing import Any

import torch
from torch import Tensor

from workbench.errors import UserError


def next_logits(model: Any, rows: list[list[int]], padding: int) -> Tensor:
    """(B, V) logits of the token after each of B rows of tokens, in one forward pass; a gradient flows where one is
    asked for. Rows are padded on the left, and padding is neither attended to nor counted as a position."""
    width = max(map(len, rows))
    ids = torch.tensor([[padding] * (width - len(row)) + row for row in rows], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=model.device)
    places = (mask.cumsum(1) - 1).clamp_min(0)
    return model(ids, attention_mask=mask, position_ids=places, use_cache=False, logits_to_keep=1).logits[:, -1]


def answer_tokens(tokenizer: Any, answers: tuple[str, ...]) -> list[int]:
    """The first token of each answer, after a space if these differ, else without one. UserError where two answers
    begin with the same token either way, or one has none."""
    for space in (" ", ""):
        found = [tokenizer(space + answer, add_special_tokens=False).input_ids[:1] for answer in answers]
        if all(found) and len({token for (token,) in found}) == len(answers):
            return [token for (token,) in found]
    raise UserError(f"the answers {', '.join(answers)} do not each begin with a token of their own, so that one logit "
                    "could tell them apart; use letters")  # fmt: skip
