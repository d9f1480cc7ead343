"""DESMIL: HSIC against its kernel form, weights that lower it, samples that count by weight, and shifted popularity."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench import systems
from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.losses.independence import cosine_features, independence_weights, weighted_hsic
from workbench.losses.ranking import full_softmax
from workbench.train.fit import TrainingSession

desmil = systems.load("desmil")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed))


def dependent(n: int = 200) -> torch.Tensor:
    """(n, 2, 3): pairs of vectors that share a part."""
    return normal(n, 2, 3) + 1.5 * normal(n, 1, 3, seed=1)


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile="smoke", options={"users": 300}, device="cpu")


def test_hsic_is_that_of_linear_kernels():
    """tr(K H L H) / (n - 1)^2 with K = X X^T and L = Y Y^T, summed over pairs."""
    x = normal(30, 3, 4).double()
    H = torch.eye(30).double() - 1 / 30
    K = [x[:, k] @ x[:, k].T for k in range(3)]
    pairs = [(K[a] @ H @ K[b] @ H).trace() / 29**2 for a, b in ((0, 1), (0, 2), (1, 2))]
    assert weighted_hsic(x).item() == pytest.approx(sum(pairs).item(), rel=1e-9)
    assert torch.equal(weighted_hsic(x), weighted_hsic(x, torch.ones(30).double()))


def test_a_weight_of_two_counts_a_sample_twice_and_of_zero_not():
    x = normal(6, 2, 3).double()
    weights = torch.tensor([2.0, 1, 1, 1, 1, 0]).double()
    repeated = x[[0, 0, 1, 2, 3, 4]]
    assert weighted_hsic(x, weights).item() == pytest.approx(weighted_hsic(repeated).item(), rel=1e-9)


def test_hsic_of_independent_vectors_goes_to_0_and_of_a_vector_with_itself_does_not():
    def value(n: int, *, same: bool) -> float:
        x = normal(n, 2, 4, seed=n)
        x = x[:, :1].expand(-1, 2, -1) if same else x
        return float(np.mean([weighted_hsic(cosine_features(x, 5, generator(seed))).item() for seed in range(10)]))

    independent, itself = ([value(n, same=same) for n in (50, 500, 5_000)] for same in (False, True))
    assert independent[2] < independent[1] / 5 < independent[0] / 25, independent
    assert min(itself) > 0.5 > 100 * independent[2], itself


def test_products_of_many_features_are_a_gaussian_kernel_as_wide_as_the_samples():
    x = normal(40, 1, 3)
    features = cosine_features(x, 40_000, generator())[:, 0]
    scale = (x[:, 0] - x[:, 0].mean(0)).square().sum(1).mean()
    kernel = torch.exp(-torch.cdist(x[:, 0], x[:, 0]).square() / (2 * scale))
    assert torch.allclose(features @ features.T / 40_000, kernel, atol=0.05)
    assert torch.allclose(cosine_features(50 * x + 7, 9, generator()), cosine_features(x, 9, generator()), atol=1e-3)


def test_weights_lower_hsic_and_keep_their_sum():
    features = cosine_features(dependent(), 5, generator())
    before = weighted_hsic(features).item()
    found = [independence_weights(features, steps=steps) for steps in (0, 1, 10, 50)]
    values = [weighted_hsic(features, weights).item() for weights in found]
    assert torch.allclose(found[0], torch.ones(200), atol=1e-5) and values[0] == pytest.approx(before, rel=1e-4)
    assert values[3] < values[2] < values[1] < before and values[2] < 0.7 * before, values
    for weights in found:
        assert weights.sum().item() == pytest.approx(200, rel=1e-5) and (weights > 0).all()
        assert not weights.requires_grad
    kept = independence_weights(features, steps=50, spread=3.0)
    assert (kept - 1).abs().mean() < 0.5 * (found[3] - 1).abs().mean(), "the spread is what the penalty says"


def test_weights_of_one_are_the_plain_loss_to_the_last_bit():
    weight, targets = normal(12, 4), torch.randint(1, 12, (9,), generator=generator())
    results = []
    for weights in (None, torch.ones(9)):
        h = normal(9, 1, 4, seed=1).requires_grad_()
        loss = desmil.weighted_softmax(h, weight, targets, weights)
        results.append((loss, *torch.autograd.grad(loss, h)))
    assert all(torch.equal(one, other) for one, other in zip(*results))
    assert torch.allclose(results[0][0], full_softmax(normal(9, 4, seed=1), weight, targets)), "one interest"


def test_a_sample_counts_by_its_weight():
    h, weight, targets = normal(3, 2, 4), normal(12, 4), torch.tensor([1, 5, 9])
    scores = [torch.maximum(*(h[i] @ weight[1:].T)) for i in range(3)]
    each = [F.cross_entropy(scores[i], targets[i] - 1) for i in range(3)]
    weighted = desmil.weighted_softmax(h, weight, targets, torch.tensor([0.5, 2.5, 0.0]))
    assert weighted.item() == pytest.approx(((0.5 * each[0] + 2.5 * each[1]) / 3).item(), rel=1e-6)


def test_without_steps_training_is_that_of_weights_1_bit_for_bit(bench, monkeypatch):
    def trained(**settings) -> dict[str, np.ndarray]:
        recommender = bench.build("desmil", layers=1, width=16, **settings)
        recipe = bench.plan("desmil", epochs=1)[1]
        recommender.fit(bench.split, TrainingSession(recipe, 0, "cpu", None))
        return recommender.state()

    plain, weighted = trained(steps=0), trained(steps=10)
    monkeypatch.setattr(desmil, "independence_weights", lambda features, steps: torch.ones(len(features)))
    ones = trained(steps=10)
    assert all(np.array_equal(plain[name], ones[name]) for name in plain)
    assert not np.array_equal(plain["encoder.item.weight"], weighted["encoder.item.weight"])


def test_the_placebo_has_the_weights_of_the_batch_in_another_order(bench, monkeypatch):
    seen = []

    def record(h, weight, targets, weights):
        seen.append(weights)
        return full_softmax(h[:, 0], weight, targets)

    monkeypatch.setattr(desmil, "weighted_softmax", record)
    h, targets = normal(40, 4, 16), torch.randint(1, 12, (40,), generator=generator())
    for permuted in (False, True):
        build = {"layers": 1, "width": 16, "permuted": permuted}
        objective = loss_of(bench.build("desmil", **build))
        objective(h, normal(12, 16), targets, 3)
    assert torch.equal(seen[0].sort().values, seen[1].sort().values) and not torch.equal(*seen)


def loss_of(recommender):
    """The loss of states that a sequential recommender was built with."""
    closure = recommender.objective.__closure__
    return next(cell.cell_contents for cell in closure if getattr(cell.cell_contents, "__name__", "") == "loss")


def test_items_are_scored_by_the_nearest_interest(bench):
    recommender = bench.build("desmil", layers=1, width=16)
    histories = bench.split.test.histories.take(np.arange(5))
    states = recommender.states(histories)
    assert states.shape == (5, 4, 16)
    expected = torch.einsum("bkd,id->bki", states, recommender.module.item.weight).amax(1)
    assert np.allclose(recommender.score(histories), expected.detach().numpy(), atol=1e-5)


def test_on_train_events_whose_popularity_is_shifted(bench):
    """Popular items are kept more often, so test is less popular than train: the paper's setting of another test."""
    counts = bench.split.train_counts()
    share = (counts / counts.max()) ** 0.5
    train = bench.split.train
    keep = bench.rng("shifted popularity").random(len(train.items)) < share[train.items]
    shifted = bench.variant(train=keep, label="shifted popularity")

    def popularity(of, items) -> float:
        return float((of.split.train_counts()[items] / of.split.train_counts().sum()).mean())

    targets = bench.split.test.targets
    ratio, shifted_ratio = (popularity(of, of.split.train.items) / popularity(of, targets) for of in (bench, shifted))
    assert shifted_ratio > 1.2 * ratio and np.array_equal(shifted.split.test.targets, targets)
    run = shifted.fit("desmil", epochs=1, layers=1, width=16)
    assert 0 <= run.metrics["ndcg@10"] <= 1 and run.info["data_hash"] != bench.split.data_hash


@pytest.mark.parametrize(
    "settings", [{"interests": -1}, {"interests": 1}, {"steps": -1}, {"features": 0}, {"width": 33}, {"dropout": 1.0}]
)
def test_bad_settings(bench, settings):
    with pytest.raises(UserError):
        bench.build("desmil", **settings)
