"""The training loop: resuming is bit-exact wherever a run is interrupted, NaN stops it, the best weights are kept."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.errors import UserError
from workbench.train import Recipe, checkpoint, named_rng
from workbench.train.fit import TrainingSession, fit

RECIPE = Recipe(epochs=6, lr=1e-2, patience=99, warmup=3)


def train(folder=None, *, stop_at=-1, recipe=RECIPE, loss_of=None, scores=None):
    """Train a small network with dropout; optionally interrupted by a signal to itself at a step."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32))

    def batches(epoch):
        return np.array_split(named_rng(0, "order", epoch).permutation(40), 5)

    def loss(index, step):
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        value = (net(x[index])[:, 0] - x[index].sum(1)).square().mean()
        return loss_of(value, step) if loss_of else value

    remaining = iter(scores or [])
    validate = (lambda: {"ndcg@10": next(remaining)}) if scores else None
    curve = fit(net, batches, loss, TrainingSession(recipe, folder=folder), validate=validate)
    return net, curve


def same_weights(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize("stop_at", [0, 4, 5, 13, 29])
def test_resume_is_bit_exact(tmp_path, stop_at):
    uninterrupted, curve = train()
    with pytest.raises(KeyboardInterrupt, match="resumes"):
        train(tmp_path, stop_at=stop_at)
    again, resumed = train(tmp_path)
    assert same_weights(uninterrupted, again)
    assert [row["loss"] for row in curve] == [row["loss"] for row in resumed]


def test_a_killed_process_resumes_from_an_intact_checkpoint(tmp_path):
    """SIGKILL at random moments, some during a save: a loadable checkpoint remains and leads to the same weights."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "import test_fit, workbench.train.fit as f;"
        "f.SAVE_EVERY = 0; test_fit.train(Path(sys.argv[1]), recipe=test_fit.LONG)"
    )
    rng = np.random.default_rng(0)
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)])
        deadline = time.time() + 60
        while not list(tmp_path.glob("step-*")) and time.time() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.wait()
        assert checkpoint.load_newest(tmp_path) is not None
    assert same_weights(train(recipe=LONG)[0], train(tmp_path, recipe=LONG)[0])


LONG = Recipe(epochs=120, lr=1e-2, patience=999)


def test_a_damaged_checkpoint_is_skipped_for_the_previous_one(tmp_path):
    train(tmp_path)
    newest = sorted(tmp_path.glob("step-*"))[-1] / "tensors.safetensors"
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    assert checkpoint.load_newest(tmp_path).info["step"] == 25


def test_nan_stops_with_a_diagnosis_and_keeps_the_checkpoint(tmp_path):
    with pytest.raises(UserError, match=r"nan at step 7 .*gradient norm .*Lower lr .*the checkpoint of step 5 is kept"):
        train(tmp_path, loss_of=lambda value, step: value * float("nan") if step == 7 else value)
    assert checkpoint.load_newest(tmp_path).info["step"] == 5
    for folder in (None, tmp_path / "none"):
        with pytest.raises(UserError, match=r"nan at step 0 .*there is no checkpoint yet"):
            train(folder, loss_of=lambda value, step: value * float("nan"))


def test_best_weights_are_kept_and_patience_stops():
    best, _ = train(recipe=Recipe(epochs=2, lr=1e-2, warmup=3))
    net, curve = train(scores=[0.1, 0.3, 0.2, 0.25, 0.9], recipe=Recipe(epochs=6, lr=1e-2, warmup=3, patience=2))
    assert [row["ndcg@10"] for row in curve] == [0.1, 0.3, 0.2, 0.25]
    assert same_weights(net, best)


def test_a_signal_during_the_last_validation_is_not_lost(tmp_path):
    def scores():
        yield 0.1
        os.kill(os.getpid(), signal.SIGINT)
        yield 0.2

    with pytest.raises(KeyboardInterrupt, match="after epoch 2"):
        train(tmp_path, recipe=Recipe(epochs=2), scores=scores())
    assert checkpoint.load_newest(tmp_path).info["epoch"] == 2


def test_training_does_not_change_the_global_generator():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    net_seed = torch.random.get_rng_state()
    train()  # seeds the generator itself, so only fit is compared
    torch.random.set_rng_state(net_seed)
    assert torch.equal(torch.rand(3), expected)


def test_a_full_disk_is_an_error_and_keeps_the_previous_checkpoint(tmp_path, monkeypatch):
    train(tmp_path, recipe=Recipe(epochs=2))
    real = Path.write_bytes

    def full(path, data):
        if path.name == "tensors.safetensors":
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="disk is full"):
        train(tmp_path)
    assert checkpoint.load_newest(tmp_path).info["step"] == 10 and not list(tmp_path.glob(".*"))
