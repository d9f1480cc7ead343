"""ULMRec: a user's semantic ID stands in a lettered prompt of candidates, and the letters' logits order them.

Paper     ULMRec: User-centric Large Language Model for Sequential Recommendation, arXiv:2412.05543.
Idea      A prompt of titles says what was chosen, not by whom. Quantise what is known of the user into a few tokens and
          put them before the history; one pass then scores all candidates, each by the logit of its letter.
Equation  c_u = RQ(mean of v_i, i of u in train);  prompt = c_u, x_1 .. x_T, (A, x_a) .. (T, x_t), answer
          score(u, i) = mean over S orders of the letters of log p(letter of i | prompt)
          L = cross-entropy of the letter of the next item, where it was retrieved, letters shuffled at every step
Claim     True codes of users order the candidates better than none (users="none"), codes of others (the placebo), and
          the order of retrieval (n=0).
Differs   Without model= a causal transformer over title vectors, trained here, stands in for the 7 B model with LoRA.
          With model= a local one reads the same prompt in words, untuned: then the codes are words it has not learned.
          A user's codes are residual k-means of the mean text vector of his train items, in the place of an RQ-VAE of
          review text and id; no alignment tasks between codes and sentences. A mean over all of train holds the next
          items that are learned from; at test it does not. Candidates are item transitions', not LRURec's. The paper
          shows one order of letters.
Reported  Beauty, its own 5-core, NDCG@10 .0585, Recall@10 .0982; where the target was retrieved .4445 and .7468.
"""
import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories
from workbench.errors import UserError, unknown_name
from workbench.nets.sequences.lettered_choice import HEADS, LetteredChoice
from workbench.recommenders.prompts.letter_training import next_letter
from workbench.recommenders.prompts.lettered_model import LetteredModel
from workbench.recommenders.prompts.letters import by_candidate, letter_orders
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.prompts.templates import LETTERS
from workbench.recommenders.prompts.trained_second import TrainedSecond
from workbench.recommenders.prompts.user_codes import UserCodes
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
    retrieve = bench.teacher(first).recommender()
    if not n:
        return Reranked(retrieve, None, n=0)
    x, shuffle = bench.vectors(vectors, dim=FEATURES), bench.rng("shuffled users") if users == "shuffled" else None
    codes = None if users == "none" else UserCodes(bench.split.train, x, seed=bench.seed, shuffle=shuffle)
    if model:
        return Reranked(retrieve, LetteredModel(local_model(model), bench.dataset.titles(), codes, shuffles=shuffles,
                                                events=EVENTS, seed=bench.seed), n=n)  # fmt: skip
    sizes = () if codes is None else (codes.size,) * codes.codes.shape[1]
    with bench.init("chooser"):
        module = LetteredChoice(x, sizes, events=EVENTS, letters=n, width=width, layers=layers, dropout=dropout)

    def letters(module: LetteredChoice, histories: Histories, offered: np.ndarray) -> Tensor:
        """(B, n) logits of the letters of candidates (B, n) in their order."""
        who = np.zeros((len(histories), 0), np.int64) if codes is None else codes.of(histories.users)
        inputs = (who, newest_last(histories, EVENTS), np.ascontiguousarray(offered, np.int64))
        return module(*(torch.from_numpy(ids).to(module.answer.device) for ids in inputs))

    def score(module: LetteredChoice, histories: Histories, candidates: np.ndarray) -> Tensor:
        """(B, n) mean log-probabilities over the orders of the letters."""
        orders = letter_orders(candidates, shuffles, bench.seed)
        found = torch.stack([letters(module, histories, np.take_along_axis(candidates, order, 1)) for order in orders])
        return torch.from_numpy(by_candidate(found.log_softmax(2).cpu().numpy(), orders).mean(axis=0))

    return TrainedSecond(retrieve, module, score, next_letter(retrieve, letters, n=n, max_length=EVENTS), n=n)


def newest_last(histories: Histories, T: int) -> np.ndarray:
    """(B, T) the last T items of each history, left-padded with 0."""
    rows = histories.padded(T)
    at = np.arange(T) - (T - np.minimum(histories.lengths, T))[:, None]
    return np.where(at >= 0, np.take_along_axis(rows, np.maximum(at, 0), axis=1), 0)
