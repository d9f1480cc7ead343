"""Figures of semantic IDs that have an exact or a drawn value by chance: the parts of the tokenizer card.

Content codes are the codes without a dedup digit. Parallel codes, as of pq and fsq, are in no order: items are compared
by how many codes they share; other codes by their longest common prefix.
"""
from dataclasses import replace

import numpy as np

from workbench.data import Histories
from workbench.data.graph import binary_user_items
from workbench.data.leakage_measures import gini
from workbench.diagnose.models.codes import collision_table, content_levels, encode_labels, entropy, usage_by_level
from workbench.tokens import ItemCodes
from workbench.train.rng import named_rng

QUERIES = 2000  # items, drawn at random, whose neighbours are looked up in a large catalogue
BLOCK = 256  # items compared with all others at a time


def first_codes(codes: ItemCodes, levels: int) -> ItemCodes:
    """The first `levels` codes of the same items, without the dedup digit."""
    levels = min(levels, content_levels(codes))
    return replace(codes, codes=codes.codes[:, :levels], sizes=codes.sizes[:levels], policy="none")


def balanced_random(codes: ItemCodes, rng: np.random.Generator) -> ItemCodes:
    """Control: random codes of the same items and sizes, independent per level, each code used equally often."""
    rows = [rng.permutation(np.arange(codes.n_items) % size) for size in codes.sizes]
    return replace(codes, codes=np.vstack([codes.codes[:1], np.column_stack(rows)]).astype(np.int32))


def structure(codes: ItemCodes) -> dict[str, float]:
    """Figures of the trie of content codes alone, by name. They stay the same where codes are permuted among items, so
    that only other codes can be a control. The worst level stands for all where no level is named."""
    usage, groups = usage_by_level(codes), collision_table(codes)["code"]
    found = {
        "used share": (usage["used"] / usage["size"]).min(), "dead codes": usage["dead"].sum(),
        "perplexity share": usage["perplexity_share"].min(), "Gini": usage["gini"].max(),
    }  # fmt: skip
    found |= {f"bits, code {level}": bits for level, bits in usage["entropy"].items()}
    found |= {"leftover bits": groups["residual_bits"]}
    found |= {f"ambiguity, code {level}": items for level, items in usage["ambiguity"].items()}
    for level, row in usage.iloc[1:].iterrows():
        found |= {f"children, code {level}": row["children"], f"single child, code {level}": row["single_child"]}
    found |= {"collisions, items": groups["in_collision"], "collisions, excess": groups["collision_rate"],
              "collisions, pairs": groups["colliding_pairs"]}  # fmt: skip
    if codes.levels > 2 and not codes.about.get("parallel"):
        found["hourglass"] = hourglass(np.array([bits_share(codes, level) for level in range(codes.levels)]))
    return {name: float(value) for name, value in found.items()}


def bits_share(codes: ItemCodes, level: int) -> float:
    """H(code) / log2 K of one level, counted from 0; 1 where there is one code."""
    size = codes.sizes[level]
    return entropy(np.bincount(codes.codes[1:, level], minlength=size)) / np.log2(size) if size > 1 else 1.0


def hourglass(shares: np.ndarray) -> float:
    """The hourglass index of shares (L,) of bits, L > 2: 1 - the least of the middle levels / the mean of both ends.

    >>> hourglass(np.array([0.9, 0.45, 0.9]))
    0.5
    """
    return float(1 - shares[1:-1].min() / max((shares[0] + shares[-1]) / 2, 1e-12))


def shared_codes(some: np.ndarray, rows: np.ndarray, *, parallel: bool = False) -> np.ndarray:
    """(B, n) number of codes that codes (B, L) share with codes (n, L): from the first on, or parallel ones anywhere.

    >>> shared_codes(np.array([[1, 2, 3]]), np.array([[1, 2, 0], [0, 2, 3]])).tolist()
    [[2, 0]]
    """
    total, agree = np.zeros((len(some), len(rows)), np.int8), True
    for level in range(rows.shape[1]):
        same = some[:, level, None] == rows[None, :, level]
        agree = same if parallel else same & agree
        total += agree
    return total


