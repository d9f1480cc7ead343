"""One training in two processes, started by torchrun: the loss of one process, one writer, one error when one dies."""
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workbench.__main__ import main
from workbench.errors import UserError
from workbench.train import Recipe, checkpoint
from workbench.train.fit import TrainingSession, Turn, fit

COMMON = ["--profile", "smoke", "--option", "users=200", "items=60"]
SETTINGS = ["dropout=0.0", "epochs=4", "valid_every=1", "layers=1"]  # dropout draws other numbers in each process
FITS = {"sasrec": ["width=16"], "gru4rec": ["width=16", "batch_size=32"], "tiger": ["width=32", "batch_size=32"]}
KILLED = """
import os, signal, sys
from workbench.__main__ import main
from workbench.train import fit
take_step = fit.take_step

def dies(updates, batch, step, *rest):
    if step == 8 and os.environ["RANK"] == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return take_step(updates, batch, step, *rest)

fit.take_step = dies
sys.exit(main(sys.argv[2:]))
"""


def command(system):
    return ["fit", system, *COMMON, "--set", *SETTINGS, *FITS[system]]


def torchrun(home, *arguments):
    """Start two processes; returns exit status and output."""
    env = os.environ | {"WORKBENCH_HOME": str(home), "WORKBENCH_PROGRESS": "log", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *arguments], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)  # fmt: skip
    return done.returncode, done.stdout


def curve(system, home, monkeypatch, capsys):
    """The curve and the metrics of the run in this home, which one process makes if it is not there."""
    monkeypatch.setenv("WORKBENCH_HOME", str(home))
    assert main(command(system)) == 0
    folder = capsys.readouterr().out.splitlines()[-1].removeprefix("run: ")
    info = json.loads(open(f"{folder}/metrics.json").read())
    return [row["loss"] for row in info["curve"]], [row["ndcg@10"] for row in info["curve"]], info["curve"][-1]["step"]


def train_toy(folder=None):
    """Two players on ragged batches, one of a single row, of which the second process has no part."""
    torch.manual_seed(0)
    net = nn.ModuleDict({"a": nn.Linear(4, 8), "b": nn.Linear(8, 1), "unused": nn.Linear(2, 2)})
    x, lengths = torch.randn(13, 3, 4), torch.arange(13) % 3 + 1
    real = torch.arange(3) < lengths[:, None]

    def loss(index, step):  # a mean over what is real
        return (net["b"](net["a"](x[index])).squeeze(-1) - x[index].sum(-1))[real[index]].square().mean()

    scores = iter([0.1, 0.3, 0.2])
    turns = [Turn(loss, ["a.*", "unused.*"]), Turn(lambda index, step: 3 * loss(index, step), "b.*")]
    curve = fit(net, lambda epoch: np.split(np.arange(13), [5, 12]), None,
                TrainingSession(Recipe(epochs=4, lr=1e-2, patience=1, weight_decay=0.1), folder=folder), turns=turns,
                validate=lambda: {"ndcg@10": next(scores)}, weight=lambda index: int(lengths[index].sum()))  # fmt: skip
    return net.state_dict(), [row["loss"] for row in curve]


def two_processes(folder):
    """Run in a process of its own: the same training in two, of which each writes what it has."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port.getsockname()[1]), "WORLD_SIZE": "2",
                       "TORCHELASTIC_RUN_ID": "test"}  # fmt: skip
    children = []
    for rank in (0, 1):
        if (child := os.fork()) == 0:
            os.environ["RANK"] = os.environ["LOCAL_RANK"] = str(rank)
            torch.save(train_toy(Path(folder) / f"checkpoints-{rank}"), f"{folder}/rank-{rank}.pt")
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]


def test_parts_of_a_batch_count_by_their_targets(tmp_path):
    code = "import sys; sys.path.insert(0, sys.argv[2]); import test_torchrun; test_torchrun.two_processes(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    weights, losses = train_toy()
    assert len(losses) == 3, "stopped early"
    for rank in (0, 1):
        theirs, theirs_losses = torch.load(tmp_path / f"rank-{rank}.pt", weights_only=True)
        assert theirs_losses == pytest.approx(losses, rel=1e-6)
        assert all(torch.allclose(theirs[name], weights[name], rtol=1e-5, atol=1e-7) for name in weights)
    assert [path.name for path in tmp_path.glob("checkpoints-*")] == ["checkpoints-0"], "rank 0 alone writes"


@pytest.mark.slow
@pytest.mark.parametrize("system", FITS)
def test_two_processes_have_the_loss_of_one(system, tmp_path, monkeypatch, capsys):
    status, output = torchrun(tmp_path / "two", "-m", "workbench", *command(system))
    assert status == 0, output
    assert output.count("run: no similar stage is stored") == output.count("\nrun: /") == 1, "one writes and speaks"
    two = curve(system, tmp_path / "two", monkeypatch, capsys)
    one = curve(system, tmp_path / "one", monkeypatch, capsys)
    assert two[0] == pytest.approx(one[0], rel=1e-6) and one[2] >= 20
    assert two[1] == pytest.approx(one[1], rel=0.02), "but for a near tie"


@pytest.mark.slow
@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_process_that_dies_ends_the_run_with_one_error_and_a_checkpoint(rank, tmp_path, monkeypatch, capsys):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    status, output = torchrun(tmp_path / "home", str(script), rank, *command("sasrec"))
    lines = [line for line in output.splitlines() if line.startswith("workbench: ")]
    assert status and len(lines) == 1 and "a process of this training died" in lines[0], output
    (folder,) = (tmp_path / "home" / "artifacts" / "checkpoints").iterdir()
    assert checkpoint.load_newest(folder).info["step"] == (8 if rank == "1" else 6), "rank 0 saves the last whole step"
    resumed = curve("sasrec", tmp_path / "home", monkeypatch, capsys)
    assert resumed[0] == pytest.approx(curve("sasrec", tmp_path / "one", monkeypatch, capsys)[0], rel=1e-6)


def test_torchrun_is_for_fit_and_for_systems_that_share_batches(monkeypatch, capsys):
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    assert main(["runs"]) == 2 and "torchrun is for workbench fit, not for runs" in capsys.readouterr().err
    with pytest.raises(UserError, match="start it without torchrun"):
        fit(nn.Linear(1, 1), list, len, TrainingSession(Recipe()))
