"""MCLRec: its regulariser by hand, which turn trains what, and the published checkpoint of Beauty."""
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench import experiment
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.nets.attention import SelfAttention
from workbench.recommenders.sequential import sequential
from workbench.systems.sequential import mclrec
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

TINY = replace(PROFILES["smoke"], epochs=1, users=None)
SIZES = {"width": 16, "layers": 1}


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic", profile=TINY, options={"users": 60})


def fitted(bench, **changes):
    settings, recipe = bench.plan("mclrec", **SIZES, **changes)
    recommender = bench.build("mclrec", **settings)
    start = {name: p.detach().clone() for name, p in recommender.module.named_parameters()}
    recommender.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None))
    moved = {name for name, p in recommender.module.named_parameters() if not torch.equal(p, start[name])}
    return recommender, moved


def test_the_range_of_scores_by_hand():
    a, b = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    # rows a0 a1 b0 b1, positives 2 2 2 2, negatives {0 1} {0 0} {0 2} {1 2}
    above = (2 - 1) + (2 - 0) + 0 + 0
    below = (2 + 1) + (2 + 2) + (2 + 0) + (1 + 0)
    assert mclrec.score_range(a, b).item() == pytest.approx(above / 4 + below / 8)
    # positives 0 0 0 0, below the highest negatives 1 0 1 0: nothing is above the range
    a, b = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    # each row: positive 0; negatives a: {1 0}, b: {1 0}
    assert mclrec.score_range(a, b).item() == pytest.approx(4 * 1 / 8)


def test_a_history_alone_in_its_batch_has_no_negatives():
    one = torch.ones(1, 3, requires_grad=True)
    assert mclrec.score_range(one, one * 2).item() == 0 and torch.isfinite(mclrec.nt_xent(one, one * 2))


def test_the_learnt_contrast_is_of_three_pairs():
    generator = torch.Generator().manual_seed(0)
    h1, h2 = (torch.randn(3, 2, generator=generator) for _ in range(2))
    augmenters = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    z1, z2 = augmenters[0](h1), augmenters[1](h2)
    total = 0.0
    for a, b in ((z1, z2), (h1, z2), (h2, z1)):
        rows = torch.cat([a, b])
        for i in range(6):
            positive, others = (i + 3) % 6, [j for j in range(6) if j != i]
            scores = rows[others] @ rows[i]
            total += (scores.logsumexp(0) - rows[positive] @ rows[i]) / 6
        total += mclrec.RANGE * mclrec.score_range(a, b)
    assert torch.allclose(mclrec.learnt_contrast(augmenters, h1, h2), total, atol=1e-5)


def test_the_second_turn_gives_the_encoder_no_gradient(bench):
    recommender = bench.build("mclrec", **SIZES)
    session = TrainingSession(bench.plan("mclrec")[1], bench.seed, "cpu", None)
    objective = recommender.objective(recommender.module, bench.split, session)
    batch = objective.batches(0)[0]
    objective.turns[0].loss(batch, 0).backward()
    with_gradient = {name for name, p in recommender.module.named_parameters() if p.grad is not None and p.grad.any()}
    assert with_gradient == {name for name, _ in recommender.module.named_parameters() if "augmenters" in name}
    recommender.module.zero_grad()
    objective.loss(batch, 0).backward()
    assert all(p.grad is not None for p in recommender.module.parameters()), "the encoder learns through the augmenters"


def test_the_first_turn_trains_the_encoder_and_not_the_augmenters(bench):
    frozen, moved = fitted(bench, **mclrec.PLACEBO)
    assert moved == {name for name, _ in frozen.module.named_parameters() if "augmenters" not in name}
    learnt, moved = fitted(bench)
    assert moved == {name for name, _ in learnt.module.named_parameters()}
    sizes = [sum(p.numel() for p in each.module.parameters()) for each in (frozen, learnt)]
    assert sizes[0] == sizes[1], "the placebo has as many parameters"


