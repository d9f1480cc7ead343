"""CODER: the folders above a file tell of it, and lead from the graph of authors and files to that of projects.

Paper     Code Recommendation for Open Source Software Developers, WWW 2023, arXiv:2210.08332.
Idea      Who works on a file says little of files that few have touched. Words of its path and attention over the tree
          of folders make its start vector, and the projects at the roots have a graph of their own with the developers.
Equation  h_i: attention over the file tree from the words of the nodes (nets/graphs/tree_attention.py)
          files: LightGCN of (e_u, e_i + h_i);  projects: LightGCN of (z_u, r_p + h_p), p the root above a file
          score(u, i) = (E_u + Z_u) . (E_i + R_p(i))
          loss = BPR + lambda (BPR of Z_u . R_p against a project the user has nothing in) + mu InfoNCE(Z2, Z0) + l2,
          Z0 and Z2 the first and the last layer of the projects' graph
Claim     Ranks better than LightGCN (the parent), than LightGCN with the words alone (features="text", projects=0), and
          than with parents in the tree permuted among nodes of equal depth (the placebo; projects stay).
Differs   A file's words are those of its path, in place of code segments that attend to the last four users; folders
          have the words of their names, as in the paper. h_i adds to the learnt e_i, in whose place the paper has it,
          so that without words it is lightgcn; attention layers add to what they read. E + Z and E + R in place of an
          MLP of both, which ranked below lightgcn here. The projects' graph has one behaviour, has changed a file of
          it, as no stars and forks are known.
Reported  ML domain, 239k files, 21.9k users, time split, Hit@10, NDCG@5: .440, .132 (LightGCN .386, .106; MF .229,
          .065); NDCG@20 .141, DB .160, FS .146.
"""
import numpy as np
import torch
from torch import Tensor, nn

from workbench.errors import UserError, unknown_name
from workbench.nets.propagation import Edges, mean_of, mean_propagation
from workbench.recommenders.graphs.group_graph import GroupGraph, group_loss
from workbench.recommenders.graphs.item_tree import ItemTree, NodeVectors, item_tree, words_of_nodes
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
)
from workbench.recommenders.graphs.propagated import (
    GraphTables,
    LightPropagation,
    Vectors,
    graph_recommender,
    pairwise,
)
from workbench.recommenders.triples import Triples

PARENT = "lightgcn"
OFF = {"features": "none", "projects": 0.0}
PLACEBO = {"permuted": True}
NEEDS = ("tree",)  # a table of the dataset
RECIPE = LIGHTGCN_RECIPE
FEATURES = ("tree", "text", "none")
WORDS, PROJECT_LAYERS, TAU = 128, 2, 0.2  # width of word vectors; layers of the projects' graph; of the contrast


def build(
    bench, *, features="tree", tree_layers=3, projects=0.1, contrast=1e-6, permuted=False, width=64, layers=3, l2=1e-3
):
    """LightGCN with words, folders and projects of files, for the bench's users and catalogue.

    features: what a file starts from beside its learnt vector: "tree" (words, by tree_layers of attention), "text" (its
    words alone) or "none". projects: lambda; 0 leaves their graph out. contrast: mu. permuted: the placebo. The others
    as in lightgcn. UserError for a setting out of range, or a dataset without the table tree.
    """
    check_graph_sizes("coder", width, layers, l2)
    if features not in FEATURES:
        raise unknown_name("features of coder", features, FEATURES)
    if tree_layers < 1 or not (projects >= 0 <= contrast):
        raise UserError(f"coder: {tree_layers=} is 1 or more, {projects=} and {contrast=} are weights, 0 or more")
    edges, ego = train_edges(bench), embedding_tables(bench, width)
    if features == "none" and not projects:
        return graph_recommender(GraphTables(ego, LightPropagation(edges, layers)), l2=l2)
    tree, words, graph = item_tree(bench.dataset), None, None
    roots, group = projects_of_items(tree, bench.split.n_items)
    if permuted:  # what is below which folder, not which project a file is of: false projects do harm of their own
        tree = tree.permuted(bench.rng("permuted parents"))
    if features != "none":
        with bench.init("tree"):
            known = words_of_nodes(bench.dataset, tree, WORDS, bench.seed)
            words = NodeVectors(known, tree, width, tree_layers if features == "tree" else 0)
    if projects:
        with bench.init("projects"):
            graph = GroupGraph(bench.split, group, width=width, layers=PROJECT_LAYERS)
    module = GraphTables(ego, FilesAndProjects(edges, layers, words, graph, roots, bench.split.n_items))
    if not projects:
        return graph_recommender(module, l2=l2)
    of_projects = group_loss(bench.split, group, bench.seed, tau=TAU)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        rank, views = of_projects(graph, vectors.layers, triples, step)
        size = sum(table(ids).square().sum() for table, ids in (
            (graph.tables.user, triples.users), (graph.tables.item, graph.of_item[triples.items])))
        return pairwise(vectors, triples, step) + projects * rank + contrast * views + l2 * size / len(triples.users)

    return graph_recommender(module, loss=loss, l2=l2)


def projects_of_items(tree: ItemTree, n_items: int) -> tuple[np.ndarray, np.ndarray]:
    """(P,) the roots that items are below, and (I+1,) which of them each item is below, from 1; 0 of padding."""
    roots, group = np.unique(tree.roots()[:n_items], return_inverse=True)
    return roots, np.concatenate([[0], group + 1]).astype(np.int64)


class FilesAndProjects(nn.Module):
    """x (N, D) of users and files to the layers of the projects' graph, and what is scored. roots: (P,) their nodes."""

    def __init__(self, edges: Edges, layers: int, words: nn.Module | None, graph: GroupGraph | None, roots: np.ndarray,
                 n_items: int):  # fmt: skip
        super().__init__()
        self.edges, self.layers, self.words, self.graph, self.n_items = edges, layers, words, graph, n_items
        self.register_buffer("roots", torch.from_numpy(roots), persistent=False)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        user, file = x.split([len(x) - self.n_items - 1, self.n_items + 1])
        start = None
        if self.words:
            h = self.words()
            file, start = file + below_zeros(h[: self.n_items]), below_zeros(h[self.roots])
        scored = mean_propagation(self.edges, torch.cat([user, file]), self.layers)
        if not self.graph:
            return [], scored
        layers = self.graph(start)
        z, r = self.graph.split(mean_of(layers))
        return layers, scored + torch.cat([z, r[self.graph.of_item]])


def below_zeros(h: Tensor) -> Tensor:
    """(n, D) below a row of zeros, that of padding."""
    return torch.cat([h.new_zeros(1, h.shape[1]), h])
