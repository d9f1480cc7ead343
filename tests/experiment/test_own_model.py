"""A model of one's own: trained, stored, compared and probed like a system, from wherever it is defined."""
import inspect
import json
import os
import runpy
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import own_models
import pytest
import torch
from own_models import WORLD, Bag, Net, Newest, seeded, untrainable

import workbench as wb
from workbench.__main__ import main
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.experiment import Bench, own_model, reproduce

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench(home):
    return wb.open_bench("synthetic", profile="smoke", options=WORLD)


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit(seeded(), name="mynet", epochs=2, lr=1e-2)


@pytest.fixture(scope="module")
def bag(bench):
    return bench.fit(seeded(Bag), name="bag", epochs=1, loss="negative", max_length=10)


def test_a_module_is_trained_on_a_copy_and_its_run_is_one_like_any_other(bench, run):
    net, trained = seeded(), run.recommender()
    assert run.label == "mynet(epochs=2, lr=0.01)" and len(run.curve) == 2 and run.still_rising
    assert not torch.equal(net.item.weight, trained.module.item.weight)
    again = evaluate(trained, bench.split.test, bench.split, quiet=True)
    assert (again.ranks == run.ranks).all() and run.metrics["ndcg@10"] > 0
    assert torch.equal(run.untrained().module.item.weight, net.item.weight), "the control is the start"
    assert "class Net(nn.Module)" in json.loads((run.folder / "metrics.json").read_text())["source"]
    table = wb.compare([run, bench.fit("popularity")])
    assert set(table.index) == {run.label, "popularity"}
    assert wb.contrast([run], by="mask_history").loc[run.label].notna().all()


def test_an_equal_model_is_loaded_and_a_changed_one_is_trained(bench, run, monkeypatch):
    monkeypatch.setattr("workbench.experiment.run_plan.train_run", untrainable)
    assert bench.fit(seeded(), name="mynet", epochs=2, lr=1e-2).folder == run.folder
    assert bench.fit(seeded().eval(), name="mynet", epochs=2, lr=1e-2).folder == run.folder
    frozen = seeded()
    frozen.item.weight.requires_grad_(False)
    others = [(seeded(seed=1), {}), (seeded(dropout=0.5), {}), (frozen, {}), (seeded(), {"lr": 2e-2}),
              (seeded(), {"max_length": 9})]  # fmt: skip
    for net, changes in others:
        with pytest.raises(AssertionError, match="trained again"):
            bench.fit(net, name="mynet", **{"epochs": 2, "lr": 1e-2, **changes})
    monkeypatch.setattr(own_models, "SCALE", 2.0)  # a constant of a helper that forward calls
    with pytest.raises(AssertionError, match="trained again"):
        bench.fit(seeded(), name="mynet", epochs=2, lr=1e-2)


def test_a_network_that_scores_the_last_position_with_a_loss_of_its_own(bench, bag):
    assert bag.label == "bag(epochs=1, loss=negative, max_length=10)" and bag.info["own"]["every_position"] is False
    probe = wb.probe(bag, "pool")
    assert probe.activations.x.shape == (len(bench.split.train.items), 8)
    first = bench.split.train.take([0])
    summed = bag.recommender().module.item.weight.detach()[first.items[: first.lengths[0]][:3]].sum(0)
    assert np.allclose(probe.activations.x[2], summed, atol=1e-5), "the state after three events"


def test_a_run_is_probed_at_a_named_module(bench, run):
    probe = wb.probe(run, "dropout")
    assert probe.activations.x.shape == (len(bench.split.train.items), 8)
    assert not np.allclose(probe.activations.x, probe.untrained().activations.x)
    with pytest.raises(UserError, match="unknown site 'encodr'; did you mean 'encoder'"):
        wb.probe(run, "encodr")
    with pytest.raises(UserError, match="has no default site; name a module with site=, one of item, encoder"):
        wb.probe(run)
    with pytest.raises(UserError, match="run must be a run: .*, not a Net .run: for any torch module .*read_module"):
        wb.probe(seeded(), "encoder")