def test_without_the_learnt_views_there_are_no_augmenters(bench):
    plain = fitted(bench, **mclrec.OFF)[0].module
    random = fitted(bench, simple=0.1, beta=0.0)[0].module
    assert [name for name, _ in random.named_parameters()] == [name for name, _ in plain.named_parameters()]
    assert not torch.equal(random.item.weight, plain.item.weight), "the contrast of random views is a term of its own"


@pytest.mark.parametrize("changes", [{"beta": -0.1}, {"simple": -1.0}, {"width": 15}, {"dropout": 1.0}])
def test_settings_out_of_range_are_refused(bench, changes):
    with pytest.raises(UserError, match="mclrec"):
        bench.build("mclrec", **changes)


class PostNorm(nn.Module):
    """The encoder of the release: as `SequenceEncoder`, but normalised after each residual sum and before the blocks.
    It is filled from the names of the checkpoint."""

    def __init__(self, weights: dict[str, torch.Tensor], item_rows: np.ndarray):
        super().__init__()
        self.weights = {name.removeprefix("trm_encoder.layer."): tensor for name, tensor in weights.items()}
        self.item = nn.Embedding.from_pretrained(weights["item_embedding.weight"][item_rows], padding_idx=0)
        self.attention = nn.ModuleList(self._attention(f"{layer}.multi_head_attention.") for layer in range(2))

    def _attention(self, name: str) -> SelfAttention:
        made = SelfAttention(64, 2)
        for kind in ("weight", "bias"):
            qkv = torch.cat([self.weights[f"{name}{part}.{kind}"] for part in ("query", "key", "value")])
            getattr(made.qkv, kind).data.copy_(qkv)
            getattr(made.out, kind).data.copy_(self.weights[f"{name}dense.{kind}"])
        return made

    def _linear(self, name: str, x):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, name: str, x):
        return F.layer_norm(x, (64,), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], eps=1e-12)

    def forward(self, items):
        x = self._norm("LayerNorm", self.item(items) + self.weights["position_embedding.weight"][: items.shape[1]])
        for layer, attention in enumerate(self.attention):
            x = self._norm(f"{layer}.multi_head_attention.LayerNorm", x + attention(x))
            inner = F.gelu(self._linear(f"{layer}.feed_forward.dense_1", x))
            x = self._norm(f"{layer}.feed_forward.LayerNorm", x + self._linear(f"{layer}.feed_forward.dense_2", inner))
        return x


UNMASKED = {
    "recall@5": 0.0581, "ndcg@5": 0.0352, "recall@10": 0.0871, "ndcg@10": 0.0446, "recall@20": 0.1243,
    "ndcg@20": 0.0539,
}  # fmt: skip
MASKED = {"recall@10": 0.0951, "ndcg@10": 0.0576}  # of another evaluation of the same file


@pytest.mark.parametrize("figures", [UNMASKED, MASKED], ids=["published", "history masked"])
def test_the_published_checkpoint_ranks_as_published(real, figures):
    """log/Checkpoint/Amazon_Beauty/model.pth of github.com/QinHsiu/MCLRec: it pins attention, the order of events, the
    ids, the mask of the history and the metrics."""
    path = Path(os.environ.get("MCLREC_CHECKPOINT", ""))
    if not path.is_file():
        pytest.skip("MCLREC_CHECKPOINT: set it to the checkpoint of Beauty")
    weights = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
    protocol = {"mask_history": figures is MASKED}
    bench = experiment.open_bench("beauty", profile="paper", options={"release": "s3rec"}, protocol=protocol)
    rows = np.concatenate([[0], bench.dataset.items["s3rec_id"].to_numpy(np.int64)])
    recommender = sequential(PostNorm(weights, rows), loss=None, max_length=50)
    test = bench.split.test
    metrics = evaluate(recommender, test, bench.split, quiet=True).metrics(test, bench.split)
    assert {name: round(metrics[name], 4) for name in figures} == figures
