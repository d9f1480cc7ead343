"""ULMRec: a user's semantic ID stands in a lettered prompt of candidates, and the letters' logits order them.

Paper     ULMRec: User-centric Large Language Model for Sequential Recommendation, arXiv:2412.05543.
Idea      A prompt of titles says what was chosen, not by whom. Quantise what is known of the user into a few tokens and
          put them before the history; one pass then scores all candidates, each by the logit of its letter.
Equation  c_u = RQ(mean of v_i, i of u in train);  prompt = c_u, x_1 .. x_T, (A, x_a) .. (T, x_t), answer
          score(u, i) = mean over S orders of the letters of log p(letter of i | prompt)
          L = cross-entropy of the letter of the next item, where it was retrieved, letters shuffled at every step
Claim     True codes of users order the candidates better than none (users="none"), codes of others (the placebo), and
          the order of retrieval (n=0).
Differs   Without model= a causal transformer over title vectors, trained here, stands in for the 7 B model with LoRA;
          its answer copies the letter of the line that it attends to (nets/sequences/lettered_choice.py). With model= a
          local one reads the same prompt in words, untuned: then the codes are words it has not learned. A user's codes
          are residual k-means of the mean text vector of his train items, in the place of an RQ-VAE of review text and
          id; no alignment tasks between codes and sentences. A mean over all of train holds the next items that are
          learned from; at test it does not. Candidates are item transitions', not LRURec's; those that it learns from
          were retrieved by one fitted on other users. The paper shows one order of letters.
Reported  Beauty, its own 5-core, NDCG@10 .0585, Recall@10 .0982; where the target was retrieved .4445 and .7468.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories
from workbench.errors import UserError, unknown_name
from workbench.nets.sequences.lettered_choice import HEADS, LetteredChoice
from workbench.recommenders.prompts.lettered_model import LetteredModel
from workbench.recommenders.prompts.letters import by_candidate, letter_orders
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.prompts.templates import LETTERS
from workbench.recommenders.prompts.user_codes import UserCodes
from workbench.recommenders.rerank.first_stages import first_stage_alone, first_stages
from workbench.recommenders.rerank.trained import Batch, Phase, TrainedReranker
from workbench.recommenders.reranked import Reranked
from workbench.train import Recipe

PARENT = "item_transitions"
OFF = {"n": 0}
PLACEBO = {"users": "shuffled"}
RECIPE = Recipe(epochs=60, batch_size=32, lr=3e-3, patience=8, valid_every=2)
USERS = ("own", "shuffled", "none")
FEATURES, EVENTS = 64, 10  # columns of TF-IDF vectors; events of a history that are read


def build(
    bench, *, first="item_transitions", n=20, users="own", vectors="text", shuffles=4, width=32, layers=1, dropout=0.1,
    model="",
):  # fmt: skip
    """The first n items of `first`, ordered by the letters of a prompt that names the user.

    n: candidates, at most 26 letters; 0 leaves the order of `first`. users: own codes, those of other users (shuffled,
    the placebo), or none. vectors: a kind of item vectors. shuffles: orders of the letters that scores are the mean of.
    model: a local language model in the place of the network. UserError for an unknown name or a setting out of range.
    """
    if not 0 <= n <= min(len(LETTERS), bench.split.n_items) or min(shuffles, layers) < 1 or not 0 <= dropout < 1:
        raise UserError(f"ulmrec: {n=} must be 0 to {len(LETTERS)} letters, {shuffles=} and {layers=} at least 1, "
                        f"0 <= {dropout=} < 1")  # fmt: skip
    if users not in USERS:
        raise unknown_name("codes of users", users, USERS)
    if width < HEADS or width % HEADS:
        raise UserError(f"ulmrec: {width=} must be a multiple of {HEADS}")
    if not n:
        return first_stage_alone(bench, first)
    x, shuffle = bench.vectors(vectors, dim=FEATURES), bench.rng("shuffled users") if users == "shuffled" else None
    codes = None if users == "none" else UserCodes(bench.split.train, x, seed=bench.seed, shuffle=shuffle)
    if model:
        second = LetteredModel(local_model(model), bench.dataset.titles(), codes, shuffles=shuffles, events=EVENTS,
                               seed=bench.seed)  # fmt: skip
        return Reranked(bench.teacher(first).recommender(), second, n=n)
    sizes = () if codes is None else (codes.size,) * codes.codes.shape[1]
    with bench.init("chooser"):
        chooser = LetteredChoice(x, sizes, events=EVENTS, letters=n, width=width, layers=layers, dropout=dropout)
    module = ByLetter(chooser, codes, shuffles=shuffles, seed=bench.seed)
    return TrainedReranker(
        first_stages(bench, first), module, [Phase(module.loss)], n=n, n_items=bench.split.n_items, seed=bench.seed
    )


class ByLetter(nn.Module):
    """A history and candidates (B, N) to scores (B, N), whatever place the first stage gave them. codes: of users, None
    for prompts without one. shuffles: orders of the letters."""

    def __init__(self, chooser: LetteredChoice, codes: UserCodes | None, *, shuffles: int, seed: int):
        super().__init__()
        self.chooser, self.codes, self.shuffles, self.seed = chooser, codes, shuffles, seed

    def letters(self, histories: Histories, offered: Tensor) -> Tensor:
        """(B, N) logits of the letters A, B, .. behind which candidates (B, N) stand in this order."""
        users = np.zeros((len(histories), 0), np.int64) if self.codes is None else self.codes.of(histories.users)
        past = newest_last(histories, self.chooser.place.num_embeddings).astype(np.int64)
        return self.chooser(*(torch.from_numpy(ids).to(offered.device) for ids in (users, past)), offered)

    def loss(self, batch: Batch, step: int) -> Tensor:
        """Cross-entropy of the letter of the right item; lists come shuffled."""
        return F.cross_entropy(self.letters(batch.histories, batch.candidates), batch.places)

    def forward(self, histories: Histories, candidates: Tensor, ranks: Tensor) -> Tensor:
        """Mean log-probabilities over the orders of the letters."""
        orders = letter_orders(candidates.cpu().numpy(), self.shuffles, self.seed)
        shown = [candidates.gather(1, torch.from_numpy(order).to(candidates.device)) for order in orders]
        found = torch.stack([self.letters(histories, each).log_softmax(1) for each in shown])
        return torch.from_numpy(by_candidate(found.cpu().numpy(), orders).mean(axis=0))


def newest_last(histories: Histories, T: int) -> np.ndarray:
    """(B, T) the last T items of each history, left-padded with 0."""
    rows = histories.padded(T)
    at = np.arange(T) - (T - np.minimum(histories.lengths, T))[:, None]
    return np.where(at >= 0, np.take_along_axis(rows, np.maximum(at, 0), axis=1), 0)