def test_interrupted_training_resumes_to_the_same_run(bench, run, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    fresh = wb.open_bench("synthetic", profile="smoke", options=WORLD)
    real, calls = torch.optim.AdamW.step, []

    def step(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(KeyboardInterrupt):
        fresh.fit(seeded(), name="mynet", epochs=2, lr=1e-2)
    before = len(calls)
    resumed = fresh.fit(seeded(), name="mynet", epochs=2, lr=1e-2)
    assert resumed.metrics == run.metrics and resumed.curve[-1]["step"] == len(calls) and before == 4


def test_a_recommender_of_ones_own(bench):
    run = bench.fit(Newest(), name="newest")
    assert run.curve == [{"epoch": 1, "loss": 0.5}] and bench.fit(Newest(), name="newest").folder == run.folder
    assert bench.fit(Newest(2.0), name="newest").folder != run.folder, "an attribute that is not in its state"
    assert (run.recommender().counts == bench.split.train_counts()).all()
    assert reproduce(run)["equal"].all()


def with_table():
    net = seeded()
    net.table = torch.ones(3)  # neither parameter nor buffer, so no state restores it
    return net


def test_elsewhere_the_model_is_passed(run, tmp_path, monkeypatch):
    folder = run.copy(tmp_path / "run").folder
    monkeypatch.setattr(own_model, "_known", {})
    with pytest.raises(UserError, match=r"make an instance of its class Net and pass it, wb.load_run\(.*model=Net"):
        wb.load_run(folder).recommender()
    for model, words in [(Net, "Net is a class; give an instance"), (seeded(Bag), "another class: Bag, not Net"),
                         (with_table(), "its layers, their sizes or other"),
                         (seeded(width=9), "its layers, their sizes or other"), (3, "given int 3")]:  # fmt: skip
        with pytest.raises(UserError, match=words):
            wb.load_run(folder, model=model)
    loaded = wb.load_run(folder, model=seeded(seed=5))  # any weights: they are loaded
    assert "item.weight" in loaded.recommender().state()
    with pytest.raises(UserError, match="has other weights than training started from"):
        loaded.untrained()
    assert wb.load_run(folder).recommender(seeded()) and loaded.untrained()
    with pytest.raises(UserError, match="is a system with a name: leave the model out"):
        wb.load_run(run.bench().fit("popularity").folder, model=seeded())


@pytest.mark.parametrize("words", [["predict"], ["probe", "--path", "encoder"], ["runs", "--reproduce"]])
def test_the_command_line_answers_in_words(run, words, monkeypatch, capsys):
    monkeypatch.setattr(own_model, "_known", {})  # as in a process of its own
    assert main([*words, str(run.folder)]) == 2
    assert "make an instance of its class Net" in capsys.readouterr().err


def test_scores_ranks_and_models_are_evaluated_by_hand(bench, run):
    recommender, histories = run.recommender(), bench.split.test.histories
    for model in (recommender, recommender.module, recommender.score(histories), recommender.score, run.ranks,
                  torch.from_numpy(recommender.score(histories)), list(run.ranks),
                  evaluate(recommender, bench.split.test, bench.split)):  # fmt: skip
        mine = bench.evaluate(model, name="mine")
        assert (mine.ranks == run.ranks).all() and (mine.per_case() == run.per_case()).all() and mine.label == "mine"
        assert mine.metrics["ndcg@10/head"] == run.metrics["ndcg@10/head"]
    table = wb.compare([run, mine, bench.fit("popularity")])
    assert table.loc["mine", "mean"] == table.loc[run.label, "mean"]
    assert wb.contrast([mine], by="mask_history").loc["mine"].notna().all() and "coverage@10" in mine.metrics
    assert "coverage@10" not in bench.evaluate(run.ranks, name="mine").metrics, "ranks say nothing of the lists"


def notebook_lines() -> str:
    cells = json.loads((ROOT / "notebooks" / "03_train_recommender.ipynb").read_text(encoding="utf-8"))["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    at = next(i for i, code in enumerate(codes) if code.startswith("class MyNet"))
    return "\n\n".join(codes[at : at + 2])


def docstring_lines() -> str:
    text = inspect.getdoc(Bench.fit)
    return textwrap.dedent(text[text.index("    class MyNet") : text.index("changes: keywords")])


def test_the_lines_that_are_shown_run_as_shown(home, tmp_path):
    """The notebook's, then the docstring's, from a file, as the source of a cell is."""
    path = tmp_path / "shown.py"
    path.write_text(
        "import torch\nimport workbench as wb\n"
        f"bench, seed = wb.open_bench('synthetic', profile='smoke', options={WORLD}), 0\n"
        "tiger, baselines = bench.fit('popularity'), [bench.fit('item_transitions')]\n"
        f"{notebook_lines()}\n{docstring_lines()}\ntable = wb.compare([run, tiger])\n"
    )
    shown = runpy.run_path(str(path))
    difference = shown["table"].loc[shown["run"].label, "mean"] - shown["table"].loc["popularity", "mean"]
    assert shown["mynet"].label == "mynet(epochs=6, lr=0.005)" and difference > 0, "it learns more than popularity"


def test_a_class_of_a_cell_is_keyed_by_its_own_lines(home, tmp_path):
    """IPython's cells have no file; two classes of one name in two cells are two models."""
    pytest.importorskip("IPython")
    path = tmp_path / "cells.py"
    path.write_text(
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "import torch\nfrom workbench.experiment.model_identity import identity\n"
        "shell, cell = InteractiveShell.instance(), 'class M(torch.nn.Module):\\n    def forward(self, x):\\n"
        "        return helper(x)  # %s\\nfound = identity(M())'\n"
        "shell.user_ns.update(torch=torch, identity=identity)\n"
        "found = []\n"
        "for text in (cell % 'a', cell % 'b', cell.replace('(x)', '(x + 1)', 1)):\n"
        "    shell.run_cell('def helper(x):\\n    return x').raise_error()\n"
        "    shell.run_cell(text).raise_error()\n    found.append(shell.user_ns['found'])\n"
        "shell.run_cell('def helper(x):\\n    return -x').raise_error()\n"
        "found.append(identity(shell.user_ns['M']()))\n"
        "assert found[0].code == found[1].code, 'comments do not count'\n"
        "assert len({one.code for one in found}) == 3 and found[0].text.startswith('class M(')\n"
    )
    done = subprocess.run([sys.executable, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
