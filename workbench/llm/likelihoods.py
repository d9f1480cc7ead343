"""Log-probabilities of continuations of a prompt, whose keys and values are computed once."""
import copy
from inspect import signature
from typing import Any

import numpy as np
import torch

BUCKET = 5  # continuations of similar length computed together


@torch.no_grad()
def continuation_log_probs(model: Any, prompt: list[int], rows: list[list[int]]) -> np.ndarray:
    """(N,) float64: the log-probability in nats of each row of tokens after the prompt, log p(row | prompt).

    The prompt is read once. The rows are sorted by length and read in buckets, each with a copy of the prompt's keys
    and values; of the prompt only the last logits are computed, which predict the first tokens.
    """
    cached = "cache" if "cache" in signature(model.forward).parameters else "past_key_values"  # older transformers
    output = model(_tensor([prompt], model), use_cache=True, logits_to_keep=1)
    first = output.logits[0, -1].log_softmax(-1)
    scores = first[[row[0] for row in rows]].double().cpu().numpy()
    by_length = sorted((at for at, row in enumerate(rows) if len(row) > 1), key=lambda at: len(rows[at]))
    for start in range(0, len(by_length), BUCKET):
        bucket = by_length[start : start + BUCKET]
        prefix = copy.deepcopy(output[cached])
        prefix.batch_repeat_interleave(len(bucket))
        scores[bucket] += _after(model, {cached: prefix}, len(prompt), [rows[at] for at in bucket])
    return scores


def _after(model: Any, prefix: dict, length: int, rows: list[list[int]]) -> np.ndarray:
    """(n,) float64: the log-probability of each row's tokens but the first. prefix: keys and values of n prompts of
    this length, by the name that the model's `forward` takes them by."""
    width = max(map(len, rows)) - 1
    padded = _tensor([row + [0] * (width + 1 - len(row)) for row in rows], model)
    real = _tensor([[1] * (len(row) - 1) + [0] * (width + 1 - len(row)) for row in rows], model)
    mask = torch.cat([real.new_ones(len(rows), length), real], dim=1)
    logits = model(padded[:, :-1], attention_mask=mask, **prefix).logits
    scores = logits.log_softmax(-1).gather(2, padded[:, 1:, None])[..., 0].double()
    return (scores * real).sum(1).cpu().numpy()


def _tensor(rows: list[list[int]], model: Any) -> torch.Tensor:
    return torch.tensor(rows, device=model.device)
