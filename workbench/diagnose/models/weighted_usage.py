"""How codes are used where items count by a weight: all alike, as in a catalogue, or by their interactions, as a
decoder meets them in training.

weights: (I+1,) nonnegative, one per item, not all zero; row 0 is padding. Content codes only: see `first_codes`.
"""
import numpy as np
import pandas as pd

from workbench.data.leakage_measures import gini
from workbench.diagnose.models.codes import DRAWS, encode_labels, entropy
from workbench.tokens import ItemCodes
from workbench.train.rng import named_rng

DECILES = 10
OF_DECILES = ("ambiguity", "unique prefix", "collisions, items")


def level_usage(codes: ItemCodes, weights: np.ndarray) -> dict[str, float]:
    """How the weight is spread over the codebook of each level, by name: share of the K codes with any; codes without;
    perplexity / K; Gini coefficient over all K, dead ones included; standard deviation over all K, in items or
    interactions."""
    spread = [np.bincount(codes.codes[1:, level], weights[1:], size) for level, size in enumerate(codes.sizes)]
    figures = {
        "used share": [(sums > 0).mean() for sums in spread], "dead codes": [(sums == 0).sum() for sums in spread],
        "perplexity share": [2 ** entropy(sums) / len(sums) for sums in spread],
        "Gini": [gini(sums) for sums in spread], "std": [sums.std() for sums in spread],
    }  # fmt: skip
    return {f"{name}, code {level}": float(value)
            for name, values in figures.items() for level, value in enumerate(values, 1)}  # fmt: skip


def weighted_bits(codes: ItemCodes, weights: np.ndarray) -> dict[str, float]:
    """H(code | codes before it) of each level, and what the codes lack of H(item), in bits, for an item that is drawn
    by weight."""
    node = codes.trie.node[1:]
    depths = [entropy(np.bincount(node[:, depth], weights[1:])) for depth in range(codes.levels + 1)]
    bits = {f"bits, code {level}": value for level, value in enumerate(np.diff(depths), 1)}
    return {name: float(value) for name, value in bits.items()} | {
        "leftover bits": max(0.0, entropy(weights[1:]) - depths[-1])
    }


def item_values(codes: ItemCodes) -> pd.DataFrame:
    """(I, figures) what the trie says of each item. By length of the prefix: items that share it, itself included;
    whether no other does; codes that follow the prefix before, and whether only one does. Of the full code: whether
    another item has it, and 1 - 1 / items that have it, whose mean is 1 - distinct codes / I."""
    trie, depths = codes.trie, range(1, codes.levels + 1)
    shared = [trie.counts[depth][trie.node[1:, depth]] for depth in depths]
    children = [(trie.children[depth] >= 0).sum(1)[trie.node[1:, depth]] for depth in depths[:-1]]
    figures = {
        **{f"ambiguity, code {depth}": shared[depth - 1] for depth in depths},
        **{f"unique prefix, code {depth}": shared[depth - 1] == 1 for depth in depths},
        **{f"children, code {depth + 1}": children[depth - 1] for depth in depths[:-1]},
        **{f"single child, code {depth + 1}": children[depth - 1] == 1 for depth in depths[:-1]},
        "collisions, items": shared[-1] > 1, "collisions, excess": 1 - 1 / shared[-1],
    }  # fmt: skip
    return pd.DataFrame(figures, dtype=float)


def weighted_means(codes: ItemCodes, weights: np.ndarray) -> dict[str, float]:
    """The mean by weight of each of `item_values`; and the share, by the product of weights, of pairs of different
    items that share all codes. With equal weights each is the expectation under permuted codes, whatever the weights:
    they are linear in the weights, or in products of two."""
    values, share = item_values(codes), weights[1:] / weights[1:].sum()
    alone = (share**2).sum()  # pairs of an item with itself
    pairs = (np.bincount(codes.trie.group[1:], share) ** 2).sum() - alone
    means = dict(zip(values, (share @ values.to_numpy()).tolist()))
    return means | {"collisions, pairs": float(max(0.0, pairs) / max(1 - alone, 1e-12))}


