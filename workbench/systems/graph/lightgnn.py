"""LightGNN: most edges and entries of LightGCN are pruned, those that it and a teacher need least, and it begins anew.

Paper     LightGNN: Simple Graph Neural Network for Recommendation, WSDM 2025, arXiv:2501.03228.
Idea      Much of a graph and of its tables is noise or said twice. Train with a weight for each edge, remove the edges
          that neither this weight nor the scores of a teacher speak for and the smallest entries, rewind all else to
          its start, and again: what is left trains as well as the whole (a lottery ticket).
Equation  E(k+1) = D^(-1/2) (A * m * w) D^(-1/2) E(k), E(0) = M * E, masks m, M of 0 and 1, D the degrees of A * m
          an edge stays if |w_ui + beta rank(t_u . t_i)| is high, an entry if |E| is;  then w = 1, E as at the start
          loss = BPR + a KL(softmax(t_u . (t_i, t_j)) || softmax(E_u . (E_i, E_j))) of random u, i, j
          + b InfoNCE(E, sum_{k >= 2} T(k)) + l2,  t the teacher's vectors, T(k) its layers
Claim     At a half and a fifth of the edges it ranks better than with edges left at random (the placebo), by their
          weights alone (by="magnitude") or by degrees, and no worse than LightGCN, its parent. See `pruning_table`.
Differs   The teacher is LightGCN with as many layers as the student, not 8 and 2; no model between the two, on the
          graph of two hops, nor its weights in the score of an edge; no uniformity losses, no decay of edge weights.
          Both directions of an edge are one. Degrees are of the edges that are left, and the teacher's score counts by
          its rank, as its logistic function is 1 for most edges. The release goes on from trained entries in place of
          rewinding them, and chooses the epoch that it prunes by on test. A round takes a tenth of the epochs.
Reported  Of 33 % of the entries and 44 % (Gowalla, Amazon) or 77 % (Yelp) of the edges its table; by its abstract 80 %
          of the edges and 90 % of the entries can go at the same quality.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import UserError, check_names
from workbench.losses.distillation import soft_label_kl
from workbench.nets.propagation import Edges, propagate
from workbench.recommenders.graphs.batch_contrast import contrast_of_batch
from workbench.recommenders.graphs.masked import MaskedPropagation, MaskedTables, highest
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
from workbench.recommenders.graphs.prune_and_rewind import PruneAndRewind
from workbench.recommenders.triples import Triples
from workbench.train import named_rng

PARENT = "lightgcn"
OFF = {"edges": 0.0, "entries": 0.0, "distillation": 0.0, "contrast": 0.0}
PLACEBO = {"by": "random"}
RECIPE = LIGHTGCN_RECIPE
KINDS = ("teacher", "magnitude", "high-degree", "low-degree", "random")
BETA, TAU = 1.0, 0.1  # weight of the teacher in the score of an edge; temperature of the contrast


def build(
    bench, *, edges=0.5, entries=0.5, rounds=3, by="teacher", distillation=0.1, contrast=0.01, width=64, layers=3,
    l2=1e-3,
):  # fmt: skip
    """LightGCN pruned in rounds, for the bench's users and catalogue.

    edges, entries: shares that are pruned in the end; 0 for none. by: which edges stay, those that the teacher and
    their weights speak for, their weights alone, those of ends with many or few others, or any; with random entries
    are random too. distillation, contrast: a and b. The others as in lightgcn. UserError for a setting out of range.
    """
    check_graph_sizes("lightgnn", width, layers, l2)
    check_names("way to prune", [by], KINDS)
    if not (0 <= edges < 1 and 0 <= entries < 1 and rounds >= 1 and min(distillation, contrast) >= 0):
        raise UserError(f"lightgnn: {edges=} and {entries=} are shares from 0 to below 1, {rounds=} at least 1, "
                        f"{distillation=} and {contrast=} 0 or more")  # fmt: skip
    ego, graph = embedding_tables(bench, width), train_edges(bench)
    pruned, taught = edges or entries, distillation or contrast
    if not pruned and not taught:
        return graph_recommender(GraphTables(ego, LightPropagation(graph, layers)), l2=l2)
    module = GraphTables(MaskedTables(ego), MaskedPropagation(graph, layers))
    if taught or by == "teacher":
        module.teacher = Teacher(bench.teacher("lightgcn", width=width, layers=layers, l2=l2), graph, layers)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        value = pairwise(vectors, triples, step)
        if distillation:
            rng = named_rng(bench.seed, "distilled", step)
            value = value + distillation * soft_scores(module.teacher, vectors, rng, len(triples.users))
        return value + contrast * contrast_of_batch(vectors, module.teacher.high, triples, TAU) if contrast else value

    recommender = graph_recommender(module, loss=loss, l2=l2)

    def prune(number: int) -> None:
        rng = named_rng(bench.seed, "pruned", number)
        keep_edges(module, by, (1 - edges) ** (number / rounds), rng)
        keep_entries(module.ego, by, (1 - entries) ** (number / rounds), rng)

    return PruneAndRewind(recommender, prune, rounds) if pruned else recommender


class Teacher(nn.Module):
    """What a run of LightGCN knows. user (U+1, D), item (I+1, D): its vectors. high: (N, D), the sum of its layers from
    the second on, or its last one. They are no part of the state."""

    def __init__(self, run, edges: Edges, layers: int):
        super().__init__()
        state = {name: torch.from_numpy(array) for name, array in run.recommender().state().items()}
        found = propagate(edges, torch.cat([state["ego.user.weight"], state["ego.item.weight"]]), layers)
        tables = {"user": state["user.weight"], "item": state["item.weight"], "high": sum(found[min(2, layers) :])}
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)


def soft_scores(teacher: Teacher, vectors: Vectors, rng, n: int) -> Tensor:
    """The divergence between the teacher's and the student's choice between two items, for n random users."""
    device = vectors.user.device
    users = torch.from_numpy(rng.integers(0, len(vectors.user) - 1, n)).to(device)
    items = torch.from_numpy(rng.integers(1, len(vectors.item), (n, 2))).to(device)
    taught, learnt = ((F.embedding(users, each.user)[:, None] * F.embedding(items, each.item)).sum(2)
                      for each in (teacher, vectors))  # fmt: skip
    return soft_label_kl(learnt, taught, 1.0)


def keep_edges(module: GraphTables, by: str, share: float, rng) -> None:
    """Leaves a share of all edges in the mask: of those it has, the ones of the highest score."""
    graph = module.propagation
    graph.kept.copy_(highest(graph.kept, edge_scores(module, by, rng), round(share * len(graph.kept))))


def edge_scores(module: GraphTables, by: str, rng) -> Tensor:
    """(P,) what speaks for each edge."""
    graph = module.propagation
    if by == "random":
        return torch.from_numpy(rng.random(len(graph.kept))).to(graph.kept.device)
    if by == "magnitude":
        return graph.weight.abs()
    users, items = graph.ends()
    if by == "teacher":
        teacher = module.teacher
        scores = (teacher.user[users] * teacher.item[items - len(teacher.user)]).sum(1)
        return (graph.weight + BETA * scores.argsort().argsort() / len(scores)).abs()
    degrees = graph.edges.row.bincount(minlength=graph.edges.shape[0]).double()
    return degrees[users] * degrees[items] * (1 if by == "high-degree" else -1)


def keep_entries(ego: MaskedTables, by: str, share: float, rng) -> None:
    """Leaves a share of the entries of users and items in their masks: of those there are, the ones farthest from 0."""
    parts = [ego.user.kept[:-1], ego.item.kept[1:]]
    values = [ego.user.entries[:-1], ego.item.entries[1:]]
    kept, scores = (torch.cat([part.flatten() for part in each]) for each in (parts, values))
    if by == "random":
        scores = torch.from_numpy(rng.random(len(kept))).to(kept.device)
    found = highest(kept, scores.abs(), round(share * len(kept)))
    for part, mask in zip(parts, found.split([part.numel() for part in parts])):
        part.copy_(mask.view_as(part))
