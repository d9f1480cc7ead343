"""A small bench, untrained bases and unlearners on it, for the tests of what forgets."""
from dataclasses import replace
from functools import lru_cache

import torch

import workbench as wb
from workbench import systems
from workbench.evaluate.unlearning.forget_sets import rows_by_share
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession


@lru_cache
def make_bench():
    return wb.open_bench("synthetic", profile=replace(PROFILES["smoke"], epochs=1), options={"users": 120, "items": 70})


def network(base: str = "sasrec", **settings):
    """An untrained base with weights large enough that its modules matter, the same at every call."""
    model = make_bench().build(base, **settings)
    with torch.no_grad():
        for name, parameter in model.module.named_parameters():
            parameter.mul_(5 if "norm" not in name else 1)
    model.module.eval()
    return model


def forget(name: str, *, base: str = "sasrec", model=None, **changes):
    """The unlearner after it has made a model forget a tenth of the users, the model, and the rows."""
    bench = make_bench()
    unlearner = systems.build(name, bench, base=base, **changes)
    rows = rows_by_share(bench.split.train, users=0.1, events=0.0)
    session = TrainingSession(bench.plan(base)[1], bench.seed, "cpu", None)
    return unlearner, unlearner.forget(model or network(base), bench.split, rows, session), rows
