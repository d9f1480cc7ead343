"""Latent steps: all chains at once are each alone, prototypes by hand, and halting gives the lists of a fixed depth."""
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from toys import make_histories

from workbench import systems
from workbench.data import Cases, Protocol, Split
from workbench.nets.sequences.latent_steps import LatentSteps, embedded, halting_signals, read, start
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.vector import VectorRecommender
from workbench.train import seeded_torch

ITEMS, WIDTH, STEPS = 40, 8, 3
dtrec = systems.load("dtrec")
HISTORIES = make_histories([3, 9, 4, 11, 30], [7], [5, 5, 8], [], [1, 2, 3, 4, 5, 6, 7, 8], [39, 40])


@pytest.fixture
def module():
    with seeded_torch(0, "net"):
        encoder = SequenceEncoder(ITEMS, width=WIDTH, layers=2, heads=2, feedforward=16, max_length=6, dropout=0.0)
        made = LatentSteps(encoder, STEPS, [2, 4])
        with torch.no_grad():
            for p in made.parameters():
                p += 0.3 * torch.randn_like(p)
            made.item.weight[0] = 0
    return made.eval()


def appended(module: LatentSteps, items: list[int], steps: int) -> list[torch.Tensor]:
    """r_1 .. of one history without any cache: tokens are appended to what the blocks read, and all is read again."""
    x = embedded(module.encoder, torch.tensor([items]))
    states = [_blocks(module.encoder, x)]
    for step in range(steps):
        x = torch.cat([x, (states[-1] + module.step[step])[None, None]], 1)
        states.append(_blocks(module.encoder, x))
    return states[1:]


def _blocks(encoder: SequenceEncoder, x: torch.Tensor) -> torch.Tensor:
    for block in encoder.blocks:
        x = block(x)
    return encoder.norm(x)[0, -1]


def test_the_pass_over_the_items_is_the_encoders_bit_for_bit(module):
    items = torch.tensor([[3, 9, 4, 11, 30], [7, 2, 0, 0, 0]])
    h, cache = read(module.encoder, embedded(module.encoder, items))
    assert torch.equal(h, module.encoder(items)) and torch.equal(start(h, cache).state, h)


def test_all_chains_at_once_are_those_of_prefixes_that_are_read_again_with_every_token(module):
    items = [3, 9, 4, 11, 30]
    together = module(torch.tensor([items, [1, 1, 1, 1, 1]]))
    assert together.shape == (2, 5, STEPS, WIDTH)
    for t in range(5):
        alone = torch.stack(appended(module, items[: t + 1], STEPS))
        assert torch.allclose(together[0, t], alone, atol=1e-5)
        assert not torch.allclose(alone[0], alone[1], atol=1e-2), "a step does something"


def test_no_later_event_moves_a_chain(module):
    a, b = module(torch.tensor([[3, 9, 4, 11, 30]])), module(torch.tensor([[3, 9, 4, 12, 1]]))
    assert torch.equal(a[:, :3], b[:, :3]) and (a[:, 3:] != b[:, 3:]).any(-1).all()


def test_ranking_reads_the_chain_after_the_last_event(module):
    states, taken = dtrec.HaltingState(6, STEPS).walk(module, HISTORIES)
    assert taken.tolist() == [STEPS] * 6
    for row in (0, 1, 2, 5):
        assert torch.allclose(states[row], appended(module, HISTORIES.row(row).tolist(), STEPS)[-1], atol=1e-5)
    assert torch.allclose(states[4], appended(module, [3, 4, 5, 6, 7, 8], STEPS)[-1], atol=1e-5), "the last 6 events"


def test_who_halts_has_the_list_of_the_fixed_depth(module):
    def lists(steps: int, threshold: float):
        model = VectorRecommender(module, dtrec.HaltingState(6, steps, threshold), None)
        return model.recommend(HISTORIES, 10).items

    fixed = [lists(steps, 0.0) for steps in range(1, STEPS + 1)]
    assert not np.array_equal(fixed[0], fixed[2])
    depths = set()
    for threshold in np.linspace(0.02, 0.6, 30):
        taken = dtrec.HaltingState(6, STEPS, threshold).walk(module, HISTORIES)[1].tolist()
        halted = lists(STEPS, threshold)
        assert all(np.array_equal(halted[row], fixed[step - 1][row]) for row, step in enumerate(taken))
        depths |= {tuple(taken)}
    assert any(len(set(taken)) > 1 for taken in depths), "users of one batch halt at different steps"


