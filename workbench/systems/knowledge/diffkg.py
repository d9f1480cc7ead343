"""DiffKG: a diffusion rebuilds the items' links to entities, and what they say is contrasted with the links as given.

Paper     DiffKG: Knowledge Graph Diffusion Model for Recommendation, WSDM 2024, arXiv:2312.16890.
"""
import torch

from workbench.data.graph import binary_user_items
from workbench.data.knowledge.relations import item_relations
from workbench.errors import UserError
from workbench.nets.relation_attention import Links, RelationAttention
from workbench.nets.row_diffusion import RowDenoiser
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
)
from workbench.recommenders.graphs.propagated import GraphTables, LightPropagation, graph_recommender, pairwise
from workbench.recommenders.knowledge.item_views import KnowledgePropagation, contrast_of_views
from workbench.recommenders.knowledge.rebuilt_links import ItemRows, LinkDiffusion, RebuiltLinks
from workbench.train import named_rng
from workbench.train.turns import Turn

PARENT = "lightgcn"
OFF = {"hops": 0, "contrast": 0.0}
PLACEBO = {"control": "random"}
NEEDS = ("relations",)
RECIPE = LIGHTGCN_RECIPE
CONTROLS = ("", "random", "rewired")
ITEMS = 512  # rows that the denoiser learns from in a step


def build(
    bench, *, hops=1, contrast=0.1, temperature=0.2, steps=5, keep=1, collaboration=0.5, control="", width=64, layers=3,
    l2=1e-3,
):  # fmt: skip
    """LightGCN over items as their links describe them, with a contrast of links that a diffusion has rebuilt."""
    check_graph_sizes("diffkg", width, layers, l2)
    ego, edges = embedding_tables(bench, width), train_edges(bench)
    if not hops:
        return graph_recommender(GraphTables(ego, LightPropagation(edges, layers)), l2=l2)
    graph = item_relations(bench.dataset, rewired=bench.rng("rewired links") if control == "rewired" else None)
    with bench.init("links"):
        attention = RelationAttention(2 * graph.n_relations, width, layers=hops)
        propagation = KnowledgePropagation(
            edges, layers, Links(graph), attention, n_items=bench.split.n_items, width=width
        )
    module = GraphTables(ego, propagation)
    if not contrast:
        return graph_recommender(module, l2=l2)
    rows = ItemRows(graph)
    module.rebuilt = RebuiltLinks(rows, keep)
    propagation.second = module.rebuilt.links
    with bench.init("denoiser"):
        module.denoiser = RowDenoiser(len(rows.columns))
    diffusion = LinkDiffusion(
        rows, steps, binary_user_items(bench.split.train, bench.split.n_items).T, collaboration=collaboration
    )

    def loss(vectors, triples, step):
        return pairwise(vectors, triples, step) + contrast * contrast_of_views(vectors, triples, temperature)

    def of_denoiser(batch, step):
        rng = named_rng(bench.seed, "rows", step)
        places = rng.choice(len(rows.items), min(ITEMS, len(rows.items)), replace=False)
        return diffusion.loss(module.denoiser, places, ego.user.weight[:-1], ego.item.weight)

    def rebuild(epochs):
        if control == "random":
            rng = named_rng(bench.seed, "random links", epochs)
            scores = lambda places: torch.from_numpy(rng.random((len(places), len(rows.columns))))
        else:
            scores = lambda places: diffusion.restored(module.denoiser, places)
        module.rebuilt.choose(module.rebuilt.best(scores))

    return graph_recommender(
        module, loss=loss, l2=l2, each_epoch=rebuild, turns=[Turn(of_denoiser, "denoiser.*")],
        trainable=("ego.*", "propagation.*"),
    )  # fmt: skip
