"""What a system can add to the prediction of next items: a term, a second turn, arrays beside the ids, interests."""
import numpy as np
import pytest
import torch
from torch import nn
from toys import make_histories

from workbench.data import Histories
from workbench.losses.contrast import info_nce
from workbench.losses.ranking import full_softmax
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.sequential import Additions, padded_column, sequential
from workbench.train import Recipe
from workbench.train.fit import TrainingSession
from workbench.train.turns import Turn

N_ITEMS = 12
RECIPE = Recipe(epochs=2, batch_size=4, lr=1e-2)


class Split:
    """As much of a split as an objective reads."""

    def __init__(self, train: Histories):
        self.train, self.n_items = train, N_ITEMS


def histories_with(column: str, values) -> Histories:
    plain = make_histories([1, 2, 3, 4], [5, 6], [7, 8, 9, 10, 11, 12])
    return Histories(plain.offsets, plain.items, plain.users, {column: np.asarray(values)})


def encoder(seed: int = 0) -> SequenceEncoder:
    torch.manual_seed(seed)
    return SequenceEncoder(N_ITEMS, width=8, layers=1, heads=2, feedforward=8, max_length=4, dropout=0.0)


def loss(h, weight, targets, step):
    return full_softmax(h, weight, targets, chunk=128)


def trained(module, **settings) -> dict[str, torch.Tensor]:
    train = histories_with("gap", np.arange(12))
    sequential(module, loss=loss, max_length=4, **settings).fit(Split(train), TrainingSession(RECIPE, 0, "cpu", None))
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def equal(a: dict, b: dict) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("T", [1, 2, 4, 9])
def test_a_padded_column_lies_beside_the_padded_items(T):
    histories = histories_with("item again", make_histories([1, 2, 3, 4], [5, 6], [7, 8, 9, 10, 11, 12]).items)
    assert np.array_equal(padded_column(histories, histories.columns["item again"], T), histories.padded(T))


def test_a_term_of_zero_changes_no_bit_and_one_of_the_weights_does():
    plain = trained(encoder())
    module = encoder()
    zero = trained(module, additions=Additions(loss=lambda windows, step: module.item.weight.sum() * 0))
    assert equal(plain, zero)
    module = encoder()
    pulled = trained(module, additions=Additions(loss=lambda windows, step: module.item.weight.square().sum()))
    assert pulled["item.weight"].norm() < plain["item.weight"].norm()


def test_a_term_sees_the_windows_with_their_columns():
    seen = []
    module = encoder()
    additions = Additions(loss=lambda windows, step: seen.append(windows) or module.item.weight.sum() * 0)
    trained(module, additions=additions)
    gaps = np.sort(np.concatenate([windows.columns["gap"] for windows in seen[: len(seen) // 2]]))
    assert set(gaps) == set(range(12)), "every event is in a window of each epoch"


def test_a_second_turn_trains_what_the_first_leaves():
    module = encoder()
    module.extra = nn.Linear(8, 8)
    before = module.extra.weight.detach().clone()
    turn = Turn(lambda windows, step: module.extra.weight.square().sum(), "extra.*")
    trainable = ("item.*", "position.*", "blocks.*", "norm.*")
    after = trained(module, trainable=trainable, additions=Additions(turns=[turn]))
    assert after["extra.weight"].norm() < before.norm()
    assert equal(trained(encoder()), after), "the second turn leaves the others alone"


def test_inputs_reach_the_module_in_training_and_in_ranking():
    class Timed(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.seen = encoder(), []
            self.item = self.inner.item

        def forward(self, items, gaps):
            assert items.shape == gaps.shape and not gaps[items == 0].any()
            self.seen.append(gaps)
            return self.inner(items)

    module, train = Timed(), histories_with("gap", np.arange(1.0, 13.0, dtype=np.float32))
    additions = Additions(inputs=lambda histories, T: [padded_column(histories, histories.columns["gap"], T)])
    recommender = sequential(module, loss=loss, max_length=4, additions=additions)
    recommender.fit(Split(train), TrainingSession(RECIPE, 0, "cpu", None))
    in_training = len(module.seen)
    recommender.recommend(train, 3)
    assert len(module.seen) == in_training + 1
    assert module.seen[-1].tolist() == [[1, 2, 3, 4], [5, 6, 0, 0], [9, 10, 11, 12]]


def test_of_several_interests_the_nearest_scores_an_item():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = encoder()
            self.item = self.inner.item

        def forward(self, items):
            h = self.inner(items)
            return torch.stack([h, -h], 2)

    module = Two()
    histories = make_histories([1, 2, 3], [4])
    scores = sequential(module, loss=loss, max_length=4).scores(histories)
    one = sequential(module.inner, loss=loss, max_length=4).scores(histories)
    assert torch.allclose(scores, one.abs())


def test_contrast_with_several_positives_against_a_loop():
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(5, 3, generator=rng) for _ in range(2))
    positives = torch.eye(5, dtype=torch.bool)
    assert torch.allclose(info_nce(a, b, 0.5, positives=positives), info_nce(a, b, 0.5), atol=1e-6)
    positives[0, 3] = True
    total = []
    for x, y, positive in ((a, b, positives), (b, a, positives.T)):
        log_p = (x @ y.T / 0.5).log_softmax(1)
        total.append(torch.stack([log_p[i][positive[i]].mean() for i in range(5)]).mean())
    assert torch.allclose(info_nce(a, b, 0.5, cosine=False, positives=positives), -sum(total) / 2, atol=1e-6)
    positives[4] = False
    assert torch.isfinite(info_nce(a, b, 0.5, positives=positives))
