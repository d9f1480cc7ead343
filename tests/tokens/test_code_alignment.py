"""LETTER's terms: values by hand, and what they do to the codes of a small catalogue."""
import math

import numpy as np
import pytest
import torch

from workbench.errors import UserError
from workbench.tokens.alignment.code_alignment import (
    CodeAlignment,
    codeword_groups,
    collaborative_loss,
    drawn_peers,
    spread_loss,
)
from workbench.tokens.rq_vae import RQVAE

QUICK = {"levels": 3, "size": 16, "width": 8, "hidden": (32,), "steps": 200}


def world(n=480):
    """Content vectors (n, 12), mostly of 16 kinds and faintly of 16 others, which collaborative ones (n, 8) tell."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 16, n)
    content = rng.normal(size=(16, 12))[rng.integers(0, 16, n)] + 0.5 * rng.normal(size=(16, 12))[kind]
    content += 0.1 * rng.normal(size=(n, 12))
    together = rng.normal(size=(16, 8))[kind] + 0.1 * rng.normal(size=(n, 8))
    return content.astype(np.float32), together.astype(np.float32), kind


def shared_prefix(codes, kind):
    """The mean number of leading codes that two items of one kind share."""
    same = kind[:, None] == kind
    equal = np.cumprod(codes[:, None] == codes, axis=2).sum(2)
    np.fill_diagonal(same, False)
    return equal[same].mean()


def test_the_collaborative_loss_by_hand():
    z, h = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    first, second = math.log(math.exp(1) + 1) - 1, math.log(1 + math.exp(2)) - 2
    assert collaborative_loss(z, h).item() == pytest.approx((first + second) / 2)


def test_the_spread_loss_by_hand():
    """Codewords 0 and 1 share a group, so that each is the positive of the other; 2 is alone and has none."""
    table = torch.tensor([[[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    codes, groups = torch.tensor([[0], [1], [2]]), torch.tensor([[0, 0, 1]])
    by_hand = ((math.log(math.exp(1) + math.exp(0)) - 1) + (math.log(math.exp(1) + math.exp(1)) - 1)) / 2
    assert spread_loss(codes, table, groups, torch.Generator()).item() == pytest.approx(by_hand)
    assert spread_loss(codes[2:], table, groups, torch.Generator()).item() == 0


def test_peers_are_the_others_of_a_group_as_often_as_each_other():
    groups = torch.tensor([1, 0, 1, 1, 2, 0])
    codes = torch.arange(6).repeat(3000)
    own, peers = drawn_peers(codes, groups, torch.Generator().manual_seed(0))
    drawn = np.zeros((6, 6))
    np.add.at(drawn, (own.numpy(), peers.numpy()), 1)
    same = (groups[:, None] == groups).numpy() & ~np.eye(6, dtype=bool)
    assert not drawn[~same].any() and not drawn[4].any(), "never itself, never of another group"
    expected = 3000 * same / np.maximum(same.sum(1, keepdims=True), 1)
    assert np.abs(drawn - expected).max() < 150, "more than five standard deviations of a draw from two"


def test_groups_are_of_like_size():
    groups = codeword_groups(torch.randn(2, 40, 4, generator=torch.Generator().manual_seed(0)), seed=0)
    assert groups.shape == (2, 40) and max(np.bincount(row).max() for row in groups.numpy()) <= 4
    assert (codeword_groups(torch.zeros(1, 3, 4), seed=0) == 0).all(), "too few codewords for two groups"


def test_without_weights_the_codes_are_those_of_the_rq_vae():
    content, together, _ = world()
    plain = RQVAE(seed=1, **QUICK).fit(content)
    zero = RQVAE(seed=1, **QUICK).fit(content, CodeAlignment(together, alignment=0, spread=0, seed=1))
    assert np.array_equal(plain.encode(content), zero.encode(content))


def test_items_that_go_together_share_longer_prefixes():
    content, together, kind = world()
    shuffled = together[np.random.default_rng(1).permutation(len(together))]
    weights = {"alignment": 1.0, "spread": 1e-3, "seed": 1}
    terms = (None, CodeAlignment(together, **weights), CodeAlignment(shuffled, **weights))
    fitted = [RQVAE(seed=1, **QUICK).fit(content, each) for each in terms]
    before, after, placebo = (shared_prefix(each.encode(content), kind) for each in fitted)
    assert after > 1.3 * max(before, placebo)


@pytest.mark.parametrize("changes, message", [
    ({"alignment": -1.0}, "give 0 or more"), ({"spread": float("nan")}, "give 0 or more"),
    ({"vectors": np.full((3, 2), np.nan)}, "finite rows, one for each item"),
])  # fmt: skip
def test_bad_settings(changes, message):
    given = {"vectors": np.zeros((3, 2)), "alignment": 0.1, "spread": 0.1, "seed": 0} | changes
    with pytest.raises(UserError, match=message):
        CodeAlignment(given.pop("vectors"), **given)
