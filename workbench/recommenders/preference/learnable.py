"""Preference optimisation of a trained recommender of any kind whose likelihood has a gradient.

`interfaces.Likelihood` gives arrays. With a gradient it is known of what scores by vectors (`VectorRecommender`: as
sasrec, gru4rec, bert4rec, bpr_mf), by the codes of semantic IDs (`Generative`: as tiger), and of networks of one's own.
"""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.interfaces import Likelihood
from workbench.recommenders.generative import Generative
from workbench.recommenders.own_network import OwnNetwork, inputs_and_targets
from workbench.recommenders.preference.group_policy import Groups, code_log_probs
from workbench.recommenders.preference.preferences import Candidates, PreferenceLoss, at_positions, preferences
from workbench.recommenders.sequential import LastState
from workbench.recommenders.vector import VectorRecommender
from workbench.train.fit import TrainingSession, fit

Trainable = VectorRecommender | Generative | OwnNetwork


def fit_preferences(
    recommender: Trainable, split: Split, session: TrainingSession, loss: PreferenceLoss, *, negatives: int
) -> list[dict]:
    """Train a recommender on, in place, to prefer every next item of train to `negatives` others, against a frozen copy
    of what it was. loss: see `preferences`; `gap_loss` makes one of a preference loss. Returns the learning curve.
    Afterwards its scores are preferences: they are no likelihood. UserError as `learnable` and `preferences`."""
    objective = preferences(loss, negatives=negatives, candidates=learnable(recommender))
    learned = objective(recommender.module.to(session.device), split, session)
    validate = (lambda: session.validate(recommender)) if session.validate else None
    curve = fit(recommender.module, learned.batches, learned.loss, session, validate=validate, weight=learned.weight,
                trainable="*" if isinstance(recommender, OwnNetwork) else recommender.trainable)  # fmt: skip
    recommender.likelihood = False
    return curve


def gap_loss(loss: Callable[[Tensor], Tensor], *, beta: float) -> PreferenceLoss:
    """A preference loss of gaps (N, K), such as `losses.preference.dmpo` or `s_dpo` (with one negative both are DPO),
    of the scores (N, 1 + K) of policy and reference, all pairs with the weight beta. UserError unless it is above 0."""
    if not beta > 0:
        raise UserError(f"{beta=} must be above 0: how fast a preference is satisfied")

    def of_scores(policy: Tensor, reference: Tensor, generator: torch.Generator) -> Tensor:
        gains = policy - reference
        return loss(beta * (gains[:, :1] - gains[:, 1:]))

    return of_scores


def learnable(recommender: Trainable) -> Candidates:
    """How a recommender scores candidates with a gradient. UserError for one whose likelihood has none: of another
    kind, with item vectors that are made of others, or with codes that are normalised within the trie."""
    if not isinstance(recommender, Likelihood):
        raise UserError(f"{type(recommender).__name__} gives no log-probabilities of items (interfaces.Likelihood)")
    if isinstance(recommender, Generative) and not recommender.trie_softmax:
        return _by_codes(recommender)
    if isinstance(recommender, VectorRecommender) and isinstance(recommender.module.item.weight, nn.Parameter):
        reader = recommender.reader
        plain = isinstance(reader, LastState) and reader.inputs is None and not recommender.biased
        return at_positions(reader.max_length) if plain else _by_vectors(recommender)
    if isinstance(recommender, OwnNetwork):
        return _by_scores(recommender)
    raise UserError(f"the log-probabilities of this {type(recommender).__name__} have no gradient; those of systems "
                    "such as sasrec, gru4rec, bert4rec, bpr_mf and tiger have one, and of a network of your own")


def _by_vectors(recommender: VectorRecommender) -> Candidates:
    """The product of the state of a history, or the best of several, and the items' vectors."""

    def scores(module: nn.Module, rows: Histories, items: Tensor) -> Tensor:
        states = recommender.reader.states(module, rows.without_last(1))
        states = states[:, None] if states.ndim == 2 else states  # (N, interests, D)
        found = torch.einsum("nkd,nmd->nkm", states, module.item(items)).amax(1)
        return found + module.bias(items)[..., 0] if recommender.biased else found

    return Candidates(scores, False, recommender.max_length)


def _by_codes(recommender: Generative) -> Candidates:
    """The log-probability of an item's codes, shared evenly by items with the same ones. A history is read once for
    all of its candidates."""

    def scores(module: nn.Module, rows: Histories, items: Tensor) -> Tensor:
        trie, chosen = recommender.codes.trie, items.cpu().numpy()
        nodes, codes = (torch.from_numpy(np.asarray(array)[chosen]).long().to(items.device)
                        for array in (trie.node, recommender.codes.codes))  # fmt: skip
        tokens = recommender.tokenize(rows.without_last(1))
        log_probs, _ = code_log_probs(module, *tokens, Groups(codes, nodes, torch.zeros_like(items)))
        alike = torch.from_numpy(np.log(trie.group_size[trie.group[chosen]])).to(log_probs)
        return log_probs.sum(2) - alike

    return Candidates(scores, False, recommender.max_length)


def _by_scores(recommender: OwnNetwork) -> Candidates:
    """Of the scores that a network of one's own gives all items, after every event or after the last."""

    def scores(module: nn.Module, rows: Histories, items: Tensor) -> Tensor:
        inputs, targets = inputs_and_targets(rows, recommender.every_position, str(items.device))
        every = module(inputs)
        return (every[targets > 0] if recommender.every_position else every).gather(1, items)

    return Candidates(scores, recommender.every_position, recommender.max_length)
