"""What is wrong with a model of one's own, or with what is compared, is said in words and before it is trained."""
import numpy as np
import pytest
import torch
from own_models import ITEMS, WORLD, Net, Newest, seeded, untrainable
from torch import nn

import workbench as wb
from workbench.errors import UserError
from workbench.evaluate import evaluate


@pytest.fixture(scope="module")
def bench(home):
    return wb.open_bench("synthetic", profile="smoke", options=WORLD)


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit(seeded(), name="mynet", epochs=2, lr=1e-2)


class Wrong(nn.Module):
    """A network with one thing wrong."""

    def __init__(self, kind, n_items=ITEMS):
        super().__init__()
        self.kind, self.item = kind, nn.Embedding(n_items + 1, 8, padding_idx=0)
        self.gru, self.attention = nn.GRU(8, 8), nn.MultiheadAttention(8, 1, batch_first=True)
        self.out = nn.Linear(8, n_items + (kind != "short"))
        self.position, self.layers = nn.Embedding(20, 8), [nn.Linear(8, 8)] if kind == "list" else [self.out]

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

    def in_place(self, items, targets):
        scores = self(items).exp()
        scores += 1
        return scores.mean()

    def vector(self, items, targets):
        return self(items).mean((1, 2))


WRONG_NETWORKS = [
    (lambda: Wrong("short"), {}, r"gives \(4, \d+, \d+\) for items .*; one column is short"),
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
    (lambda: Wrong("list"), {}, "layers is a list that holds layers or parameters, which are not trained there"),
    (lambda: Wrong(""), {"loss": "in_place"}, "the gradient of loss 'in_place' fails: RuntimeError"),
    (lambda: Wrong("").double(), {}, "is torch.float64; training is in torch.float32: call .float()"),
    (lambda: Wrong("").requires_grad_(False), {}, "no parameter requires a gradient"),
    (nn.Identity, {}, "Identity is a class; give an instance"),
    (lambda: nn.Identity(), {}, "Identity has no parameters, so there is nothing to train"),
    (lambda: nn.Module(), {}, "Module has no parameters"),
    (lambda: nn.Linear(3, 3), {}, r"forward fails on items \(4, \d+\), int64 ids up to \d+, .*for each.*RuntimeError"),
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
    monkeypatch.setattr("workbench.experiment.run_plan.train_run", untrainable)
    with pytest.raises(UserError, match=words):
        bench.fit(make() if make is not nn.Identity else make, name="wrong", **changes)


def test_a_class_without_source(bench):
    names = {"Net": Net}
    exec("class Unseen(Net):\n def forward(self, items):\n  return super().forward(items)", names)  # noqa: S102
    with pytest.raises(UserError, match="the source of the class Unseen cannot be had"):
        bench.fit(names["Unseen"](), name="unseen")


@pytest.mark.parametrize(("name", "words"), [
    ("", "needs a name for tables"), ("sasrec", "is the name of a system"), ("a/b", "a name is a letter"),
    ("my net", "a name is a letter"), (3, "name must be a text, not 3"),
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
