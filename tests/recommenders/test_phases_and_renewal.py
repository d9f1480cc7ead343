"""Two trainings on the built-in world: a frozen sasrec with an adapter, a tiger whose codes are renewed every other
epoch. Killed on the way, both end with the bits of a training that was not."""
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workbench import experiment
from workbench.evaluate import evaluate
from workbench.recommenders.generative import Additions
from workbench.recommenders.sequential import LastState
from workbench.recommenders.vector import VectorRecommender
from workbench.tokens.rq_kmeans import RQKMeans
from workbench.train import PROFILES, derive_seed
from workbench.train.fit import TrainingSession

PROFILE = replace(PROFILES["smoke"], epochs=2, users=None)
KILLS = {"adapted": 18, "renewed": 18}  # steps of 20: in the second phase, in the fourth epoch


class WithAdapter(nn.Module):
    """An encoder with a residual adapter on its states, which changes nothing before it is trained."""

    def __init__(self, base: nn.Module):
        super().__init__()
        width = base.item.weight.shape[1]
        self.base, self.item, self.adapter = base, base.item, nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.adapter.weight)

    def forward(self, items):
        states = self.base(items)
        return states + self.adapter(states)


def open_bench():
    return experiment.open_bench("synthetic", profile=PROFILE, options={"users": 150, "items": 60})


def session_of(bench, recipe, folder, scores):
    """A session that validates for real and notes its scores with the digest of the codes behind them."""

    def validate(current):
        metrics = evaluate(current, bench.split.valid, bench.split, quiet=True).metrics(bench.split.valid, bench.split)
        scores.append((metrics["ndcg@10"], current.codes.key if hasattr(current, "codes") else ""))
        return metrics

    return TrainingSession(recipe, bench.seed, "cpu", validate, folder)


def counted(recommender, step):
    """The same recommender, which calls `step` before every training step."""
    name = "forward" if isinstance(recommender, VectorRecommender) else "teacher_forced"
    forward = getattr(recommender.module, name)

    def counting(rows):
        if recommender.module.training:
            step()
        return forward(rows)

    setattr(recommender.module, name, counting)
    return recommender


def adapted(folder=None, step=lambda: None, scores=None):
    """A sasrec, then an adapter on it: the weights after each phase."""
    bench = open_bench()
    settings, recipe = bench.plan("sasrec", width=16, layers=1, valid_every=1)
    session = session_of(bench, recipe, folder, [] if scores is None else scores)
    first = counted(bench.build("sasrec", **settings), step)
    first.fit(bench.split, session)
    before = {name: array.copy() for name, array in first.state().items()}
    module, reader = WithAdapter(first.module), LastState(first.max_length)
    second = VectorRecommender(module, reader, first.objective, trainable="adapter.*")
    second.fit(bench.split, session.phase("adapt", lr=1e-2))
    return before, second.state()


def renewed(folder=None, step=lambda: None, scores=None, every=2):
    """A tiger whose codes follow what it learned about the items. Returns its first codes, its own, and its state."""
    bench = open_bench()
    changes = {"prefixes": False, "policy": "none", "width": 32, "layers": 1}
    settings, recipe = bench.plan("tiger", epochs=4, valid_every=1, batch_size=32, **changes)
    model = counted(bench.build("tiger", **settings), step)
    content = bench.vectors("text", dim=16)[1:]

    def renew(epoch):
        if epoch % every == 0:
            with torch.no_grad():
                learned = model.module.code(model.code_buffer.read().item_rows[1:]).flatten(1).numpy()
            seed = derive_seed(bench.seed, "codes", epoch)
            tokenizer = RQKMeans(levels=model.codes.levels, size=model.codes.sizes[0], seed=seed)
            vectors = np.hstack([content, learned])
            model.code_buffer.write(model.codes.with_codes(tokenizer.fit(vectors).encode(vectors)))

    model.additions, first = Additions(each_epoch=renew), model.codes
    model.fit(bench.split, session_of(bench, recipe, folder, [] if scores is None else scores))
    return first, model, model.state()


def kill_each(root):
    """Run in a process of its own: children that train in a folder and are killed at their step."""
    for name, train in {"adapted": adapted, "renewed": renewed}.items():
        if (child := os.fork()) == 0:
            taken = []

            def step(last=KILLS[name], taken=taken):
                taken.append(1)
                if len(taken) == last:
                    os.kill(os.getpid(), signal.SIGKILL)

            train(Path(root) / name, step)
            print(f"{name} has {len(taken)} steps")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, name


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    root = tmp_path_factory.mktemp("killed")
    code = "import sys; sys.path.insert(0, sys.argv[2]); import test_phases_and_renewal as t; t.kill_each(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(root), str(Path(__file__).parent)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return root


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_a_frozen_sasrec_with_an_adapter(killed):
    steps, again = [], []
    before, after = adapted(step=lambda: steps.append(1))
    frozen = {name.removeprefix("base."): array for name, array in after.items() if name.startswith("base.")}
    assert equal(frozen, before) and after["adapter.weight"].any()
    assert list(killed.glob("adapted/step-*")) and list(killed.glob("adapted/phase-adapt/step-*"))
    assert equal(adapted(killed / "adapted", lambda: again.append(1))[1], after)
    assert len(again) <= len(steps) // 2, "the first phase is skipped"


def test_a_tiger_whose_codes_are_renewed(killed):
    scores = []
    first, model, state = renewed(scores=scores)
    keys = [key for _, key in scores]
    assert keys[0] == first.key and keys[1] == keys[2] and len(set(keys)) == 3, "renewed after epochs 2 and 4"
    assert model.codes.key == max(scores, key=lambda each: each[0])[1], "the best weights come with their codes"
    assert equal(renewed(killed / "renewed")[2], state)
    plain = renewed(every=9)[1]
    assert plain.codes is plain.codes and np.array_equal(plain.codes.codes, first.codes)
    plain.load_state(state)
    histories = open_bench().split.test.histories
    assert np.array_equal(plain.recommend(histories, 10).items, model.recommend(histories, 10).items)
