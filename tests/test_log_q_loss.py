"""Sampled softmax corrected by log q: by hand, beside its uniform case, and the full softmax that it stands for."""
import math

import numpy as np
import pytest
import torch

from workbench.losses.ranking import full_softmax, sampled_softmax
from workbench.losses.sampled.log_q import draw, log_q_softmax, mixed_distribution


def test_by_hand():
    """One state, scores 1, 2 and 3 of items 1, 2 and 3; target 1; item 2 drawn twice, 1 once, which is masked."""
    h, weight = torch.ones(1, 1), torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    q = torch.tensor([1.0, 0.5, 0.25, 0.25])
    loss = log_q_softmax(h, weight, torch.tensor([1]), torch.tensor([2, 1, 2]), q.log())
    expected = math.log(math.e + 2 * math.exp(2) / (3 * 0.25)) - 1
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def parts(seed=0, n=9, items=50, width=8):
    torch.manual_seed(seed)
    return torch.randn(n, width), torch.randn(items + 1, width), torch.randint(1, items + 1, (n,))


def test_uniform_q_is_the_sampled_softmax():
    h, weight, targets = parts()
    negatives = torch.randint(1, 51, (30,))
    log_q = torch.full((51,), -math.log(50))
    ours = log_q_softmax(h, weight, targets, negatives, log_q)
    assert ours.item() == pytest.approx(sampled_softmax(h, weight, targets, negatives).item(), rel=1e-6)


def test_many_draws_of_a_skewed_q_are_the_full_softmax_and_without_the_correction_they_are_not():
    """The five frequent items score 3, the others 0; the target is rare. Uniform weights take the sum of 50 q_j exp s_j
    for that of exp s_j."""
    scores = np.where(np.arange(51) < 6, 3.0, 0.0)
    h, weight, targets = torch.ones(1, 1), torch.from_numpy(scores).float()[:, None], torch.tensor([50])
    q = mixed_distribution(np.where(np.arange(51) < 6, 100, 1))
    negatives = torch.from_numpy(draw(q, 200_000, np.random.default_rng(0)))
    full = full_softmax(h, weight, targets).item()
    log_q = torch.from_numpy(np.log(q.clip(1e-9))).float()
    assert log_q_softmax(h, weight, targets, negatives, log_q).item() == pytest.approx(full, abs=0.01)
    flat = log_q_softmax(h, weight, targets, negatives, torch.full((51,), -math.log(50))).item()
    expected = math.log(1 + 50 * (q[1:50] * np.exp(scores[1:50])).sum())
    assert flat == pytest.approx(expected, abs=0.01) and flat > full + 0.5


def test_draws_follow_q_and_padding_is_never_drawn():
    q = mixed_distribution(np.array([99, 6, 2, 0]))
    assert q == pytest.approx([0, 1 / 6 + 3 / 8, 1 / 6 + 1 / 8, 1 / 6]) and mixed_distribution(np.zeros(3)).sum() == 1
    drawn = draw(q, 100_000, np.random.default_rng(1))
    assert np.bincount(drawn, minlength=4) / 100_000 == pytest.approx(q, abs=0.01) and drawn.min() == 1
