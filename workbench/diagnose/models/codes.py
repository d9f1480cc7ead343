"""Statistics of semantic IDs: code usage, collisions, and whether prefixes carry category and transition information.

Entropies are in bits. A prefix of depth l is the first l codes of an item; n_p is the number of items with prefix p.
"""
import numpy as np
import pandas as pd

from workbench.data import Dataset, Histories
from workbench.data.leakage_measures import gini
from workbench.errors import UserError
from workbench.tokens import ItemCodes, RQKMeans, item_codes, make_codes
from workbench.tokens.kinds.category import split_category_path
from workbench.train.rng import named_rng

DRAWS = 20  # permutations for a chance level
MIN_PAIRS = 10  # fewest pairs of items for a mean


def entropy(counts: np.ndarray) -> float:
    """Entropy in bits of a distribution given as counts (n,).

    >>> entropy(np.array([1, 1, 2, 0]))
    1.5
    """
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


def content_levels(codes: ItemCodes) -> int:
    """The number of levels that carry content: all but a dedup digit."""
    return codes.levels - int(codes.policy == "dedup" and bool(codes.about.get("collided")))


def usage_by_level(codes: ItemCodes) -> pd.DataFrame:
    """Code usage, one row per level.

    size, used, dead: codebook size K, and the numbers of codes that occur or do not. perplexity, perplexity_share: 2^H
    and 2^H / K. gini: over all K codes, dead ones included. entropy: H(code | previous codes), which sums to the
    entropy of the full code. ambiguity: mean number of items that share an item's prefix, itself included, sum of n_p^2
    / I. children: mean number of codes that follow a prefix of the previous level; single_child: the share of those
    prefixes with one child only.
    """
    trie, rows, parent_entropy = codes.trie, [], 0.0
    for level, size in enumerate(codes.sizes):
        count = np.bincount(codes.codes[1:, level], minlength=size)
        children = (trie.children[level] >= 0).sum(1)
        shared = trie.counts[level + 1].astype(np.float64)
        prefix_entropy = entropy(shared)
        rows.append({
            "size": size, "used": int((count > 0).sum()), "dead": int((count == 0).sum()),
            "perplexity": 2 ** entropy(count), "perplexity_share": 2 ** entropy(count) / size, "gini": gini(count),
            "entropy": prefix_entropy - parent_entropy, "ambiguity": float((shared**2).sum() / codes.n_items),
            "children": float(children.mean()), "single_child": float((children == 1).mean()),
        })  # fmt: skip
        parent_entropy = prefix_entropy
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def collision_table(codes: ItemCodes) -> pd.DataFrame:
    """Collisions of the full code, with a column before and after the dedup digit, or one column without it.

    collision_rate: 1 - distinct / I. in_collision: share of items that share their code. colliding_pairs: share of
    pairs of items that share a code. largest: size of the largest group. residual_bits: log2 I - H(code), the
    information about the item that its code lacks.
    """
    content = content_levels(codes)
    both = {"before the dedup digit": content, "after it": codes.levels}
    depths = both if content < codes.levels else {"code": content}
    return pd.DataFrame({name: _collisions(codes.trie.counts[depth], codes.n_items) for name, depth in depths.items()})


def _collisions(group: np.ndarray, n: int) -> pd.Series:
    group = group.astype(np.float64)
    return pd.Series({
        "items": n, "distinct": len(group), "collision_rate": 1 - len(group) / n,
        "in_collision": group[group > 1].sum() / n,
        "colliding_pairs": (group * (group - 1)).sum() / max(1, n * (n - 1)),
        "largest": group.max(), "residual_bits": max(0.0, np.log2(n) - entropy(group)),
    })  # fmt: skip


def item_categories(dataset: Dataset, *, level: int = 1) -> np.ndarray | None:
    """(I+1,) category names: the `level`-th step of the category paths at which items differ, "" if missing; None if
    the dataset has no categories, or only one."""
    if "category" not in dataset.items:
        return None
    paths = dataset.items["category"].map(split_category_path).tolist()
    depth = max(map(len, paths), default=0)
    table = np.array([["", *path, *[""] * (depth - len(path))] for path in paths], dtype=object)
    differ = [step for step in range(depth + 1) if len(set(table[:, step])) > 1][level - 1 : level]
    return np.concatenate([[""], table[:, differ[0]]]) if differ else None