def usage_by_interactions(
    codes: ItemCodes, popularity: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """All figures of this file by interactions (I+1,), with their values under permuted codes: the mean of draws, or
    where a figure is linear its expectation. Empty without interactions."""
    if not popularity[1:].any():
        return {}
    weights, rng = popularity.astype(np.float64), named_rng(seed, "interactions of permuted codes")
    drawn = pd.DataFrame([_spread(codes, np.append(0, rng.permutation(weights[1:]))) for _ in range(draws)]).mean()
    spread = {name: (value, float(drawn[name])) for name, value in _spread(codes, weights).items()}
    exact = weighted_means(codes, np.ones(len(weights)))
    return spread | {name: (value, exact[name]) for name, value in weighted_means(codes, weights).items()}


def _spread(codes: ItemCodes, weights: np.ndarray) -> dict[str, float]:
    return level_usage(codes, weights) | weighted_bits(codes, weights)


def by_decile(codes: ItemCodes, popularity: np.ndarray) -> dict[str, tuple[float, float]]:
    """Ambiguity and unique prefixes by length of the prefix, and the share of items in collisions, of each tenth of the
    items by popularity (I+1,), the most popular first; each with the mean of all items, which permuted codes would
    have."""
    values = item_values(codes)
    values = values[[name for name in values if name.startswith(OF_DECILES)]]
    rank = np.empty(codes.n_items, np.int64)
    rank[np.argsort(-popularity[1:], kind="stable")] = np.arange(codes.n_items)
    edges = np.arange(1, DECILES) * codes.n_items // DECILES  # rounded down, as the head of `head_and_tail`
    means = values.groupby(1 + np.searchsorted(edges, rank, side="right")).mean()
    return {f"{name}, decile {decile}": (float(value), float(values[name].mean()))
            for name in values for decile, value in means[name].items()}  # fmt: skip


def categories_by_interactions(
    codes: ItemCodes, labels: np.ndarray, popularity: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """By length of the prefix: purity, the share of interactions with items of their prefix's majority label; and
    category information, I(label; prefix) / H(label) for an item drawn by interactions. Each with its mean under
    permuted codes.

    labels: (I+1,) names, "" for none; items without a label are excluded. Empty where the others have no interactions.
    """
    label, rng = encode_labels(labels), named_rng(seed, "labels by interactions")
    items = np.flatnonzero(label >= 0)
    label, weights = label[items], popularity[items].astype(np.float64)
    if not weights.any():
        return {}
    orders, found = [np.arange(len(items)), *(rng.permutation(len(items)) for _ in range(draws))], {}
    for depth in range(1, codes.levels + 1):
        node = codes.trie.node[items, depth].astype(np.int64)
        both = np.array([_purity_and_information(node[order], label, weights) for order in orders])
        for name, (value, *drawn) in zip(("purity", "category information"), both.T.tolist()):
            found[f"{name}, code {depth}"] = value, float(np.mean(drawn))
    return dict(sorted(found.items(), key=lambda row: not row[0].startswith("purity")))  # figure by figure


def _purity_and_information(node: np.ndarray, label: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Of nodes and labels (n,) that weigh (n,): the weight of each node's majority label, and I(label; node) /
    H(label)."""
    width = label.max() + 1
    key, place = np.unique(node * width + label, return_inverse=True)
    mass = np.bincount(place.ravel(), weights)
    first = np.unique(key // width, return_index=True)[1]
    of_label = entropy(np.bincount(label, weights))
    bits = entropy(np.bincount(node, weights)) + of_label - entropy(mass)
    return float(np.maximum.reduceat(mass, first).sum() / weights.sum()), bits / max(of_label, 1e-12)
