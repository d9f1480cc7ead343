"""SCASRec: a pointer network makes the list from a set of candidates, learns where it gains, and when to stop.

Paper     SCASRec, arXiv:2602.03324. After the abstract of the paper and notes on it; no code was found.
Idea      A list is made item by item, so a step should learn as much as the right choice would have gained there, and
          the list should end where nothing is left to gain: ranking and leaving out in one model, without rules.
Equation  h = Enc({x_1 .. x_n}), no positions;  step k: softmax over what is left of q_k . h_i / sqrt(D), and of ending
          w_k = [M(list with the right item at k) - M(list as made)]_+,  M the reciprocal rank;  L = sum_k w_k CE_k
          ending is right, with weight 1/k, at the first step k after the right item; it ends where p(ending) > stop
Claim     It ranks better than the order of its first stage (n=0, the parent) and by what the candidates are: with
          features of other items (the placebo) it does not. Lists that end hit more than those cut at one length.
Differs   Candidates are items that a first stage retrieves, their features frozen item vectors and the first stage's
          rank; a route's features are not at hand. Where items have no words, vectors="" takes collaborative ones,
          which have counted the events that are learnt from and none of test: nothing leaks, but train and test differ.
          The context is the state of a history. M is known for one right item; w_k is 0 from the step on at which that
          is taken. In training the list goes on greedily for 20 steps, and M is 0 for one that lacks the item. A list
          ends where ending has more than half of the probability, not where it is the likeliest: the candidates share
          the rest, and every list would end after one item or two. Below the end of a list the first stage's order
          stands, as k items are asked for. Cases whose item is not retrieved are left out, so no list learns to be
          empty.
Reported  Nothing at hand: the paper's two route datasets were not seen.
"""
import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories
from workbench.errors import UserError
from workbench.losses.pointers import marginal_gains, pointer_labels, weighted_pointer_loss
from workbench.nets.rerank.history_state import HistoryState
from workbench.nets.rerank.pair_features import discount
from workbench.nets.rerank.pointer import SetPointer, Walk
from workbench.recommenders.rerank.first_stages import check_candidates, first_stage_alone, first_stages
from workbench.recommenders.rerank.trained import Batch, Phase, TrainedReranker
from workbench.train import Recipe

PARENT = "item_transitions"
OFF = {"n": 0}
PLACEBO = {"permuted": True}
RECIPE = Recipe(
    epochs=50, batch_size=64, lr=1e-3, patience=5,
    sizes={"small": {"lr": 2e-3, "patience": 3, "valid_every": 2}},
)  # fmt: skip
HEADS, MAX_LENGTH, STEPS = 2, 20, 20  # events of a history that are read; steps of a list in training


def build(
    bench, *, first="item_transitions", n=20, vectors="", weighted=True, stop=0.5, permuted=False, width=32, layers=1,
    dropout=0.2,
):  # fmt: skip
    """The first n items of `first`, in the order of a pointer network, as far as its list goes.

    first: a system. n: candidates; 0 leaves the order of `first`. vectors: kind of item vectors, "" for the bench's
    own. weighted: steps weigh as much as they would have gained; False weighs all alike, plain cross-entropy. stop: the
    probability of ending above which a list ends; 1.0 orders all candidates. permuted: the placebo, candidates have the
    vectors of other items. layers: of the encoder of the set. UserError for a setting out of range, before `first` is
    trained.
    """
    check_candidates("scasrec", n, bench.split.n_items)
    if width % HEADS or min(width, layers + 1) < 1 or not 0 <= dropout < 1 or not 0 < stop <= 1:
        raise UserError(f"scasrec: {width=} is a multiple of {HEADS}, {layers=} 0 or more, 0 <= {dropout=} < 1, and "
                        f"0 < {stop=} <= 1")  # fmt: skip
    if not n:
        return first_stage_alone(bench, first)
    table = bench.vectors(vectors)
    shown = table[np.append(0, 1 + bench.rng("permuted candidates").permutation(len(table) - 1))] if permuted else table
    with bench.init():
        module = ListMaker(table, shown, width=width, layers=layers, dropout=dropout, weighted=weighted, stop=stop)
    return TrainedReranker(
        first_stages(bench, first), module, [Phase(module.loss)], n=n, n_items=bench.split.n_items, seed=bench.seed
    )


class ListMaker(nn.Module):
    """A history, candidates (B, N) and their ranks to scores (B, N), which are the order of the list that it makes.

    vectors: (I+1, F) of the items of histories, shown: of candidates.
    """

    def __init__(
        self, vectors: np.ndarray, shown: np.ndarray, *, width: int, layers: int, dropout: float, weighted: bool,
        stop: float,
    ):  # fmt: skip
        super().__init__()
        for name, table in (("vectors", vectors), ("shown", shown)):
            scaled = torch.from_numpy(np.array(table, np.float32) * np.float32(table.shape[1] ** 0.5))
            self.register_buffer(name, scaled, persistent=False)
        self.item = nn.Linear(vectors.shape[1], width, bias=False)
        self.history = HistoryState(width, HEADS, MAX_LENGTH, dropout)
        self.candidate = nn.Linear(3 * width + 1, width)
        self.pointer = SetPointer(width, layers=layers, heads=HEADS, dropout=dropout)
        self.weighted, self.stop = weighted, stop

    def walk(self, histories: Histories, candidates: Tensor, ranks: Tensor, steps: int) -> Walk:
        """The list of each history, as far as `steps`."""
        longest = int(histories.lengths.max(initial=1))
        items = torch.from_numpy(histories.padded(max(1, min(MAX_LENGTH, longest)))).to(candidates.device)
        u = self.history(self.item(self.vectors[items]), items > 0)
        e, context = self.item(self.shown[candidates]), u[:, None].expand(-1, candidates.shape[1], -1)
        x = self.candidate(torch.cat([e, context, e * context, discount(ranks)], dim=2))
        return self.pointer(x, u, steps)

    def loss(self, batch: Batch, step: int) -> Tensor:
        """Cross-entropy of the steps, by their marginal gains."""
        n = batch.candidates.shape[1]
        walk = self.walk(batch.histories, batch.candidates, batch.ranks, min(STEPS, n))
        labels = pointer_labels(walk.chosen, batch.places, n)
        gains = marginal_gains(walk.chosen, batch.places) if self.weighted else torch.ones_like(walk.logits[:, :, 0])
        return weighted_pointer_loss(walk.logits, labels, gains)

    def forward(self, histories: Histories, candidates: Tensor, ranks: Tensor) -> Tensor:
        n = candidates.shape[1]
        walk = self.walk(histories, candidates, ranks, n)
        step = torch.zeros_like(ranks).scatter(1, walk.chosen, torch.arange(n, device=ranks.device).expand_as(ranks))
        return -torch.where(step < walk.lengths(self.stop)[:, None], step, n + ranks).float()
