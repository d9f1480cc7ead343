"""Counterfactual edits: what one entity of a dialogue would have to be for a recommender to fail, made real."""
from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.nets.dialogues.entity_bag import EntityBag, item_loss


def learned_edits(
    module: EntityBag, mean: Tensor, share: Tensor, targets: Tensor, *, l2: float, lr: float, steps: int
) -> Tensor:
    """(F, D) edits d of the vector of one entity a flow: `steps` steps of gradient ascent, from 0, on the loss of the
    target with d in the bag, - log p(target | mean + share d), less l2 |d|^2 (Wang et al., CFCRS, KDD 2023).

    mean: (F, D) of the bags. share: (F,) the weight of an entity in its bag. targets: (F,) items. Each flow has its own
    loss, so that edits do not depend on one another. The module is not changed; with steps=0 nothing is edited.
    """
    table = module.vectors().detach()
    edits = torch.zeros_like(mean)
    for _ in range(steps):
        edits.requires_grad_(True)
        gain = item_loss(module.scores(mean + share[:, None] * edits, table), targets).sum() - l2 * edits.square().sum()
        [step] = torch.autograd.grad(gain, edits)
        edits = (edits + lr * step).detach()
    return edits


def random_edits(edits: Tensor, directions: Tensor) -> Tensor:
    """(F, D) as long as the edits (F, D), in the directions (F, D)."""
    return directions / directions.norm(dim=1, keepdim=True).clamp(min=1e-9) * edits.norm(dim=1, keepdim=True)


def snapped(
    table: Tensor, entities: Tensor, edits: Tensor, kinds: Tensor, allowed: Sequence[Tensor]
) -> Tensor:
    """(F,) the entity nearest to each edited vector, z_e + d, of the same kind as e; e itself where it is as near as
    any other, as without an edit.

    table: (E+1, D). entities: (F,). kinds: (E+1,). allowed: for each kind, from 0, the entities that may be chosen.
    """
    wanted, chosen = table[entities] + edits, entities.clone()
    own = edits.square().sum(dim=1)
    for kind, others in enumerate(allowed):
        rows = (kinds[entities] == kind).nonzero()[:, 0]
        if len(rows) and len(others):
            distance, place = torch.cdist(wanted[rows], table[others]).square().min(dim=1)
            nearer = distance < own[rows] - 1e-5  # of float32: an own distance of 0 is not met exactly by another way
            chosen[rows[nearer]] = others[place[nearer]]
    return chosen
