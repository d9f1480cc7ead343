"""What systems over LightGCN have in common: tables, edges of the train events, sizes and recipe."""
import numpy as np
from torch import nn

from workbench.data import Split
from workbench.data.links.rewiring import rewired_edges
from workbench.errors import UserError
from workbench.nets.propagation import Edges, user_item_edges
from workbench.recommenders.matrix_factorization import PAIRS_RECIPE, EmbeddingTables
from workbench.train import named_rng

LIGHTGCN_RECIPE = PAIRS_RECIPE  # so that lightgcn without layers is bpr_mf


def check_graph_sizes(system: str, width: int, layers: int, l2: float, *, least: int = 1) -> None:
    """UserError if a size of a system is out of range. least: number of layers."""
    if width < 1 or layers < least or not l2 >= 0:
        raise UserError(f"{system}: width must be positive, layers at least {least} and l2 at least 0, not {width=}, "
                        f"{layers=}, {l2=}")  # fmt: skip


def embedding_tables(bench, width: int) -> nn.Module:
    """Tables of the bench's users and items, those of bpr_mf."""
    with bench.init():
        return EmbeddingTables(bench.split.n_users, bench.split.n_items, width=width, bias=False)


def train_pairs(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """(E,) users and (E,) items of the train events, each pair once."""
    users, items = split.train.users[split.train.rows()].astype(np.int64), split.train.items
    return tuple(np.divmod(np.unique(users * (split.n_items + 1) + items), split.n_items + 1))


def train_edges(bench, *, rewired: bool = False, normalised: str = "symmetric") -> Edges:
    """The edges of the train events, each pair once, both ways. rewired: with other ends and the same degrees."""
    split = bench.split
    users, items = train_pairs(split)
    if rewired:
        items = rewired_edges(users, items, named_rng(bench.seed, "rewired"))
    return Edges(user_item_edges(users, items, split.n_users, split.n_items, normalised=normalised))