def test_signals_by_hand():
    weight = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0]])  # padding is no candidate
    before, now = torch.tensor([[0.0, 0.0], [3.0, 0.0]]), torch.tensor([[math.log(3), 0.0], [3.0, 0.0]])
    signals = halting_signals(before, now, weight)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(2)
    assert signals[0].tolist() == pytest.approx([entropy, 0.25, 1.0], abs=1e-6)
    assert signals[1, 1:].tolist() == [0, 0] and 0 < signals[1, 0] < 1


def test_prototypes_by_hand_and_no_gradient_without_them(module):
    h, targets = torch.randn(3, STEPS, WIDTH, requires_grad=True), torch.tensor([1, 2, 40])
    empty = module.prototype_loss(h, targets)
    empty.backward()
    assert empty.item() == pytest.approx(math.log(2) + math.log(4), abs=1e-6) and not h.grad.any()
    coarse = (torch.arange(ITEMS) >= 20).long()
    module.set_prototypes(torch.stack([coarse, torch.arange(ITEMS) % 4]))
    first, second = module.item.weight[1:21].mean(0), module.item.weight[21:].mean(0)
    assert torch.allclose(module.centroids[:2], torch.stack([first, second]), atol=1e-6)
    assert torch.allclose(module.centroids[2:], torch.stack([module.item.weight[1 + c :: 4].mean(0) for c in range(4)]))
    assert module.labels[0, targets].tolist() == [0, 0, 1] and module.labels[1, targets].tolist() == [0, 1, 3]
    h.grad = None
    module.prototype_loss(h, targets).backward()
    by_hand = F.cross_entropy(h[:, 0] @ module.centroids[:2].T, torch.tensor([0, 0, 1]))
    by_hand = by_hand + F.cross_entropy(h[:, 1] @ module.centroids[2:].T, torch.tensor([0, 1, 3]))
    assert module.prototype_loss(h, targets).item() == pytest.approx(by_hand.item(), abs=1e-5)
    assert h.grad[:, :2].abs().sum((0, 2)).all() and not h.grad[:, 2].any(), "the last step has no prototype"


def test_clusters_are_of_near_items_and_coarser_first():
    points = torch.tensor([[0.0, 0.0], [10.0, 0.0]]).repeat_interleave(20, 0)
    points[:, 1] += torch.arange(40) % 2
    coarse, fine = dtrec.k_means(points, [2, 4], 0, 1)
    assert len(coarse[:20].unique()) == len(coarse[20:].unique()) == 1 and coarse[0] != coarse[20]
    assert len(fine.unique()) == 4 and len(fine[:20:2].unique()) == 1 and fine[0] != fine[1]


def test_the_halting_curve(module):
    cases = Cases(HISTORIES, np.array([4, 8, 15, 16, 23, 40], np.int32))
    split = Split(HISTORIES, cases, cases, 6, ITEMS, Protocol(), "")
    model = VectorRecommender(module, dtrec.HaltingState(6, STEPS), None)
    curve = dtrec.halting_curve(model, cases, split, [0.0, 0.3, 0.35, 0.4, 1.0], metric="ndcg@20")
    fixed, halting = curve[curve.rule == "fixed depth"], curve[curve.rule == "halting"]
    assert fixed.steps.tolist() == [1, 2, 3] and halting.steps.is_monotonic_decreasing
    last = ["steps", "ndcg@20"]
    assert halting.iloc[0][last].tolist() == fixed.iloc[-1][last].tolist(), "threshold 0 never halts"
    assert halting.iloc[-1][last].tolist() == fixed.iloc[0][last].tolist(), "threshold 1 halts at once"
    assert halting.steps.between(1.01, 2.99).any()
    for _, row in halting.iterrows():
        taken = dtrec.HaltingState(6, STEPS, row.setting).walk(module, HISTORIES)[1].numpy()
        gains = [gain_at(module, cases, step)[taken == step].sum() for step in (1, 2, 3)]
        assert row["ndcg@20"] == pytest.approx(sum(gains) / 6, abs=1e-6)


def gain_at(module, cases: Cases, step: int) -> np.ndarray:
    """(C,) NDCG@20 at a fixed depth, from the scores."""
    scores = VectorRecommender(module, dtrec.HaltingState(6, step), None).score(cases.histories)[:, 1:]
    rank = 1 + (scores > scores[np.arange(6), cases.targets - 1][:, None]).sum(1)
    return np.where(rank <= 20, 1 / np.log2(rank + 1), 0.0)
