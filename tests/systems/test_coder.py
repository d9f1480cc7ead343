"""CODER: what a file starts from, with words alone and with folders; the projects' part of a score; the placebo."""
import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.nets.graphs.tree_attention import tree_matrix
from workbench.nets.propagation import Edges
from workbench.recommenders.graphs.item_tree import item_tree, words_of_nodes
from workbench.recommenders.graphs.over_lightgcn import train_edges
from workbench.systems.graph import coder

SIZES = {"width": 16, "layers": 2}
WORDS_ALONE = {"features": "text", "projects": 0.0}
TREE_ALONE = {"features": "tree", "projects": 0.0}


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic-files", profile="smoke", options={"users": 150, "items": 120})


def fitted(bench, **changes):
    return bench.fit("coder", epochs=2, **SIZES, **changes).recommender().module.requires_grad_(False)


def propagated(bench, user: torch.Tensor, file: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean of two dense layers and the start vectors."""
    edges, x = train_edges(bench), torch.cat([user, file])
    dense = torch.zeros(edges.shape)
    dense[edges.row.long(), edges.column.long()] = edges.values
    return ((x + dense @ x + dense @ dense @ x) / 3).split([len(user), len(file)])


def test_words_alone_are_added_to_the_learnt_vectors_of_lightgcn(bench):
    module = fitted(bench, **WORDS_ALONE)
    words = words_of_nodes(bench.dataset, item_tree(bench.dataset), coder.WORDS, bench.seed)
    h = torch.from_numpy(words[: bench.split.n_items]) @ module.propagation.words.attention.project.weight.T
    file = module.ego.item.weight.clone()
    file[1:] += h
    user, file = propagated(bench, module.ego.user.weight, file)
    assert torch.allclose(module.item.weight, file, atol=1e-5)
    known = np.unique(bench.split.train.users[bench.split.train.rows()])
    assert torch.allclose(module.user.weight[known], user[known], atol=1e-5)
    assert not [name for name, _ in module.named_parameters() if "layers" in name or "graph" in name]


def test_with_all_edges_of_the_tree_removed_a_file_starts_from_its_own_words(bench):
    """The vector of a file then changes with its words and with those of no other node; with the tree it also changes
    with the words of its folders and of the files beside it."""
    for edges, expected in ((False, 1), (True, 3)):
        vectors = bench.build("coder", **SIZES, **TREE_ALONE).module.propagation.words
        if not edges:
            vectors.attention.edges = Edges(tree_matrix(np.full(len(vectors.words), -1)))
        vectors.words.requires_grad_()
        vectors()[0].square().sum().backward()
        seen = vectors.words.grad.any(1).nonzero()[:, 0].tolist()
        assert 0 in seen and (len(seen) == 1) == (expected == 1)
        tree = item_tree(bench.dataset)
        folder = int(tree.parent[0])
        assert (folder in seen and int(tree.parent[folder]) in seen) == edges


def test_a_score_has_a_part_of_the_projects(bench):
    module = fitted(bench)
    propagation, graph = module.propagation, module.propagation.graph
    h, n = propagation.words(), bench.split.n_items
    file = module.ego.item.weight.clone()
    file[1:] += h[:n]
    user, file = propagated(bench, module.ego.user.weight, file)
    tree = item_tree(bench.dataset)
    roots = sorted(set(tree.roots()[:n].tolist()))
    assert [tree.names[root] for root in roots] == [f"project{p}/" for p in (1, 2, 3, 4)]
    start = torch.zeros_like(graph.tables.item.weight)
    start[1:] = h[roots]
    z, r = graph.split(torch.stack(graph(start)).mean(0))
    number = [1 + roots.index(root) for root in tree.roots()[:n]]
    assert torch.allclose(module.item.weight[1:], file[1:] + r[number], atol=1e-5)
    assert not module.item.weight[0].any(), "padding"
    known = np.unique(bench.split.train.users[bench.split.train.rows()])
    assert torch.allclose(module.user.weight[known], (user + z)[known], atol=1e-5)


def test_the_placebo_has_the_same_words_and_sizes_and_another_tree(bench):
    plain, moved = (bench.build("coder", **SIZES, **changes).module for changes in ({}, coder.PLACEBO))
    shapes = [[(name, tuple(p.shape)) for name, p in module.named_parameters()] for module in (plain, moved)]
    assert shapes[0] == shapes[1]
    words, others = (module.propagation.words for module in (plain, moved))
    assert torch.equal(words.words, others.words)
    pairs = [set(zip(each.attention.edges.row.tolist(), each.attention.edges.column.tolist()))
             for each in (words, others)]  # fmt: skip
    assert len(pairs[0]) == len(pairs[1]) and len(pairs[0] & pairs[1]) < 0.7 * len(pairs[0])
    assert torch.equal(plain.propagation.graph.of_item, moved.propagation.graph.of_item), "the projects stay"


def test_the_weights_of_the_projects_reach_the_loss(bench):
    """Without its ranking and its contrast the projects' graph learns by the scores of files alone."""
    tables = [fitted(bench, **changes).propagation.graph.tables.item.weight for changes in (
        {}, {"projects": 1.0}, {"contrast": 1.0})]  # fmt: skip
    assert not torch.allclose(tables[0], tables[1], atol=1e-4) and not torch.allclose(tables[0], tables[2], atol=1e-4)


def test_a_dataset_without_a_tree_says_which_have_one():
    plain = experiment.open_bench("synthetic", profile="smoke", options={"users": 60})
    for changes in ({}, WORDS_ALONE, {"features": "none"}):
        with pytest.raises(UserError, match=r"synthetic: unknown table 'tree'.*child, parent; bundled with code-sciml"):
            plain.build("coder", **changes)
    plain.build("coder", **coder.OFF)


@pytest.mark.parametrize(("changes", "message"), [
    ({"features": "words"}, "unknown features of coder 'words'"), ({"tree_layers": 0}, "tree_layers=0 is 1 or more"),
    ({"projects": -0.1}, "projects=-0.1"), ({"contrast": float("nan")}, "contrast=nan"), ({"width": 0}, "width=0"),
    ({"layers": 0}, "layers=0"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("coder", **changes)
