"""RecLoRA: each user has a low-rank adapter of their own, a mixture of a few, weighed by an ID model's state of them.

Paper     RecLoRA, Lifelong Personalized Low-Rank Adaptation of Large Language Models for Recommendation,
          arXiv:2408.03533.
Idea      One adapter for everybody cannot be personal, and one for each user cannot be learnt. Learn a few, and let a
          frozen recommender of ids, which has read the whole history, say how much of each a user gets.
Equation  alpha_u = softmax(gate(state_u) / tau);  W_u = W + (sum_k alpha_uk B_k) (sum_k alpha_uk A_k), B_k = 0 at first
          p(yes | history, candidate) = sigmoid(network with W_u);  binary cross-entropy over a list of candidates
Claim     It ranks better than one adapter with as many parameters (the placebo), which everybody shares, and than all
          adapters in equal parts (gate=uniform). AUC, log loss and calibration are those of
          `evaluate.rerank.binary.binary_metrics`, of what `recommenders.rerank.judged.judgements` returns.
Differs   A small network over frozen item vectors stands where the paper tunes a language model; what that knows before
          is a first half of training without adapters, then it is frozen with its head. All linear layers but the
          head's have adapters, in the paper two of the attention. The ID model is sasrec, of all train events, as in
          the paper. It judges the candidates of a first stage, one of them right, in place of rated impressions; n=0 is
          the first stage's order, the parent. The paper retrieves the events that are like a candidate from the whole
          history; here the network attends to the last 20, by their cosine with the candidate. The paper tunes on a few
          events and lets the ID model stand for the others (few to many); here all are learnt from. Where items have no
          words, vectors="" takes collaborative ones, which have counted the events that are learnt from and none of
          test: nothing leaks, but train and test differ.
Reported  AUC and log loss on MovieLens-25M, MovieLens-1M and GoodReads; no figures at hand.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories
from workbench.errors import UserError, unknown_name
from workbench.interfaces import ScoredByItems
from workbench.nets.adapters.mixed_low_rank import Gate, MixedLowRank
from workbench.nets.rerank.pair_features import PairFeatures, RankedHead
from workbench.recommenders.rerank.first_stages import check_candidates, first_stage_alone, first_stages
from workbench.recommenders.rerank.trained import Batch, Phase, TrainedReranker
from workbench.train import Recipe

PARENT = "item_transitions"
OFF = {"n": 0}
PLACEBO = {"gate": "single"}
RECIPE = Recipe(
    epochs=40, batch_size=64, lr=1e-3, patience=5,
    sizes={"small": {"lr": 2e-3, "patience": 3, "valid_every": 2}},
)  # fmt: skip
GATES = ("learnt", "uniform", "single")
LAYERS, HIDDEN, TEMPERATURE, MAX_LENGTH = 2, 60, 1.0, 20


def build(
    bench, *, first="item_transitions", n=20, vectors="", teacher="sasrec", adapters=8, rank=4, gate="learnt", width=32,
    dropout=0.2,
):  # fmt: skip
    """The first n items of `first`, by the judgements of a network that is adapted to each user.

    first: a system. n: candidates; 0 leaves the order of `first`. vectors: kind of item vectors, "" for the bench's
    own. teacher: a system with states of histories, which the gate reads. adapters, rank: K and their rank. gate:
    learnt; uniform, all in equal parts; single, one adapter of rank K * rank, the placebo. UserError for an unknown
    name or a setting out of range, before anything is trained.
    """
    check_candidates("reclora", n, bench.split.n_items)
    if gate not in GATES:
        raise unknown_name("gate of reclora", gate, GATES)
    if min(adapters, rank, width) < 1 or not 0 <= dropout < 1:
        raise UserError(f"reclora: {adapters=}, {rank=} and {width=} are 1 or more, {dropout=} a share below 1")
    if not n:
        return first_stage_alone(bench, first)
    states = user_states(bench, teacher) if gate == "learnt" else None
    n_adapters, ranks = (1, adapters * rank) if gate == "single" else (adapters, rank)
    with bench.init():
        module = PersonalJudge(
            bench.vectors(vectors), states, adapters=n_adapters, rank=ranks, width=width, dropout=dropout
        )
    return TrainedReranker(
        first_stages(bench, first), module, module.phases(), n=n, n_items=bench.split.n_items, seed=bench.seed
    )


def user_states(bench, teacher: str):
    """The states (B, D) of histories in a stored run. UserError where it has none."""
    model = bench.teacher(teacher).recommender()
    if not isinstance(model, ScoredByItems):
        raise UserError(f"reclora: {teacher} has no states of histories; choose a system that has, such as sasrec")
    return model.states


class PersonalJudge(nn.Module):
    """A history, candidates (B, N) and their ranks to logits (B, N) of yes.

    states(histories): (B, D), what the gate reads; None for equal parts of all adapters.
    """

    def __init__(self, vectors: np.ndarray, states, *, adapters: int, rank: int, width: int, dropout: float):
        super().__init__()
        self.features, self.states, self.adapters, self.dropout = PairFeatures(vectors), states, adapters, dropout
        sizes = [self.features.width] + [width] * (LAYERS - 1)
        linears = [nn.Linear(size, width) for size in sizes]
        self.head = RankedHead(width, bias=True)
        self.layers = nn.ModuleList(MixedLowRank(linear, adapters, rank) for linear in linears)
        if states is not None:
            D = states(Histories(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(1, np.int32))).shape[-1]
            self.gate = Gate(D, HIDDEN, adapters, TEMPERATURE)

    def mixture(self, histories: Histories) -> Tensor:
        """(B, K) how much of each adapter a history gets."""
        if self.states is None:
            return self.head.linear.weight.new_full((len(histories), self.adapters), 1 / self.adapters)
        return self.gate(self.states(histories).to(self.head.linear.weight.device))

    def judge(self, histories: Histories, candidates: Tensor, ranks: Tensor, mixture: Tensor | None) -> Tensor:
        """(B, N) logits with a mixture (B, K) of adapters, or with none."""
        longest = int(histories.lengths.max(initial=1))
        items = torch.from_numpy(histories.padded(max(1, min(MAX_LENGTH, longest)))).to(candidates.device)
        x = self.features(items, candidates, ranks)
        for place, layer in enumerate(self.layers):
            y = F.dropout(F.gelu(layer(x, mixture)), self.dropout, self.training)
            x = x + y if place else y
        return self.head(x, ranks)

    def forward(self, histories: Histories, candidates: Tensor, ranks: Tensor) -> Tensor:
        return self.judge(histories, candidates, ranks, self.mixture(histories))

    def phases(self) -> list[Phase]:
        """The network, then with it frozen the adapters and their gate."""

        def loss(batch: Batch, adapted: bool) -> Tensor:
            mixture = self.mixture(batch.histories) if adapted else None
            logits = self.judge(batch.histories, batch.candidates, batch.ranks, mixture)
            right = F.one_hot(batch.places, logits.shape[1]).to(logits)
            return F.binary_cross_entropy_with_logits(logits, right)

        own = ("layers.*.down", "layers.*.up", *(["gate.*"] if self.states is not None else []))
        return [
            Phase(lambda batch, step: loss(batch, False), "network", 0.5, ("layers.*.linear.*", "head.*")),
            Phase(lambda batch, step: loss(batch, True), "adapters", 0.5, own),
        ]
