"""Phases, frozen parameters, turns and renewed buffers; killed anywhere, a training ends with equal bits."""
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workbench import artifacts
from workbench.errors import UserError
from workbench.train import Recipe, checkpoint, named_rng
from workbench.train import fit as loop
from workbench.train.fit import TrainingSession, Turn, fit

RECIPE = Recipe(epochs=2, lr=1e-2, patience=99, warmup=3, clip=1.0)
X = torch.from_numpy(np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32))
STEPS = 3  # of an epoch
# with a save after every step and every epoch 1-8 are those of the first phase, and 4 replaces 3
KILLS = ("warm step 4", "save 1", "save 4", "save 8", "between", "play step 0", "play second 4", "play renewal 2",
         "play validation 2", "save 16")  # fmt: skip


class Toy(nn.Module):
    """Two players with dropout, and a buffer that is renewed and grows."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.body, self.adapter, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 1)
        self.register_buffer("centres", torch.zeros(1, 8))

    def forward(self, x):
        h = torch.dropout(self.body(x), 0.3, self.training)
        return (h + self.adapter(h) + self.centres.mean(0)).tanh(), self.head(h)[:, 0]


def train(folder=None, reached=lambda point: None, *, turns=2, session=None):
    """A phase that trains body and head, then one in which adapter and head take turns. Returns the weights at the end
    of both and the losses. reached: called with the name of every point at which the test may want to kill it."""
    net, phase = Toy(), "warm"

    def batches(epoch):
        return np.array_split(named_rng(0, "order", epoch).permutation(len(X)), STEPS)

    def loss(index, step):
        reached(f"{phase} step {step}")
        out, head = net(X[index])
        return (out.sum(1) - X[index, 0]).square().mean() + (head - X[index].sum(1)).square().mean()

    def second_loss(index, step):
        reached(f"{phase} second {step}")
        return (net(X[index])[1] - X[index].sum(1)).square().mean()

    def renew(epoch):
        net.centres = net(X)[0].detach()[torch.randperm(len(X))[: 2 * epoch]]
        reached(f"{phase} renewal {epoch}")

    def validate():
        reached(f"play validation {len(net.centres) // 2}")
        return {"ndcg@10": {2: 0.3, 4: 0.2}[len(net.centres)]}  # renewed before

    session = session or TrainingSession(RECIPE, seed=3, folder=folder)
    first = fit(net, batches, loss, session, trainable=["body.*", "head.*"], each_epoch=renew)
    middle = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    reached("between")
    phase = "play"
    players = [Turn(loss, "adapter.*"), Turn(second_loss, "head.*", lr_ratio=0.5)][:turns]
    second = fit(net, batches, None, session.phase("play", lr=2e-2), turns=players, each_epoch=renew, validate=validate)
    return middle, net.state_dict(), [row["loss"] for row in first + second]


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def changed(a, b):
    return {name for name in a if not torch.equal(a[name], b[name])}


def kill_everywhere(root):
    """Run in a process of its own: for each of KILLS, a child trains in a folder and is killed there."""
    train()  # torch imports a lot at the first step: the children need not
    loop.SAVE_EVERY = 0
    for point in KILLS:
        if (child := os.fork()) == 0:
            saves, sha256 = itertools.count(1), artifacts.sha256

            def reached(here, point=point):
                if here == point:
                    os.kill(os.getpid(), signal.SIGKILL)

            def between_files_and_manifest(path, saves=saves, sha256=sha256, reached=reached):
                if path.name == "info.json":
                    reached(f"save {next(saves)}")
                return sha256(path)

            artifacts.sha256 = between_files_and_manifest
            train(Path(root) / point.replace(" ", "-"), reached)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, f"{point} was not reached"


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Folders of trainings that were killed, one for each of KILLS."""
    root = tmp_path_factory.mktemp("killed")
    code = "import sys; sys.path.insert(0, sys.argv[2]); import test_phases; test_phases.kill_everywhere(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(root), str(Path(__file__).parent)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return root


@pytest.mark.parametrize("point", KILLS)
def test_killed_anywhere_it_resumes_to_equal_bits(killed, point):
    middle, end, losses = train()
    reached = []
    again_middle, again_end, again_losses = train(killed / point.replace(" ", "-"), reached.append)
    assert equal(middle, again_middle) and equal(end, again_end) and losses == again_losses
    finished = KILLS.index(point) >= KILLS.index("between")
    assert finished != any(each.startswith("warm") for each in reached), "a finished phase is skipped, and no other"


