"""The graph of users and groups: its edges, its two losses by hand, and users who have every group."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench.data import Histories, Protocol, Split
from workbench.data.splits import Cases
from workbench.losses.contrast import info_nce
from workbench.recommenders.graphs.group_graph import GroupGraph, group_loss
from workbench.recommenders.triples import Triples

GROUP = np.array([0, 1, 1, 2, 3])  # of items 1 to 4, padding first


def split(*rows: list[int]) -> Split:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    train = Histories(offsets, np.array(sum(rows, []), np.int32), np.arange(len(rows), dtype=np.int32))
    none = Cases(train, np.zeros(0, np.int32))
    return Split(train, none, none, len(rows), 4, Protocol(), "")


def graph(of: Split, width: int = 3) -> GroupGraph:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GroupGraph(of, GROUP, width=width, layers=2)


def triples(users, items) -> Triples:
    return Triples(torch.tensor(users), torch.tensor(items), torch.tensor(items))


def test_edges_lead_to_the_groups_of_the_items_and_back():
    made = graph(split([1, 2, 3], [4]))
    ends = set(zip(made.edges.row.tolist(), made.edges.column.tolist()))
    of_group = 3  # users 0, 1 and the unknown one come first; then padding and groups 1, 2, 3
    expected = {(0, of_group + 1), (0, of_group + 2), (1, of_group + 3)}
    assert ends == expected | {(b, a) for a, b in expected}
    layers = made()
    z, r = made.split(layers[1])
    tables = made.tables
    assert torch.allclose(z[1], tables.item.weight[3]) and not z[2].any() and not r[0].any()
    assert torch.allclose(z[0], (tables.item.weight[1] + tables.item.weight[2]) / 2**0.5)
    start = torch.ones(4, 3)
    assert torch.allclose(made(start)[0][of_group:], tables.item.weight + 1)


def test_the_losses_by_hand():
    data = split([1, 2, 3], [4], [1, 3, 4])
    made, loss = graph(data), group_loss(data, GROUP, 0, tau=0.5)
    layers = made()
    rank, views = loss(made, layers, triples([0, 2], [2, 1]), 0)
    z, r = made.split(torch.stack(layers).mean(0))
    # user 0 has groups 1 and 2, so that the other one is 3; user 2 has all of them and does not count
    assert rank.item() == pytest.approx(-F.logsigmoid(z[0] @ r[1] - z[0] @ r[3]).item(), rel=1e-5)
    first, last = made.split(layers[0]), made.split(layers[2])
    users, groups = torch.tensor([0, 2]), torch.tensor([1])
    expected = info_nce(last[0][users], first[0][users], 0.5) + info_nce(last[1][groups], first[1][groups], 0.5)
    assert torch.allclose(views, expected)


def test_users_with_every_group_give_no_rank_loss(caplog):
    data = split([1, 3, 4], [1, 3, 4])
    rank, views = group_loss(data, GROUP, 0, tau=0.5)(graph(data), graph(data)(), triples([0, 1], [1, 3]), 0)
    assert rank == 0 and torch.isfinite(views)
    group_loss(data, np.minimum(GROUP, 1), 0, tau=0.5)
    assert "all items are of one group" in caplog.text


def test_negatives_follow_the_seed_and_the_step():
    data = split(*[[1]] * 64)
    made = graph(data)
    batch = triples(list(range(64)), [1] * 64)
    values = [group_loss(data, GROUP, seed, tau=0.5)(made, made(), batch, step)[0].item()
              for seed, step in ((0, 0), (0, 0), (0, 1), (1, 0))]  # fmt: skip
    assert values[0] == values[1] and len(set(values)) == 3
