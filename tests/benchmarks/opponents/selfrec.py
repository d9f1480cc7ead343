"""Run an unmodified checkout of Coder-Yu/SELFRec on the CPU: seconds of an epoch of its LightGCN or XSimGCL.

usage: selfrec.py CHECKOUT EVENTS LightGCN|XSimGCL, where EVENTS holds lines of "user item", the last two of a user for
validation and test. Needs torch, scipy, numba and pyyaml.
Its models move themselves to a GPU, which `cuda` is made to leave undone. An epoch is extrapolated from the median of
STEPS batches: the drawing of negatives and the update that the trainer makes with them.
"""
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from importlib import import_module
from itertools import islice

import numpy as np
import torch

STEPS, WARM, BATCH = 12, 2, 2048
SETTINGS = {
    "item.ranking.topN": [10, 20], "embedding.size": 64, "max.epoch": 1, "batch.size": BATCH, "learning.rate": 1e-3,
    "reg.lambda": 1e-4, "output": ".", "LightGCN": {"n_layer": 2},
    "XSimGCL": {"n_layer": 2, "l_star": 1, "lambda": 0.1, "eps": 0.2, "tau": 0.2},
}  # fmt: skip


class Settings(dict):
    """What its models read in the place of a YAML file."""

    contain = dict.__contains__


class Timed(Exception):
    """Enough batches were seen."""


def main(checkout: str, events: str, name: str) -> None:
    """Prepare the data, build the model and print one JSON line."""
    sys.path.insert(0, os.path.abspath(checkout))
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_: self
    train, test = _split(events)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # it writes a log to the working directory
        module = import_module(f"model.graph.{name}")
        settings = Settings(SETTINGS | {"model": {"name": name, "type": "graph"}})
        print(json.dumps(epoch(getattr(module, name)(settings, train, test), module, -(-len(train) // BATCH))))


def epoch(model, module, steps: int) -> dict:
    """Median seconds and processor seconds of a batch, times the batches of an epoch."""
    ended, draw = [], module.next_batch_pairwise

    def first(*arguments):
        for batch in islice(draw(*arguments), WARM + STEPS):
            yield batch  # the trainer returns here after its update
            ended.append((time.perf_counter(), time.process_time()))
        raise Timed

    module.next_batch_pairwise = first
    try:
        model.train()
    except Timed:
        seconds, processor = np.median(np.diff(ended, axis=0)[WARM - 1 :], axis=0) * steps
    return {"seconds": seconds, "processor": processor, "steps": steps, "timed": STEPS}


def _split(events: str) -> tuple[list, list]:
    """Train events and the last one of each user, as its loader gives them."""
    items = defaultdict(list)
    for line in open(events):
        user, item = line.split()
        items[user].append(item)
    train = [[user, item, 1.0] for user, row in items.items() for item in row[:-2]]
    return train, [[user, row[-1], 1.0] for user, row in items.items()]


if __name__ == "__main__":
    main(*sys.argv[1:])
