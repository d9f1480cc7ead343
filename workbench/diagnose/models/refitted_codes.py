"""Codes of a tokenizer that is fitted again: without some items, which it then encodes, or from another seed."""
import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from workbench.diagnose.models.mutual_information import agreement
from workbench.errors import check_names
from workbench.tokens import ItemCodes, RQKMeans, default_size, item_codes
from workbench.tokens.balanced_kmeans import BalancedKMeans
from workbench.tokens.fsq import FSQ
from workbench.tokens.pq import PQ
from workbench.tokens.rq_vae import RQVAE
from workbench.train.rng import named_rng

TOKENIZERS = {"rq-kmeans": RQKMeans, "balanced-kmeans": BalancedKMeans, "rq-vae": RQVAE, "fsq": FSQ, "pq": PQ}


def refitted(
    kind: str, vectors: np.ndarray, *, without: np.ndarray = (), levels: int = 3, size: int = 0, seed: int = 0
) -> ItemCodes:
    """Codes of all items by a tokenizer that was fitted to all but the items `without` (n,), as cold-start items are
    encoded; no dedup digit. Each item's raw id is its number. vectors: (I+1, D). UserError for a kind that cannot
    encode new items."""
    check_names("kind of codes that encodes new items", [kind], TOKENIZERS)
    n_items = len(vectors) - 1
    size, seen = size or default_size(n_items), np.setdiff1d(np.arange(1, n_items + 1), without)
    made = TOKENIZERS[kind](levels=levels, size=min(size, len(seen)), seed=seed).fit(vectors[seen])
    sizes = made.sizes if kind == "fsq" else (made.size,) * levels
    ids = np.arange(1, n_items + 1).astype(str).astype(object)
    return item_codes(made.encode(vectors[1:]), sizes, ids, about={"kind": kind, "unseen": n_items - len(seen)})


def code_stability(
    kind: str, vectors: np.ndarray, *, levels: int = 3, size: int = 0, seed: int = 0, added: float = 0.1
) -> pd.DataFrame:
    """How far codes stay the same, a row each: agreement of two seeds, by adjusted mutual information (AMI: 0 by
    chance, 1 if they group the items alike) of the first codes, and of longer prefixes as `agreement of two seeds, code
    2` and so on, nan as in `agreement`; churn, the share of items whose first code changes when the tokenizer is fitted
    again with `added` of the items new, after codes are renamed to agree as well as they can.
    Columns value and null, the value for permuted codes. vectors: (I+1, D). Three fits."""
    settings = {"levels": levels, "size": size}
    n_items, rng = len(vectors) - 1, named_rng(seed, "items added")
    new = 1 + rng.permutation(n_items)[: max(1, int(added * n_items))]
    old = np.setdiff1d(np.arange(1, n_items + 1), new)
    first, other = (refitted(kind, vectors, seed=at, **settings) for at in (seed, seed + 1))
    before = refitted(kind, vectors, without=new, seed=seed, **settings).codes[old, 0]
    after, permuted = first.codes[old, 0], (rng.permutation(n_items), rng.permutation(len(old)))
    pairs = [(first.trie.node[1:, depth], other.trie.node[1:, depth]) for depth in range(1, levels + 1)]
    agree = [(agreement(one, two), agreement(one[permuted[0]], two)) for one, two in pairs]
    rows = {"agreement of two seeds": agree[0],
            "churn": (churn(before, after), churn(before[permuted[1]], after))}  # fmt: skip
    rows |= {f"agreement of two seeds, code {depth}": row for depth, row in enumerate(agree[1:], 2)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "null"]).rename_axis("figure")


def churn(before: np.ndarray, after: np.ndarray) -> float:
    """The share of items (n,) whose code differs, after the codes are renamed one to one for the fewest changes.

    >>> churn(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))
    0.25
    """
    both = np.zeros((before.max() + 1, after.max() + 1))
    np.add.at(both, (before, after), 1)
    return float(1 - both[linear_sum_assignment(-both)].sum() / len(before))
