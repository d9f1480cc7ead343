"""Flows as what a network of bags learns from: what is before the last movie, and that movie."""
import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.nets.dialogues.entity_bag import EntityBag, item_loss
from workbench.nets.rows.bags import Bag
from workbench.recommenders.rows.user_rows import sparse_bag


def flow_loss(module: EntityBag, flows: np.ndarray) -> Tensor:
    """The mean loss of the last movies of flows (F, T), given what is before them."""
    bag, targets = split_flows(flows, module.learned.weight.device, len(module.knowledge))
    return item_loss(module(bag), targets).mean()


def split_flows(flows: np.ndarray, device: torch.device, n: int) -> tuple[Bag, Tensor]:
    """The bags of what is before the last entity of flows (F, T), each entity once, and (F,) that entity. n: E + 1."""
    rows, last = np.arange(len(flows)), (flows > 0).sum(axis=1) - 1
    before = np.arange(flows.shape[1]) < last[:, None]
    bags = csr_matrix((np.ones(before.sum()), (before.nonzero()[0], flows[before])), shape=(len(flows), n))
    bags.data[:] = 1
    return sparse_bag(bags, device), torch.from_numpy(flows[rows, last]).to(device)