def neighbour_preservation(vectors: np.ndarray, codes: ItemCodes, *, k: int = 10, seed: int = 0) -> tuple[float, float]:
    """NP@k: the share of the k items with the nearest vectors (cosine) that are among the k with the most shared codes,
    expected where ties among those are broken at random; and its expectation under permuted codes, k / (I - 1).

    vectors: (I+1, D); items without a vector (zeros) are excluded. nan for fewer than two items.
    """
    length = np.linalg.norm(vectors, axis=1)
    known = 1 + np.flatnonzero(length[1:] > 0)
    k, parallel = min(k, len(known) - 1), bool(codes.about.get("parallel"))
    if k < 1:
        return np.nan, np.nan
    unit, rows, overlap = vectors[known] / length[known, None], codes.codes[known], 0.0
    chosen = np.sort(named_rng(seed, "items with neighbours").permutation(len(known))[:QUERIES])
    for at in np.array_split(chosen, -(-len(chosen) // BLOCK)):
        own = np.arange(len(at)), at
        # rounded, and the first item first among equals: not the rounding error of a machine's BLAS
        cosine = (unit[at] @ unit.T).astype(np.float64).round(5) - 1e-6 * np.arange(len(known)) / len(known)
        cosine[own] = -np.inf
        near = np.argpartition(-cosine, k - 1)[:, :k]
        shared = shared_codes(rows[at], rows, parallel=parallel)
        shared[own] = -1
        equal = np.column_stack([(shared == number).sum(1) for number in range(codes.levels + 1)])
        better = equal[:, ::-1].cumsum(1)[:, ::-1] - equal
        chance = np.clip((k - better) / np.maximum(equal, 1), 0, 1)  # of an item, to be among the k
        overlap += np.take_along_axis(chance, np.take_along_axis(shared, near, 1).astype(np.int64), 1).sum()
    return float(overlap / (len(chosen) * k)), k / (len(known) - 1)


def pair_chance(counts: np.ndarray) -> float:
    """The chance that two different items are in the same group, of groups of these sizes."""
    counts = counts.astype(np.float64)
    return float((counts * (counts - 1)).sum() / max(1, counts.sum() * (counts.sum() - 1)))


def collaborative_alignment(
    codes: ItemCodes, histories: Histories, *, top: int = 20, seed: int = 0
) -> tuple[float, float]:  # fmt: skip
    """The share of an item's `top` co-occurring items that have its first code, mean over items that co-occur with any;
    and its expectation under permuted codes. Ties are broken at random. histories: of train only. nan without any."""
    recall = co_occurrence_recall(codes, histories, top=top, seed=seed)[1][0]
    return float(recall.mean()) if len(recall) else np.nan, pair_chance(codes.trie.counts[1])


def co_occurrence_recall(
    codes: ItemCodes, histories: Histories, *, top: int = 20, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(Q,) items that co-occur with any other in train histories, at most QUERIES; and (L, Q) the share of the `top`
    that co-occur most with each that have its first code, its first two codes, and so on. Ties are broken at random.
    The expectation of each row under permuted codes is the `pair_chance` of the prefixes of that length."""
    rng, node = named_rng(seed, "co-occurring items"), codes.trie.node[:, 1:]
    seen = binary_user_items(histories, codes.n_items).tocsc().astype(np.float32)
    items, asked, recall = 1 + rng.permutation(codes.n_items)[:QUERIES], [], []
    for some in np.array_split(items, -(-len(items) // BLOCK)):
        counts = (seen[:, some].T @ seen).tocsr()
        row = np.repeat(np.arange(len(some)), np.diff(counts.indptr))
        others = counts.indices != some[row]
        row, other, count = row[others], counts.indices[others], counts.data[others]
        order = np.lexsort([rng.random(len(other)), -count, row])
        order = order[np.arange(len(row)) - np.searchsorted(row, row) < top]  # row is in order, before and after
        row, other = row[order], other[order]
        found, first, pairs = np.unique(row, return_index=True, return_counts=True)
        if len(found):
            asked.append(some[found])
            recall.append(np.add.reduceat(node[other] == node[some[row]], first, axis=0, dtype=np.int64).T / pairs)
    if not asked:
        return np.zeros(0, np.int64), np.zeros((codes.levels, 0))
    return np.concatenate(asked), np.ascontiguousarray(np.concatenate(recall, axis=1))


def colliding_categories(codes: ItemCodes, labels: np.ndarray) -> tuple[float, float]:
    """The share of pairs with the same full code that have the same label, and that of all pairs, which permuted
    codes would have. labels: (I+1,) names, "" for none. nan without collisions."""
    label = encode_labels(labels)
    labelled = np.flatnonzero(label >= 0)
    group = codes.trie.group[labelled].astype(np.int64)
    sizes = np.bincount(group).astype(np.float64)
    both = np.unique(np.column_stack([group, label[labelled]]), axis=0, return_counts=True)[1].astype(np.float64)
    pairs = (sizes * (sizes - 1)).sum()
    same = float((both * (both - 1)).sum() / pairs) if pairs else np.nan
    return same, pair_chance(np.bincount(label[labelled]))


def head_and_tail(codes: ItemCodes, popularity: np.ndarray) -> dict[str, tuple[float, float]]:
    """How codes are shared out among popular and rare items: the mean ambiguity of the first code, and the share of
    items in collisions, in the top tenth and in the bottom half by popularity (I+1,); each with the mean over all
    items, which permuted codes would have."""
    order = np.argsort(-popularity[1:], kind="stable")
    parts = {"head": order[: max(1, len(order) // 10)], "tail": order[len(order) // 2 :]}
    ambiguity = codes.trie.counts[1][codes.trie.node[1:, 1]]
    collides = codes.trie.group_size[codes.trie.group[1:]] > 1
    return {f"{name}, {part}": (float(values[items].mean()), float(values.mean()))
            for name, values in (("ambiguity", ambiguity), ("collisions", collides))
            for part, items in parts.items()}  # fmt: skip


def exposure(codes: ItemCodes, popularity: np.ndarray, *, draws: int = 20, seed: int = 0) -> tuple[float, float]:
    """Code exposure: the Gini coefficient of interactions over first codes minus that of items, and its mean under
    permuted codes. popularity: (I+1,) interactions of each item."""
    code, size, rng = codes.codes[1:, 0], codes.sizes[0], named_rng(seed, "permuted popularity")

    def difference(weights: np.ndarray) -> float:
        return gini(np.bincount(code, weights, minlength=size)) - gini(np.bincount(code, minlength=size))

    drawn = [difference(rng.permutation(popularity[1:])) for _ in range(draws)]
    return difference(popularity[1:]), float(np.mean(drawn))


def unexplained_by_chance(codes: ItemCodes) -> list[float]:
    """The expected share of the variance that random codes leave up to each level: means of K random groups of I items
    explain (K - 1) / (I - 1) of what is left. Parallel codes: of the best sum of one vector a code."""
    explained = [(min(size, codes.n_items) - 1) / max(1, codes.n_items - 1) for size in codes.sizes]
    if codes.about.get("parallel"):
        return np.clip(1 - np.cumsum(explained), 0, 1).tolist()
    return np.cumprod(1 - np.array(explained)).tolist()


def dedup_digit(codes: ItemCodes, random: ItemCodes) -> dict[str, tuple[float, float]]:
    """The digit that tells items with equal content codes apart, of codes that have one: its entropy in bits, the share
    of items whose digit is 0, and the share of items that still collide; each with its value for `random` content codes
    to which a digit is appended."""
    digit = np.bincount(codes.codes[1:, -1])
    sizes = np.bincount(random.trie.group_size)
    by_chance = sizes[::-1].cumsum()[::-1][1:]  # a group of g items has the digits 0 .. g - 1
    found = {"dedup digit, bits": (entropy(digit), entropy(by_chance)),
             "dedup digit, zero": (float(digit[0] / codes.n_items), float(by_chance[0] / codes.n_items))}  # fmt: skip
    after = float(collision_table(codes)["after it"]["in_collision"])
    return found | {"collisions, items, after the dedup digit": (after, 0.0)}
