"""Whether a diffusion restores links of items that it has not seen: average precision beside that of simple counts."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags

from workbench.data.links.knowledge_graph import KnowledgeGraph
from workbench.errors import UserError
from workbench.nets.rows.row_diffusion import RowDenoiser, RowDiffusion
from workbench.recommenders.knowledge.rebuilt_links import BLOCK, ItemRows
from workbench.train import Recipe, named_rng, seeded_torch
from workbench.train.fit import TrainingSession, fit

RECIPE = Recipe(epochs=50, batch_size=256, lr=1e-3)


class Restoration(NamedTuple):
    """Mean average precision over `items` of the entities that each was linked to in `links` links left out, ranked
    among all that it is not linked to. diffusion: as rebuilt; popularity: by the number of items of an entity;
    cooccurrence: by how often an entity comes with those of the item, over the root of both numbers; chance: at random.
    """

    diffusion: float
    popularity: float
    cooccurrence: float
    chance: float
    items: int
    links: int


def link_restoration(
    graph: KnowledgeGraph, *, steps: int = 5, share: float = 0.1, width: int = 200, recipe: Recipe = RECIPE,
    seed: int = 0,
) -> Restoration:  # fmt: skip
    """Leave a share of the links between items and entities out, train a denoiser on the others, rank what is missing.

    Entities have a column if two items are linked to them; an item counts if it keeps a link and loses one. steps: T.
    width: of the denoiser. UserError (code 3) if no item counts.
    """
    of, rng = ItemRows(graph), named_rng(seed, "links left out")
    links, out = of.rows.tocoo(), rng.random(of.rows.nnz) < share
    kept, lost = (csr_matrix((links.data[mask], (links.row[mask], links.col[mask])), of.rows.shape)
                  for mask in (~out, out))  # fmt: skip
    cases = np.flatnonzero((np.diff(kept.indptr) > 0) & (np.diff(lost.indptr) > 0))
    if not len(cases):
        raise UserError(f"no item keeps a link and loses one of {of.rows.nnz:,} when a share of {share} is left out; a "
                        "graph whose items share more entities is needed", code=3)  # fmt: skip
    with seeded_torch(seed, "denoiser"):
        denoiser = RowDenoiser(len(of.columns), width=width)
    diffusion = RowDiffusion(steps)
    _train(denoiser, diffusion, kept, recipe, seed)
    counts = np.asarray(kept.sum(axis=0)).ravel()
    scaled = kept @ diags(1 / np.sqrt(counts.clip(1)))
    scores: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "diffusion": lambda rows: diffusion.restore(denoiser, torch.from_numpy(kept[rows].toarray())).numpy(),
        "popularity": lambda rows: np.tile(counts, (len(rows), 1)),
        "cooccurrence": lambda rows: ((kept[rows] @ scaled.T) @ scaled).toarray(),
        "chance": lambda rows: rng.random((len(rows), len(counts))),
    }
    values = {name: np.concatenate([
        average_precision(score(rows), kept[rows].toarray() > 0, lost[rows].toarray() > 0)
        for rows in np.array_split(cases, -(-len(cases) // BLOCK))
    ]).mean() for name, score in scores.items()}  # fmt: skip
    return Restoration(**{name: float(value) for name, value in values.items()}, items=len(cases),
                       links=int(lost[cases].nnz))  # fmt: skip


def _train(denoiser: RowDenoiser, diffusion: RowDiffusion, rows: csr_matrix, recipe: Recipe, seed: int) -> None:
    usable = np.flatnonzero(np.diff(rows.indptr))

    def batches(epoch: int) -> list[np.ndarray]:
        order = named_rng(seed, "rows", epoch).permutation(usable)
        return np.array_split(order, -(-len(order) // recipe.batch_size))

    def loss(index: np.ndarray, step: int) -> torch.Tensor:
        clean = torch.from_numpy(rows[index].toarray())
        steps = torch.randint(0, diffusion.steps, (len(index),))
        return diffusion.loss(denoiser(diffusion.noised(clean, steps, torch.randn_like(clean)), steps), clean, steps)

    if diffusion.steps:
        fit(denoiser, batches, loss, TrainingSession(recipe, seed))


def average_precision(scores: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(B,) of rows of scores (B, C): the mean, over the wanted (B, C) columns, of the share of wanted ones among those
    that score as high or higher. known: (B, C) columns that are not ranked. Equal scores: the lower column first.

    >>> average_precision(np.array([[3.0, 2, 1, 0]]), np.array([[1, 0, 0, 0]]) > 0, np.array([[0, 1, 0, 1]]) > 0)
    array([0.83333333])
    """
    order = np.argsort(np.where(known, np.inf, -scores), axis=1, kind="stable")
    hits = np.take_along_axis(wanted, order, axis=1)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return (precision * hits).sum(axis=1) / hits.sum(axis=1)
