"""Run Hugging Face's T5 as in TIGER's reimplementations: 4+4 layers, width 128, 6 heads of 64, inner width 1024.

usage: hf_t5.py padded|bucketed FILE, or hf_t5.py beam FILE WIDTH, where FILE is what `ours_tiger.py export` wrote.

One row per target, with a history of at most 20 items. padded: every row has 80 tokens, in random order. bucketed:
rows of similar length together, padded to the longest. A few batches spread evenly over an epoch are timed. beam:
trie-constrained `generate`, users sorted by history length. Weights are untrained. Needs torch, transformers and numpy.
"""
import json
import sys
import time
from collections import defaultdict

import numpy as np
import torch
from transformers import T5Config, T5ForConditionalGeneration

ITEMS, LEVELS, TRAIN_BATCH, BEAM_BATCH, WARM = 20, 4, 128, 32, 2
TIMED = {"padded": 8, "bucketed": 16}


def model(rows: int) -> T5ForConditionalGeneration:
    """rows: of the token embedding, 0 for padding; one more token is the end of a sequence, which is never used."""
    torch.manual_seed(0)
    return T5ForConditionalGeneration(T5Config(
        vocab_size=rows + 1, d_model=128, d_kv=64, num_heads=6, d_ff=1024, num_layers=4, num_decoder_layers=4,
        dropout_rate=0.1, feed_forward_proj="relu", pad_token_id=0, eos_token_id=rows, decoder_start_token_id=0,
    ))  # fmt: skip


def train(kind: str, data: dict) -> dict:
    """Seconds of an epoch, extrapolated from a few batches."""
    net = model(int(data["tokens"].max()) + 1).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    first, end = windows(data["offsets"])
    order = np.random.default_rng(0).permutation(len(end))
    if kind == "bucketed":
        order = order[np.argsort((end - first)[order], kind="stable")]
    batches = np.array_split(order, range(TRAIN_BATCH, len(order), TRAIN_BATCH))
    chosen = np.linspace(0, len(batches) - 1, TIMED[kind] + 2).astype(int)[1:-1]  # the ends are the extreme lengths
    seconds, rows = 0.0, 0
    for number, at in enumerate([*chosen[:WARM], *chosen]):
        start = time.perf_counter()
        index = batches[at]
        longest = ITEMS if kind == "padded" else int((end - first)[index].max())
        history = torch.from_numpy(data["tokens"][padded(data["items"], first[index], end[index], longest)]).flatten(1)
        labels = torch.from_numpy(data["tokens"][data["items"][end[index]]])
        optimiser.zero_grad()
        net(input_ids=history, attention_mask=(history > 0).long(), labels=labels).loss.backward()
        optimiser.step()
        if number >= WARM:
            seconds, rows = seconds + time.perf_counter() - start, rows + len(index)
    return {"seconds": seconds * len(end) / rows, "targets_per_second": rows / seconds, "timed": rows} | size(net)


def windows(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every target: the index where its history of at most 20 items starts, and its own index."""
    lengths = np.diff(offsets)
    user = np.repeat(np.arange(len(lengths)), lengths)
    target = np.arange(offsets[-1])
    target = target[target > offsets[user]]
    return np.maximum(offsets[np.searchsorted(offsets, target, "right") - 1], target - ITEMS), target


def padded(items: np.ndarray, first: np.ndarray, end: np.ndarray, longest: int) -> np.ndarray:
    """(B, longest) items first..end-1 of each row, then zeros."""
    at = first[:, None] + np.arange(longest)
    return np.where(at < end[:, None], items[np.minimum(at, len(items) - 1)], 0)


def beam(width: int, data: dict) -> dict:
    """Seconds for 1,000 users; every generated sequence must be the codes of an item."""
    net = model(int(data["tokens"].max()) + 1).eval()
    codes = [tuple(row) for row in data["tokens"][1:].tolist()]
    after = defaultdict(set)
    for row in codes:
        for level in range(LEVELS):
            after[row[:level]].add(row[level])
    allowed = {prefix: sorted(rows) for prefix, rows in after.items()}
    users = data["users"]
    users = users[np.argsort((users > 0).sum(1), kind="stable")]
    settings = dict(num_beams=width, num_return_sequences=width, max_new_tokens=LEVELS, do_sample=False,
                    prefix_allowed_tokens_fn=lambda batch, sent: allowed[tuple(sent[1:].tolist())])  # fmt: skip
    batches = np.array_split(users, range(BEAM_BATCH, len(users), BEAM_BATCH))
    seconds, item_codes = 0.0, set(codes)
    for number, part in enumerate([batches[0][:4], *batches]):
        start = time.perf_counter()
        history = torch.from_numpy(data["tokens"][part[:, : max(1, int((part > 0).sum(1).max()))]]).flatten(1)
        with torch.no_grad():
            generated = net.generate(input_ids=history, attention_mask=(history > 0).long(), **settings)
        seconds += time.perf_counter() - start if number else 0.0
        if not all(tuple(row) in item_codes for row in generated[:, 1:].tolist()):
            raise SystemExit("generate left the trie")
    return {"seconds": 1000 * seconds / len(users), "users_per_second": len(users) / seconds} | size(net)


def size(net: torch.nn.Module) -> dict:
    return {"parameters": sum(weight.numel() for weight in net.parameters())}


if __name__ == "__main__":
    task, path, *more = sys.argv[1:]
    data = dict(np.load(path))
    print(json.dumps(beam(int(more[0]), data) if task == "beam" else train(task, data)))