def encode_labels(labels: np.ndarray) -> np.ndarray:
    """(I+1,) int64 labels as numbers, -1 for "" (no label) and for row 0 (padding)."""
    names, number = np.unique(labels.astype(str), return_inverse=True)
    number = np.where(names[number.ravel()] == "", -1, number.ravel())
    number[0] = -1
    return number


def prefix_purity(codes: ItemCodes, labels: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Cluster purity of prefixes, one row per level: purity, the share of items with the majority label of their
    prefix; chance, the same with permuted labels; above_chance, (purity - chance) / (1 - chance).

    labels: (I+1,) names, "" for none; items without a label are excluded.
    """
    label = encode_labels(labels)
    labelled = np.flatnonzero(label >= 0)
    rng, rows = named_rng(seed, "label permutations"), []
    permuted = [rng.permutation(label[labelled]) for _ in range(draws)]
    for depth in range(1, codes.levels + 1):
        node = codes.trie.node[labelled, depth].astype(np.int64)
        value, chance = _purity(node, label[labelled]), float(np.mean([_purity(node, each) for each in permuted]))
        rows.append({"purity": value, "chance": chance, "above_chance": (value - chance) / max(1 - chance, 1e-12)})
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def _purity(node: np.ndarray, label: np.ndarray) -> float:
    """The share of items with the majority label of their node."""
    width = label.max() + 1
    key, count = np.unique(node * width + label, return_counts=True)
    first = np.unique(key // width, return_index=True)[1]
    return float(np.maximum.reduceat(count, first).sum() / len(node))


def majority_label(codes: ItemCodes, depth: int, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The majority label (nodes,) of each node of a depth, and its share of the labelled items; "" and 0 if no item has
    a label."""
    label, node = encode_labels(labels), codes.trie.node[:, depth].astype(np.int64)
    labelled = np.flatnonzero(label >= 0)
    pairs, count = np.unique(np.column_stack([node[labelled], label[labelled]]), axis=0, return_counts=True)
    order = np.lexsort((pairs[:, 1], -count, pairs[:, 0]))
    nodes, first = np.unique(pairs[order, 0], return_index=True)
    total = np.bincount(node[labelled], minlength=len(codes.trie.counts[depth]))
    names, share = np.full(len(total), "", dtype=object), np.zeros(len(total))
    names[nodes] = np.unique(labels.astype(str))[pairs[order, 1][first]]
    share[nodes] = count[order][first] / total[nodes]
    return names, share


def transition_sharing(codes: ItemCodes, histories: Histories) -> pd.DataFrame:
    """Prefix sharing of transitions, one row per level: shared, the share of transitions between two different items
    with the same prefix; chance, its expectation under permuted codes, sum of n_p (n_p - 1) / (I (I - 1)); lift, shared
    / chance.

    histories: of train only.
    """
    inside = (np.diff(histories.rows()) == 0) & (histories.items[1:] != histories.items[:-1])
    before, after = histories.items[:-1][inside], histories.items[1:][inside]
    node, n, rows = codes.trie.node, codes.n_items, []
    for depth in range(1, codes.levels + 1):
        shared = float((node[before, depth] == node[after, depth]).mean()) if len(before) else np.nan
        group = codes.trie.counts[depth].astype(np.float64)
        chance = float((group * (group - 1)).sum() / max(1, n * (n - 1)))
        rows.append({"shared": shared, "chance": chance, "lift": shared / chance if chance else np.nan})
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def similarity_by_prefix(vectors: np.ndarray, codes: ItemCodes, *, pairs: int = 4000, seed: int = 0) -> pd.DataFrame:
    """Cosine similarity of random pairs of items by number of shared first codes (at least), without the dedup digit.
    One row per number with enough pairs: mean, low and high (quartiles), pairs. vectors: (I+1, D)."""
    trie, rng, rows = codes.trie, named_rng(seed, "pairs of items"), {}
    length = np.linalg.norm(vectors, axis=1)
    for depth in range(content_levels(codes) + 1):
        item = rng.integers(1, codes.n_items + 1, pairs)
        node = trie.node[item, depth]
        other = trie.order[trie.first[depth][node] + rng.integers(0, trie.counts[depth][node])]
        item, other = (side[(item != other) & (length[item] > 0) & (length[other] > 0)] for side in (item, other))
        if len(np.unique(np.sort(np.column_stack([item, other]), axis=1), axis=0)) >= MIN_PAIRS:
            cosine = (vectors[item] * vectors[other]).sum(1) / (length[item] * length[other])
            low, high = np.quantile(cosine, [0.25, 0.75])
            rows[depth] = {"mean": float(cosine.mean()), "low": low, "high": high, "pairs": len(item)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("shared codes")


def with_control_codes(codes: ItemCodes, dataset: Dataset, *, seed: int = 0) -> dict[str, ItemCodes]:
    """The codes and their controls, by name: the category tree of the catalogue if there is one, random codes, and the
    same codes permuted among items."""
    levels = content_levels(codes)
    kinds = {codes.about.get("kind", "codes"): codes}
    if item_categories(dataset) is not None:
        kinds["category"] = make_codes("category", dataset, levels=levels)
    kinds["random"] = make_codes("random", dataset, levels=levels, size=max(2, codes.sizes[0]), seed=seed)
    return kinds | {"permuted": codes.permuted(named_rng(seed, "permuted codes"))}


def encode_unseen(vectors: np.ndarray, codes: ItemCodes, items: np.ndarray, *, seed: int = 0) -> ItemCodes:
    """RQ-KMeans codes of the shape of `codes`, without dedup digit, with `items` excluded from the fit and encoded
    afterwards, as cold-start items are. vectors: (I+1, D). UserError for codes of another kind."""
    seen = np.setdiff1d(np.arange(1, len(vectors)), items)
    sizes = codes.sizes[: content_levels(codes)]
    if len(set(sizes)) > 1:
        raise UserError(f"codes of sizes {sizes} are not of RQ-KMeans, which has one size for all levels")
    normalize = bool(codes.about.get("normalize"))
    tokenizer = RQKMeans(levels=len(sizes), size=sizes[0], normalize=normalize, seed=seed).fit(vectors[seen])
    return item_codes(tokenizer.encode(vectors[1:]), sizes, codes.raw_ids, about={"unseen": len(items)})


def unseen_accuracy(codes: ItemCodes, items: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Label accuracy of items unseen by the tokenizer, one row per level: covered, the share of `items` whose prefix
    has seen items; accuracy, the share of all whose label is the majority label of those; chance, its expectation with
    the labels of `items` permuted. Items without a label are excluded."""
    label = encode_labels(labels)
    queries, seen = items[label[items] >= 0], np.setdiff1d(np.flatnonzero(label >= 0), items)
    rows = []
    for depth in range(1, codes.levels + 1):
        node = codes.trie.node[:, depth]
        pairs, count = np.unique(np.column_stack([node[seen], label[seen]]), axis=0, return_counts=True)
        best = np.full(len(codes.trie.counts[depth]), -1)
        order = np.argsort(count, kind="stable")
        best[pairs[order, 0]] = pairs[order, 1]  # the last write, the most frequent label, remains
        guess = best[node[queries]]
        share = np.bincount(label[queries], minlength=label.max() + 1) / max(1, len(queries))
        rows.append({
            "covered": float((guess >= 0).mean()), "accuracy": float((guess == label[queries]).mean()),
            "chance": float(np.where(guess >= 0, share[guess], 0).mean()),
        })  # fmt: skip
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def compare_codes(
    kinds: dict[str, ItemCodes], *, labels: np.ndarray | None = None, histories: Histories | None = None, depth: int = 1
) -> pd.DataFrame:
    """Codes and their controls, one row each: levels, distinct codes and collisions without dedup digit; entropy of the
    first `depth` codes (bits), their purity above chance (with labels), and their sharing by transitions (with
    histories)."""
    rows = {}
    for name, codes in kinds.items():
        collisions = _collisions(codes.trie.counts[content_levels(codes)], codes.n_items)
        at = min(depth, codes.levels)
        row = {"levels": content_levels(codes), "distinct": int(collisions["distinct"]),
               "in_collision": collisions["in_collision"]}
        row["bits"] = entropy(codes.trie.counts[at])
        if labels is not None:
            row["category_above_chance"] = prefix_purity(codes, labels)["above_chance"][at]
        if histories is not None:
            row |= transition_sharing(codes, histories).loc[at].add_prefix("transition_").to_dict()
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("codes")