def test_only_what_is_named_is_trained_and_the_rest_is_as_before():
    start = Toy()
    middle, end, _ = train()
    assert changed(start.state_dict(), middle) == {"body.weight", "body.bias", "head.weight", "head.bias", "centres"}
    assert changed(middle, end) == {"adapter.weight", "adapter.bias", "head.weight", "head.bias", "centres"}
    assert len(end["centres"]) == 2, "what was renewed is part of the best weights"


def test_a_checkpoint_holds_what_is_trained_and_its_optimisers(tmp_path):
    train(tmp_path)
    saved = checkpoint.load_newest(tmp_path / "phase-play").tensors
    trained = {"adapter.weight", "adapter.bias", "head.weight", "head.bias"}
    assert {name for name in saved if name.startswith("model.")} == {f"model.{name}" for name in trained | {"centres"}}
    optimisers = {name.rpartition(".")[0] for name in saved if name.startswith("optimiser.")}
    assert optimisers == {f"optimiser.{turn}.{parameter}" for turn in (0, 1) for parameter in (0, 1)}


def test_a_second_turn_does_not_shift_the_first():
    """The first player sees the same dropout whatever the second does: what they share is frozen."""
    assert torch.equal(train(turns=1)[1]["adapter.weight"], train(turns=2)[1]["adapter.weight"])


def test_players_move_in_turn():
    """Two players of a saddle x * y, without moments: the second answers the step that the first has made."""
    net = nn.ParameterDict({"x": torch.tensor(1.0), "y": torch.tensor(1.0)})
    seen = []

    def product(sign):
        return lambda batch, step: (seen.append((sign, net["x"].item())), sign * net["x"] * net["y"])[1]

    turns = [Turn(product(1), "x"), Turn(product(-1), "y", lr_ratio=0.5)]
    curve = fit(net, lambda epoch: [0], None, TrainingSession(Recipe(epochs=1, lr=0.5)), turns=turns)
    assert net["x"].item() == pytest.approx(0.5) and net["y"].item() == pytest.approx(1.25)  # a first step is lr long
    assert seen == [(1, 1.0), (-1, net["x"].item())]
    assert [curve[0][name] for name in ("loss/1", "loss/2", "loss")] == pytest.approx([1, -0.5, 0.5])


def test_a_phase_has_its_own_streams_recipe_and_folder(tmp_path):
    session = TrainingSession(RECIPE, seed=3, folder=tmp_path)
    phase = session.phase("adapt", lr=0.5, epochs=7)
    assert (phase.recipe.lr, phase.recipe.epochs, phase.recipe.clip) == (0.5, 7, RECIPE.clip)
    assert phase.folder == tmp_path / "phase-adapt" and phase.seed != session.seed
    assert phase.seed == TrainingSession(RECIPE, seed=3).phase("adapt").seed != session.phase("other").seed
    assert phase.phase("adapt").folder == tmp_path / "phase-adapt" / "phase-adapt"


def test_a_name_used_twice_is_one_error_and_a_call_again_is_not(tmp_path):
    def stop(here):
        if here == "play step 1":
            raise KeyboardInterrupt

    session = TrainingSession(RECIPE, seed=3, folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(session=session, reached=stop)
    assert equal(train(session=session)[1], train()[1]), "the same session goes on after an interruption"
    with pytest.raises(UserError, match="two phases 'play'.*Name each phase differently"):
        session.phase("play")


@pytest.mark.parametrize("given, message", [
    (lambda s: s.phase("Adapt!"), "lower-case letters, digits"),
    (lambda s: s.phase("a", epoch=1), "did you mean 'epochs'"),
    (lambda s: s.phase("a", lr=-1.0), "lr positive"),
    (lambda s: fit(Toy(), list, None, s), "a loss, .* or else turns"),
    (lambda s: fit(Toy(), list, len, s, turns=[Turn(len)]), "a loss, .* or else turns"),
    (lambda s: fit(Toy(), list, None, s, trainable="head.*", turns=[Turn(len)]), "a loss, .* or else turns"),
    (lambda s: fit(Toy(), list, len, s, trainable="adaptor.*"), "parameter 'adaptor.\\*'; did you mean 'adapter"),
    (lambda s: fit(Toy(), list, None, s, turns=[Turn(len, ["head.*", "hat.*"])]), "unknown parameter 'hat"),
])  # fmt: skip
def test_bad_requests_are_errors(given, message):
    with pytest.raises(UserError, match=message):
        given(TrainingSession(RECIPE))


def test_the_checkpoint_of_another_training_is_an_error(tmp_path):
    train(tmp_path)
    with pytest.raises(UserError, match="another training: it differs in .*adapter.bias.* Delete that folder"):
        fit(Toy(), lambda epoch: [0], lambda batch, step: 0, TrainingSession(RECIPE, folder=tmp_path))
