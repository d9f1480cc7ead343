"""A model of one's own: trained, stored, compared and probed like a system, with words for whatever is wrong with it."""
import inspect
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from workbench.__main__ import main
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.experiment import Bench, own_model, reproduce
from workbench.interfaces import Recommendations

ROOT = Path(__file__).parents[2]
WORLD, ITEMS = {"users": 300, "items": 80}, 74  # six items are never bought
SCALE = 1.0


def scaled(x):
    """A helper outside the class: its code and its constant are part of the model's."""
    return x * SCALE


class Net(nn.Module):
    """A causal network with tied weights, which scores every position."""

    def __init__(self, n_items=ITEMS, width=8, dropout=0.0):
        super().__init__()
        self.item = nn.Embedding(n_items + 1, width, padding_idx=0)
        self.encoder, self.dropout = nn.GRU(width, width, batch_first=True), nn.Dropout(dropout)
        self.score = nn.Linear(width, n_items + 1)
        self.score.weight = self.item.weight

    def forward(self, items):
        return self.score(scaled(self.dropout(self.encoder(self.item(items))[0])))


class Bag(nn.Module):
    """A network that scores after the last event alone, and has a loss of its own."""

    def __init__(self, n_items=ITEMS, width=8):
        super().__init__()
        self.item, self.pool = nn.Embedding(n_items + 1, width, padding_idx=0), nn.Identity()
        self.score = nn.Linear(width, n_items + 1)

    def forward(self, items):
        return self.score(self.pool(self.item(items).sum(1)))

    def negative(self, items, targets):
        scores = self(items)
        return nn.functional.softplus(scores.mean(1) - scores.gather(1, targets[:, None])[:, 0]).mean()


class Newest:
    """A recommender of one's own, of what was bought last."""

    def __init__(self, weight=1.0):
        self.weight, self.counts = weight, np.zeros(0)

    def fit(self, split, session):
        self.counts = split.train_counts().astype(float)
        return [{"epoch": 1, "loss": np.float32(0.5)}]

    def score(self, histories):
        scores = np.tile(self.counts / self.counts.max(), (len(histories), 1))
        scores[histories.rows(), histories.items] += self.weight
        return scores

    def recommend(self, histories, k, exclude=None):
        order = np.argsort(-self.score(histories)[:, 1:], axis=1, kind="stable")[:, :k] + 1
        return Recommendations(order, np.tile(-np.arange(k, dtype=float), (len(order), 1)))

    def state(self):
        return {"counts": self.counts}

    def load_state(self, state):
        self.counts = state["counts"]


def seeded(cls=Net, seed=0, **settings):
    torch.manual_seed(seed)
    return cls(**settings)


@pytest.fixture(scope="module")
def bench(home):
    return wb.open_bench("synthetic", profile="smoke", options=WORLD)


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit(seeded(), name="mynet", epochs=2, lr=1e-2)


@pytest.fixture(scope="module")
def bag(bench):
    return bench.fit(seeded(Bag), name="bag", epochs=1, loss="negative", max_length=10)


def untrainable(*args, **kwargs):
    raise AssertionError("trained again")


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
    monkeypatch.setattr("workbench.experiment.bench.train_run", untrainable)
    assert bench.fit(seeded(), name="mynet", epochs=2, lr=1e-2).folder == run.folder
    assert bench.fit(seeded().eval(), name="mynet", epochs=2, lr=1e-2).folder == run.folder
    frozen = seeded()
    frozen.item.weight.requires_grad_(False)
    others = [(seeded(seed=1), {}), (seeded(dropout=0.5), {}), (frozen, {}), (seeded(), {"lr": 2e-2}),
              (seeded(), {"max_length": 9})]  # fmt: skip
    for net, changes in others:
        with pytest.raises(AssertionError, match="trained again"):
            bench.fit(net, name="mynet", **{"epochs": 2, "lr": 1e-2, **changes})
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 2.0)  # a constant of a helper that forward calls
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
    with pytest.raises(UserError, match="has no default site; name a module: item, encoder"):
        wb.probe(run)
    with pytest.raises(UserError, match="probe takes a run; given Net. bench.fit"):
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


