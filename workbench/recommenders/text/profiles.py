"""Profiles of users and items in one space of text: a tower over frozen text vectors is tuned on who has what, by
contrast (after EasyRec, arXiv:2408.08821), so that the text of a user whom it never saw ranks the items.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data import Histories, Split
from workbench.embed.neighbours import mean_vectors
from workbench.losses.contrast import info_nce
from workbench.recommenders.count_based import CountBased
from workbench.recommenders.text.next_title import Tower
from workbench.train import named_rng, seeded_torch

PAIRS, LR = 256, 1e-3  # of a step
DROPOUT = 0.3  # of the text vectors while tuning; without it a few hundred users are learnt by heart


def tuned_tower(vectors: np.ndarray, train: Histories, *, steps: int, tau: float, seed: int) -> Tower:
    """The tower after `steps` of Adam, each on PAIRS events of train; before them it returns each vector as it is.

    vectors: (I+1, F) unit rows, row 0 zeros. A pair is the item of an event and its user, whose profile is the mean
    vector of their other items: with the item itself in it the pairs could be told without any taste.
    """
    rng, x = named_rng(seed, "pairs of profiles"), torch.from_numpy(np.array(vectors, np.float32))
    users, items = (torch.from_numpy(ids.astype(np.int64)) for ids in (train.rows(), train.items))
    sums = torch.from_numpy(mean_vectors(train, vectors) * train.lengths[:, None].astype(np.float32))
    usable = np.flatnonzero(train.lengths[train.rows()] > 1)
    with seeded_torch(seed, "tuned profiles"), torch.enable_grad():
        tower = Tower(x.shape[1])
        optimiser = torch.optim.Adam(tower.parameters(), lr=LR)
        for _ in range(steps if len(usable) else 0):
            event = usable[rng.integers(len(usable), size=PAIRS)]
            user, item = users[event], items[event]
            loss = profile_loss(tower, sums[user] - x[item], x[item], item, tau)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return tower.requires_grad_(False)


def profile_loss(tower: Tower, others: Tensor, own: Tensor, item: Tensor, tau: float) -> Tensor:
    """InfoNCE of the profiles of users, others (n, F) before they are normalised, and of items, own (n, F) with ids
    (n,), under dropout; users of the same item are positives of each other's."""
    user, own = (F.dropout(x, DROPOUT) for x in (F.normalize(others, dim=1), own))
    return info_nce(tower(user), tower(own), tau, positives=item[:, None] == item)


def user_profiles(tower: Tower, vectors: np.ndarray, histories: Histories) -> np.ndarray:
    """(B, F) unit rows of histories: the tower of the mean of their items' vectors (I+1, F); zeros for an empty one."""
    return tower(F.normalize(torch.from_numpy(mean_vectors(histories, vectors)), dim=1)).detach().numpy()


def item_profiles(tower: Tower, vectors: np.ndarray) -> np.ndarray:
    """(I+1, F) unit rows: the tower of the items' vectors, row 0 zeros."""
    return tower(torch.from_numpy(np.array(vectors, np.float32))).detach().numpy()


def profile_ranker(vectors: np.ndarray, *, steps: int, tau: float, seed: int) -> CountBased:
    """Ranks items by the cosine of their profile with that of a history, whoever's it is; no user has parameters.

    fit tunes the tower on the split's train events in `steps` steps, and reads nothing else; 0 leaves the text as is.
    """

    def tune(split: Split) -> dict[str, np.ndarray]:
        tower = tuned_tower(vectors, split.train, steps=steps, tau=tau, seed=seed)
        return {name.replace(".", "_"): value.numpy() for name, value in tower.state_dict().items()}

    def scorer(weights: dict[str, np.ndarray]):
        tower = Tower(vectors.shape[1]).requires_grad_(False)
        tower.load_state_dict({name: torch.from_numpy(weights[name.replace(".", "_")]) for name in tower.state_dict()})
        items = item_profiles(tower, vectors)
        return lambda histories: user_profiles(tower, vectors, histories) @ items.T

    return CountBased(tune, scorer)
