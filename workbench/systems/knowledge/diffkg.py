"""DiffKG: a diffusion rebuilds what items are linked to, and items by these links are contrasted with items as given.

Paper     DiffKG: Knowledge Graph Diffusion Model for Recommendation, WSDM 2024, arXiv:2312.16890.
Idea      Not all that a knowledge graph says of an item matters to those who choose it. Blur the row of entities that
          an item is linked to, learn to restore it, and keep only the entities that come back first: a second view of
          the items, with which the first is contrasted.
Equation  a_hrt = softmax_t LeakyReLU(([e_h, e_t] W) . r);  v_h = e_h / 2 + norm(e_h + sum_t a_hrt e_t), then LightGCN
          x_t = sqrt(kept_t) x + sqrt(1 - kept_t) noise, x the entities of an item;  x' = MLP(x_t, t)
          L_rows = (1 - c) w_t |x' - x|^2 + c |sum_e x'_e y_e / n_i - e_i|^2, y_e of the users of the items of an
          entity, n_i how many entities the item shares with others
          L = BPR + l2 + lambda (InfoNCE of users + InfoNCE of items), by the links given and by the best of each x'
Claim     It ranks better than LightGCN (the parent), and by what the diffusion restores: with as many entities an item
          that are drawn at random (the placebo), or with tails permuted (control="rewired"), it does not.
Differs   Layers of LightGCN are averaged, as in the parent, not summed. Items are ranked by the links given, with the
          rebuilt ones for the contrast alone: so does the release on Last.fm, its default is the other way round. The
          release leaves out rebuilt links that the graph does not have, so that it can only thin it out; here they
          stay, with the relation that most links of their entity have. Rows have a column for an entity of two items or
          more. y_e is a mean of means over any entity, in the release a sum over those that are items. InfoNCE is
          against the batch, not all nodes, and weighs .02, in the paper .1 to 1. The denoiser learns in a turn of every
          step, and links are rebuilt after every epoch; half of them, at random, are left out in each training pass.
          Items without an entity that they share are linked in the first view alone; those without any link keep their
          own vector. The best epoch is chosen on validation, in the release on the test set.
Reported  Last.fm (48,123 items), full ranking: Recall@20 .0980, NDCG@20 .0911, LightGCN .0738 and .0647; MIND Recall@20
          .0615; Alibaba-iFashion .1234.
"""
import numpy as np
import torch

from workbench.data.graph import binary_user_items
from workbench.data.links.knowledge_graph import item_relations
from workbench.errors import UserError
from workbench.nets.knowledge.relation_attention import Links, RelationAttention
from workbench.nets.rows.row_diffusion import RowDenoiser
from workbench.recommenders.graphs.batch_contrast import contrast_of_batch
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
)
from workbench.recommenders.graphs.propagated import GraphTables, LightPropagation, graph_recommender, pairwise
from workbench.recommenders.knowledge.item_views import KnowledgePropagation
from workbench.recommenders.knowledge.rebuilt_links import ItemRows, LinkDiffusion, RebuiltLinks
from workbench.train import named_rng
from workbench.train.turns import Turn

PARENT = "lightgcn"
OFF = {"hops": 0, "contrast": 0.0}
PLACEBO = {"control": "random"}
NEEDS = ("relations",)
RECIPE = LIGHTGCN_RECIPE
CONTROLS = ("", "random", "rewired")
ROWS = 512  # items that the denoiser learns from in a step


def build(
    bench, *, hops=1, contrast=0.02, temperature=0.2, steps=5, keep=1, collaboration=0.5, control="", width=64,
    layers=3, l2=1e-3,
):  # fmt: skip
    """LightGCN over items as a knowledge graph describes them, contrasted with rebuilt links.

    hops: layers of attention over links; without any this is lightgcn. contrast: lambda; 0 rebuilds nothing.
    temperature: tau. steps: T; 0 contrasts with the given links. keep: entities that an item is linked to anew, 0 for
    as many as it has. collaboration: c. control: "random" or "rewired". The others as in lightgcn. UserError for a
    setting out of range, or a dataset without relations.
    """
    check_graph_sizes("diffkg", width, layers, l2)
    _check(hops, contrast, temperature, steps, keep, collaboration, control)
    if not hops:
        propagation = LightPropagation(train_edges(bench), layers)
        return graph_recommender(GraphTables(embedding_tables(bench, width), propagation), l2=l2)
    graph = item_relations(bench.dataset, rewired=bench.rng("rewired links") if control == "rewired" else None)
    ego, edges = embedding_tables(bench, width), train_edges(bench)
    with bench.init("links"):
        attention = RelationAttention(2 * graph.n_relations, width, layers=hops)
        propagation = KnowledgePropagation(edges, layers, Links(graph), attention, n_items=graph.n_items, width=width)
    module = GraphTables(ego, propagation)
    if not contrast:
        return graph_recommender(module, l2=l2)
    rows = ItemRows(graph)
    module.rebuilt = RebuiltLinks(rows, keep)
    propagation.second = module.rebuilt.links

    def loss(vectors, triples, step):
        [second] = vectors.layers
        return pairwise(vectors, triples, step) + contrast * contrast_of_batch(vectors, second, triples, temperature)

    turns, rebuild = _rebuilding(bench, module, rows, steps, collaboration, control) if steps else ((), None)
    trainable = ("ego.*", "propagation.*") if steps else "*"
    return graph_recommender(module, loss=loss, l2=l2, each_epoch=rebuild, turns=turns, trainable=trainable)


def _rebuilding(bench, module, rows, steps, collaboration, control):
    """The turn that trains a denoiser, module.denoiser, and what rebuilds the links after each epoch."""
    with bench.init("denoiser"):
        module.denoiser = RowDenoiser(len(rows.columns))
    users_of = binary_user_items(bench.split.train, bench.split.n_items).T  # (I+1, U)
    diffusion = LinkDiffusion(rows, steps, users_of, collaboration=collaboration)

    def restore(batch, step):
        rng = named_rng(bench.seed, "rows", step)
        places = rng.choice(len(rows.items), min(ROWS, len(rows.items)), replace=False)
        return diffusion.loss(module.denoiser, places, module.ego.user.weight[:-1], module.ego.item.weight)

    def rebuild(epochs):
        rng = named_rng(bench.seed, "random links", epochs)

        def at_random(places):
            return torch.from_numpy(rng.random((len(places), len(rows.columns)), np.float32))

        def restored(places):
            return diffusion.restored(module.denoiser, places)

        module.rebuilt.choose(module.rebuilt.best(at_random if control == "random" else restored))

    return [Turn(restore, "denoiser.*")], rebuild


def _check(hops, contrast, temperature, steps, keep, collaboration, control):
    if min(hops, steps, keep) < 0 or not contrast >= 0 or not temperature > 0 or not 0 <= collaboration <= 1:
        raise UserError(f"diffkg: {hops=}, {steps=}, {keep=} and {contrast=} are 0 or more, {temperature=} above 0, "
                        f"{collaboration=} a share from 0 to 1")  # fmt: skip
    if contrast and not hops:
        raise UserError(f"diffkg: {contrast=} compares two sets of links, so hops is 1 or more; give contrast=0 too")
    if control not in CONTROLS or (control == "random" and not (contrast and steps)):
        raise UserError(f"diffkg: {control=} is 'random', of links that a diffusion rebuilds, 'rewired', or ''")