def test_elsewhere_the_model_is_passed(run, tmp_path, monkeypatch):
    folder = run.copy(tmp_path / "run").folder
    monkeypatch.setattr(own_model, "_known", {})
    with pytest.raises(UserError, match=r"make an instance of its class Net and pass it, wb.load_run\(.*model=Net"):
        wb.load_run(folder).recommender()
    for model, words in [(Net, "Net is a class; give an instance"), (seeded(Bag), "another class: Bag, not Net"),
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


@pytest.mark.parametrize("words", [["predict"], ["probe", "--path", "encoder", "--out", "page.html"], ["runs", "--reproduce"]])
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


class Wrong(nn.Module):
    """A network with one thing wrong."""

    def __init__(self, kind, n_items=ITEMS):
        super().__init__()
        self.kind, self.item = kind, nn.Embedding(n_items + 1, 8, padding_idx=0)
        self.gru, self.attention = nn.GRU(8, 8), nn.MultiheadAttention(8, 1, batch_first=True)
        self.out = nn.Linear(8, n_items + (kind != "short"))
        self.position = nn.Embedding(20, 8)

    def forward(self, items):
        x = self.item(items)
        if self.kind == "time first":
            x = self.gru(x)[0]
        if self.kind == "reads ahead":
            x = self.attention(x, x, x)[0]
        if self.kind == "padding":
            x = x.mean(1) + self.out.weight[0].sum()
        if self.kind == "chance":
            x = nn.functional.dropout(x, 0.5)
        if self.kind == "positions":
            x = x + self.position(torch.arange(items.shape[1]))
        if self.kind == "states":
            return x
        x = self.out(x)
        return {"tuple": (x, x), "nan": x * float("nan"), "int": x.long()}.get(self.kind, x)

    def detached(self, items, targets):
        return self(items).detach().mean()

    def vector(self, items, targets):
        return self(items).mean((1, 2))


WRONG_NETWORKS = [
    (lambda: Wrong("short"), {}, r"gives \(4, \d+, 74\) for items .* expected \(4, \d+, 75\).*; one column is short"),
    (lambda: Wrong("states"), {}, r"forward gives \(4, \d+, 8\) for items"),
    (lambda: Wrong("tuple"), {}, "forward gives a tuple; it returns one tensor"),
    (lambda: Wrong("nan"), {}, "scores that are NaN or infinite before any training"),
    (lambda: Wrong("int"), {}, "forward gives torch.int64; scores are floating-point"),
    (lambda: Wrong("chance"), {}, r"in F.dropout\(x, p, self.training\)"),
    (lambda: Wrong("time first"), {}, "is batch_first=True missing"),
    (lambda: Wrong("reads ahead"), {}, "change with later events"),
    (lambda: Wrong("padding"), {}, "change when padding"),
    (lambda: Wrong("positions"), {}, r"forward fails on items \(4, .*IndexError"),
    (lambda: Wrong(""), {"loss": "detached"}, "does not depend on a parameter"),
    (lambda: Wrong(""), {"loss": "vector"}, r"loss 'vector' gives shape \(4,\); it returns a scalar"),
    (lambda: Wrong(""), {"loss": "bpr"}, "loss='bpr' must be the name of a method of Wrong"),
    (lambda: Wrong("").double(), {}, "is torch.float64; training is in torch.float32: call .float()"),
    (lambda: Wrong("").requires_grad_(False), {}, "no parameter requires a gradient"),
    (nn.Identity, {}, "Identity is a class; give an instance"),
    (lambda: nn.Identity(), {}, "Identity has no parameters, so there is nothing to train"),
    (lambda: nn.Module(), {}, "Module has no parameters"),
    (lambda: nn.Linear(3, 3), {}, r"forward fails on items \(4, \d+\), int64 with 0 as padding: RuntimeError"),
    (lambda: nn.LazyLinear(3), {}, "has no shape yet"),
    (seeded, {"max_length": 0}, "max_length=0 must be a positive integer"),
    (seeded, {"epochs": "many"}, "epochs must be int"),
    (seeded, {"epoch": 3}, "unknown setting of wrong 'epoch'; did you mean 'epochs'"),
    (seeded, {"monitor": "ndcg"}, "unknown metric 'ndcg'"),
    (lambda: object(), {}, "bench.fit takes the name of a system, a torch module"),
    (lambda: 3, {}, "given int 3"),
    (lambda: type("Half", (), {"fit": 1, "recommend": len, "state": len})(), {}, "it lacks fit, load_state"),
]


@pytest.mark.parametrize(("make", "changes", "words"), WRONG_NETWORKS, ids=[words[:30] for *_, words in WRONG_NETWORKS])
def test_what_is_wrong_with_a_network_is_said_before_it_is_trained(bench, monkeypatch, make, changes, words):
    monkeypatch.setattr("workbench.experiment.bench.train_run", untrainable)
    with pytest.raises(UserError, match=words):
        bench.fit(make() if make is not nn.Identity else make, name="wrong", **changes)


def test_a_class_without_source(bench):
    names = {"Net": Net}
    exec("class Unseen(Net):\n def forward(self, items):\n  return super().forward(items)", names)  # noqa: S102
    with pytest.raises(UserError, match="the source of the class Unseen cannot be had"):
        bench.fit(names["Unseen"](), name="unseen")


@pytest.mark.parametrize(("name", "words"), [
    ("", "needs a name for tables"), ("sasrec", "is the name of a system"), ("a/b", "a name is a letter"),
    ("my net", "a name is a letter"), (3, "a name is a letter"),
])  # fmt: skip
def test_a_wrong_name(bench, name, words):
    for door in (bench.fit, bench.evaluate):
        with pytest.raises(UserError, match=words):
            door(seeded(), name=name)


def test_wrong_answers_of_a_recommender(bench):
    class NoCurve(Newest):
        def fit(self, split, session):
            super().fit(split, session)

    class NoKeywords(Newest):
        def fit(self):
            return []

    with pytest.raises(UserError, match="NoCurve.fit returns the learning curve"):
        bench.fit(NoCurve(), name="nocurve")
    with pytest.raises(UserError, match=r"NoKeywords.fit\(\) cannot be called as fit\(split, session\)"):
        bench.fit(NoKeywords(), name="nokeywords")
    with pytest.raises(UserError, match="name='x' is for a model of one's own; 'popularity' has a name"):
        bench.fit("popularity", name="x")
    with pytest.raises(UserError, match="unknown system 'sasrek'; did you mean 'sasrec'"):
        bench.fit("sasrek")


def test_what_cannot_be_compared_is_said_in_words(bench, run):
    evaluation = evaluate(run.recommender(), bench.split.test, bench.split)
    for runs in ([1], [seeded()], [evaluation], [run, None]):
        with pytest.raises(UserError, match=r"compare takes runs; given .*bench.evaluate\(scores, name='mine'\)"):
            wb.compare(runs)
    for runs in (1, seeded(), evaluation, run.ranks):
        with pytest.raises(UserError, match=r"compare takes a list of runs, such as"):
            wb.compare(runs)
        with pytest.raises(UserError, match=r"contrast takes a list of runs, such as"):
            wb.contrast(runs, by="mask_history")
    with pytest.raises(UserError, match="their classes or attributes differ; give each a name of its own"):
        wb.compare([run, bench.fit(seeded(width=4), name="mynet", epochs=2, lr=1e-2)])
    other = np.zeros_like(run.ranks)
    with pytest.raises(UserError, match="two different runs are called mine and have seed 0"):
        wb.compare([bench.evaluate(run.ranks, name="mine"), bench.evaluate(other, name="mine")])


@pytest.mark.parametrize(("wrong", "words"), [
    (lambda n, i: np.zeros((n, i)), "one column is short: column 0 stands for padding"),
    (lambda n, i: np.zeros(n - 1), "expected scores"), (lambda n, i: np.full(n, 0.5), "ranks are whole numbers"),
    (lambda n, i: -np.ones(n), "ranks are whole numbers"), (lambda n, i: np.array(["a"] * n), "ranks are whole"),
    (lambda n, i: np.full((n, i + 1), np.nan), "a score is NaN"), (lambda n, i: "popularity", "given str"),
    (lambda n, i: lambda h: np.zeros((len(h), i)), r"the scores have shape .*one column is short"),
    (lambda n, i: Net, "Net is a class; give an instance"), (lambda n, i: None, "given NoneType"),
])  # fmt: skip
def test_what_cannot_be_evaluated_is_said_in_words(bench, wrong, words):
    with pytest.raises(UserError, match=words):
        bench.evaluate(wrong(len(bench.split.test.targets), bench.split.n_items), name="wrong")


def notebook_lines() -> str:
    cells = json.loads((ROOT / "notebooks" / "03_train_recommender.ipynb").read_text(encoding="utf-8"))["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    at = next(i for i, code in enumerate(codes) if code.startswith("class MyNet"))
    return "\n\n".join(codes[at : at + 2])


def docstring_lines() -> str:
    text = inspect.getdoc(Bench.fit)
    return textwrap.dedent(text[text.index("    class MyNet") : text.index("changes: keywords")])


def test_the_lines_that_are_shown_run_as_shown(home, tmp_path):
    """The notebook's, then the docstring's, in a Python of its own and from a file, as the source of a cell is."""
    path = tmp_path / "shown.py"
    path.write_text(
        "import torch\nimport workbench as wb\n"
        f"bench, seed = wb.open_bench('synthetic', profile='smoke', options={WORLD}), 0\n"
        "tiger, baselines = bench.fit('popularity'), [bench.fit('item_transitions')]\n"
        f"{notebook_lines()}\n{docstring_lines()}\nprint(wb.compare([run, tiger]).loc[run.label, 'mean'])\n"
    )
    done = subprocess.run([sys.executable, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and float(done.stdout) > 0, done.stderr


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
