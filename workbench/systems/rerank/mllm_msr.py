"""MLLM-MSR: a preference is summarised chunk by chunk of the history, and a judge says yes or no to each candidate.

Paper     Harnessing Multimodal Large Language Models for Multimodal Sequential Recommendation, AAAI 2025.
Idea      A long history does not fit into a prompt, and order is lost in a list. Read a few items at a time: the last
          summary and the next items make the next summary. Then ask about one candidate at a time: yes or no?
Equation  s_j = f(s_{j-1}, chunk_j),  s_0 empty;  score(i) = log p(yes | s_J, i) / p(no | s_J, i)
          f a GRU cell of the mean vector of the chunk;  p = softmax(MLP(s, A v_i, s * A v_i)) over {yes, no}
          L = binary cross-entropy over the candidates before an event, of which one was chosen
Claim     The state that is renewed chunk by chunk orders candidates better than one of all items' mean
          (pooling="mean"), and than the same network on vectors of other items (the placebo).
Differs   Without model= no language model: the GRU and the MLP stand in for the summariser and the judge, on image
          features where the dataset has them, else on title text (TF-IDF), which is logged. With model= a local one
          writes the summaries and answers, untuned, on titles, no pictures; the paper tunes it with LoRA. It reads the
          last 12 events, the network 60, and 160 characters of a title or summary; pooling="mean" is then one prompt
          with all titles. Its log-odds are the mean over both orders of the words yes and no in the prompt. Candidates
          are those of the first stage, which the paper has not: it ranks one target among 20 drawn items. A history's
          last chunk may be a part.
Reported  MicroLens, one target among 21: AUC about 83, HR@5 about 78 % (from memory, not read again).
"""
import logging

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories
from workbench.errors import UserError, unknown_name
from workbench.nets.sequences.chunked_preference import ChunkedPreference, MeanPreference, YesNoJudge, log_odds
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.prompts.summaries import SummaryJudge
from workbench.recommenders.rerank.first_stages import check_candidates, first_stage_alone, first_stages
from workbench.recommenders.rerank.trained import Batch, Phase, TrainedReranker
from workbench.recommenders.reranked import Reranked
from workbench.train import Recipe

PARENT = "item_transitions"
OFF = {"n": 0}
PLACEBO = {"permuted": True}
RECIPE = Recipe(epochs=60, batch_size=64, lr=3e-3, patience=8, valid_every=2)
POOLING = ("chunks", "mean")
FEATURES, EVENTS = 64, 60  # columns of TF-IDF vectors; events of a history that are read
log = logging.getLogger("workbench")


def build(
    bench, *, first="item_transitions", n=20, vectors="", chunk=3, pooling="chunks", width=64, permuted=False, model=""
):
    """The first n items of `first`, ordered by a judge of the preference.

    n: candidates; 0 leaves the order of `first`. vectors: a kind of item vectors; "" for image features where there
    are any, else text. chunk: events read at a time. pooling: chunks, or mean of all events. permuted: the placebo,
    items look and are called like others. model: a local language model that summarises and judges, in the place of
    the network. UserError for an unknown name or a setting out of range.
    """
    check_candidates("mllm_msr", n, bench.split.n_items)
    if min(chunk, width) < 1:
        raise UserError(f"mllm_msr: {chunk=} and {width=} must be 1 or more")
    if pooling not in POOLING:
        raise unknown_name("pooling", pooling, POOLING)
    if not n:
        return first_stage_alone(bench, first)
    order = np.append(0, 1 + bench.rng("permuted items").permutation(bench.split.n_items)) if permuted else None
    if model:
        titles = bench.dataset.titles() if order is None else bench.dataset.titles()[order]
        judge = SummaryJudge(local_model(model), titles, chunk=chunk, pooling=pooling)
        return Reranked(bench.teacher(first).recommender(), judge, n=n)
    x = bench.vectors(vectors or kind_of(bench.dataset), dim=FEATURES)
    with bench.init("judge"):
        module = Judged(x if order is None else x[order], width, chunk, pooling)
    return TrainedReranker(
        first_stages(bench, first), module, [Phase(module.loss)], n=n, n_items=bench.split.n_items, seed=bench.seed
    )


def kind_of(dataset) -> str:
    """image where the dataset has features of pictures, else text, which is logged."""
    if "image" in dataset.tables:
        return "image"
    log.info("mllm_msr: %s has no image features; titles are read in their place", dataset.name)
    return "text"


class Judged(nn.Module):
    """The preference and the judge over fixed vectors (I+1, F) of items."""

    def __init__(self, vectors: np.ndarray, width: int, chunk: int, pooling: str):
        super().__init__()
        features = vectors.shape[1]
        chunks = pooling == "chunks"
        scaled = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)) * features**0.5
        self.register_buffer("vectors", scaled, persistent=False)
        self.preference = ChunkedPreference(features, width, chunk) if chunks else MeanPreference(features, width)
        self.judge = YesNoJudge(features, width)

    def forward(self, histories: Histories, candidates: Tensor, ranks: Tensor) -> Tensor:
        """(B, N) log-odds of candidates (B, N), whatever place the first stage gave them; an empty history is one
        padding item."""
        rows = histories.padded(max(1, min(EVENTS, int(histories.lengths.max(initial=1)))))
        last = torch.from_numpy(np.clip(histories.lengths, 1, rows.shape[1]) - 1).to(candidates.device)
        states = self.preference(self.vectors[torch.from_numpy(rows).to(candidates.device)])
        states = states[torch.arange(len(rows), device=candidates.device), last]
        return log_odds(self.judge(states[:, None], self.vectors[candidates]))

    def loss(self, batch: Batch, step: int) -> Tensor:
        """Binary cross-entropy of yes for the right item and no for each of the others."""
        odds = self(*batch[:3])
        return F.binary_cross_entropy_with_logits(odds, F.one_hot(batch.places, odds.shape[1]).to(odds))
