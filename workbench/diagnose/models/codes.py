"""What semantic IDs are like: how they use their codes, where items collide, and whether a prefix means anything.

Entropies are in bits. A prefix of depth l is the first l codes of an item; n_p is the number of items under prefix p.
"""
import numpy as np
import pandas as pd

from workbench.data import Dataset, Histories
from workbench.data.leakage_measures import gini
from workbench.errors import UserError
from workbench.tokens import ItemCodes, RQKMeans, item_codes, make
from workbench.tokens.control_codes import steps
from workbench.train.rng import stream

DRAWS = 20  # permutations behind a chance level
FEW = 10  # pairs of items, of which a mean says nothing


def entropy(counts: np.ndarray) -> float:
    """Bits of a distribution given as counts (n,); zeros count nothing.

    >>> entropy(np.array([1, 1, 2, 0]))
    1.5
    """
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


def digits(codes: ItemCodes) -> int:
    """How many levels say something about the item: all but a dedup digit."""
    return codes.levels - int(codes.policy == "dedup" and bool(codes.about.get("collided")))


def by_level(codes: ItemCodes) -> pd.DataFrame:
    """How each level uses its codes, a row a level.

    size, used, dead: K, and how many occur or do not. perplexity: 2^H, and its share of K. gini: over all K codes,
    also those never used. entropy: H(code | codes before it); the sum over levels is that of the full code. ambiguity:
    items that share a random item's prefix, itself included, sum of n_p^2 / I. children: codes of this level under a
    prefix of the level before, on average; single: the share of those prefixes that have one child only.
    """
    trie, rows, whole = codes.trie, [], 0.0
    for level, size in enumerate(codes.sizes):
        count = np.bincount(codes.codes[1:, level], minlength=size)
        below = (trie.children[level] >= 0).sum(1)
        shared = trie.counts[level + 1].astype(np.float64)
        so_far = entropy(shared)
        rows.append({
            "size": size, "used": int((count > 0).sum()), "dead": int((count == 0).sum()),
            "perplexity": 2 ** entropy(count), "perplexity_share": 2 ** entropy(count) / size, "gini": gini(count),
            "entropy": so_far - whole, "ambiguity": float((shared**2).sum() / codes.n_items),
            "children": float(below.mean()), "single": float((below == 1).mean()),
        })  # fmt: skip
        whole = so_far
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def overall(codes: ItemCodes) -> pd.DataFrame:
    """Collisions of the full code, a column before and after the dedup digit; one column where there is none.

    excess: 1 - distinct / I. in_collision: share of items that share their code. pair: share of pairs of items that do.
    largest: items of the largest group. left_over: log2 I - H(code), the bits that the codes do not tell.
    """
    learned = digits(codes)
    both = {"before the dedup digit": learned, "after it": codes.levels}
    depths = both if learned < codes.levels else {"code": learned}
    return pd.DataFrame({name: _collisions(codes.trie.counts[depth], codes.n_items) for name, depth in depths.items()})


def _collisions(group: np.ndarray, n: int) -> pd.Series:
    group = group.astype(np.float64)
    return pd.Series({
        "items": n, "distinct": len(group), "excess": 1 - len(group) / n,
        "in_collision": group[group > 1].sum() / n, "pair": (group * (group - 1)).sum() / max(1, n * (n - 1)),
        "largest": group.max(), "left_over": max(0.0, np.log2(n) - entropy(group)),
    })  # fmt: skip


def categories(dataset: Dataset, *, level: int = 1) -> np.ndarray | None:
    """(I+1,) names: the `level`-th step of the category paths on which items differ, "" where there is none; None if
    the dataset has no categories, or only one."""
    if "category" not in dataset.items:
        return None
    paths = dataset.items["category"].map(steps).tolist()
    depth = max(map(len, paths), default=0)
    table = np.array([["", *path, *[""] * (depth - len(path))] for path in paths], dtype=object)
    differ = [step for step in range(depth + 1) if len(set(table[:, step])) > 1][level - 1 : level]
    return np.concatenate([[""], table[:, differ[0]]]) if differ else None


def numbered(labels: np.ndarray) -> np.ndarray:
    """(I+1,) int64: names as numbers, -1 for "" (no label) and for row 0."""
    names, number = np.unique(labels.astype(str), return_inverse=True)
    number = np.where(names[number.ravel()] == "", -1, number.ravel())
    number[0] = -1
    return number


def purity(codes: ItemCodes, labels: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """How far a prefix tells the label, a row a level: purity, the mean over items of "my prefix's commonest label is
    mine"; chance, the same with labels permuted; above, (purity - chance) / (1 - chance).

    labels: (I+1,) names, "" for none; items without one are left out.
    """
    label = numbered(labels)
    known = np.flatnonzero(label >= 0)
    rng, rows = stream(seed, "label permutations"), []
    shuffled = [rng.permutation(label[known]) for _ in range(draws)]
    for depth in range(1, codes.levels + 1):
        node = codes.trie.node[known, depth].astype(np.int64)
        found, chance = _pure(node, label[known]), float(np.mean([_pure(node, some) for some in shuffled]))
        rows.append({"purity": found, "chance": chance, "above": (found - chance) / max(1 - chance, 1e-12)})
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def _pure(node: np.ndarray, label: np.ndarray) -> float:
    """Sum over nodes of the count of their commonest label, as a share of all."""
    width = label.max() + 1
    key, count = np.unique(node * width + label, return_counts=True)
    first = np.unique(key // width, return_index=True)[1]
    return float(np.maximum.reduceat(count, first).sum() / len(node))


def dominant(codes: ItemCodes, depth: int, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For the nodes of a depth, the commonest label (nodes,) and its share of the labelled items; "" and 0 where no
    item has one."""
    label, node = numbered(labels), codes.trie.node[:, depth].astype(np.int64)
    known = np.flatnonzero(label >= 0)
    pairs, count = np.unique(np.column_stack([node[known], label[known]]), axis=0, return_counts=True)
    order = np.lexsort((pairs[:, 1], -count, pairs[:, 0]))
    nodes, first = np.unique(pairs[order, 0], return_index=True)
    total = np.bincount(node[known], minlength=len(codes.trie.counts[depth]))
    names, share = np.full(len(total), "", dtype=object), np.zeros(len(total))
    names[nodes] = np.unique(labels.astype(str))[pairs[order, 1][first]]
    share[nodes] = count[order][first] / total[nodes]
    return names, share


def together(codes: ItemCodes, histories: Histories) -> pd.DataFrame:
    """Do items that follow each other share a prefix? A row a level: shared, the share of successive pairs of two
    different items that do; chance, what permuted codes would give, sum of n_p (n_p - 1) / (I (I - 1)), exactly; lift,
    the first over the second.

    histories: of train alone.
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


def closeness(vectors: np.ndarray, codes: ItemCodes, *, pairs: int = 4000, seed: int = 0) -> pd.DataFrame:
    """Are items with a longer prefix in common closer? Cosine of drawn pairs of two items that share at least so many
    first codes, the dedup digit aside; a row a number of codes that enough pairs share: mean, low and high (quartiles),
    pairs. vectors: (I+1, D)."""
    trie, rng, rows = codes.trie, stream(seed, "pairs of items"), {}
    length = np.linalg.norm(vectors, axis=1)
    for depth in range(digits(codes) + 1):
        item = rng.integers(1, codes.n_items + 1, pairs)
        node = trie.node[item, depth]
        other = trie.order[trie.first[depth][node] + rng.integers(0, trie.counts[depth][node])]
        item, other = (side[(item != other) & (length[item] > 0) & (length[other] > 0)] for side in (item, other))
        if len(np.unique(np.sort(np.column_stack([item, other]), axis=1), axis=0)) >= FEW:
            cosine = (vectors[item] * vectors[other]).sum(1) / (length[item] * length[other])
            low, high = np.quantile(cosine, [0.25, 0.75])
            rows[depth] = {"mean": float(cosine.mean()), "low": low, "high": high, "pairs": len(item)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("shared codes")


def beside_controls(codes: ItemCodes, dataset: Dataset, *, seed: int = 0) -> dict[str, ItemCodes]:
    """The codes and what they must beat, by name: the catalogue's own category tree where there is one, as many codes
    dealt out at random, and the same codes each given to another item."""
    levels = digits(codes)
    kinds = {codes.about.get("kind", "codes"): codes}
    if categories(dataset) is not None:
        kinds["category"] = make("category", dataset, levels=levels)
    kinds["random"] = make("random", dataset, levels=levels, size=max(2, codes.sizes[0]), seed=seed)
    return kinds | {"permuted": codes.permuted(stream(seed, "permuted codes"))}


def unseen(vectors: np.ndarray, codes: ItemCodes, items: np.ndarray, *, seed: int = 0) -> ItemCodes:
    """RQ-KMeans codes of the shape of `codes`, less a dedup digit, where `items` were left out of the fit and only
    encoded after it: the names that newcomers are given. vectors: (I+1, D). UserError for codes of another kind."""
    known = np.setdiff1d(np.arange(1, len(vectors)), items)
    sizes = codes.sizes[: digits(codes)]
    if len(set(sizes)) > 1:
        raise UserError(f"codes of sizes {sizes} are not of RQ-KMeans, which has one size for all levels")
    normalize = bool(codes.about.get("normalize"))
    tokenizer = RQKMeans(levels=len(sizes), size=sizes[0], normalize=normalize, seed=seed).fit(vectors[known])
    return item_codes(tokenizer.encode(vectors[1:]), sizes, codes.raw_ids, about={"unseen": len(items)})


def newcomers_right(codes: ItemCodes, items: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Do items that the tokenizer never saw land among their own kind? A row a level: met, the share of `items` whose
    prefix holds known items; right, of all, the share whose label is the commonest among those; chance, the same
    with the labels of `items` permuted, on average. Items without a label are left out."""
    label = numbered(labels)
    asked, known = items[label[items] >= 0], np.setdiff1d(np.flatnonzero(label >= 0), items)
    rows = []
    for depth in range(1, codes.levels + 1):
        node = codes.trie.node[:, depth]
        pairs, count = np.unique(np.column_stack([node[known], label[known]]), axis=0, return_counts=True)
        best = np.full(len(codes.trie.counts[depth]), -1)
        order = np.argsort(count, kind="stable")
        best[pairs[order, 0]] = pairs[order, 1]  # the last one written, the commonest, stays
        guess = best[node[asked]]
        share = np.bincount(label[asked], minlength=label.max() + 1) / max(1, len(asked))
        rows.append({
            "met": float((guess >= 0).mean()), "right": float((guess == label[asked]).mean()),
            "chance": float(np.where(guess >= 0, share[guess], 0).mean()),
        })  # fmt: skip
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def side_by_side(
    kinds: dict[str, ItemCodes], *, labels: np.ndarray | None = None, histories: Histories | None = None, depth: int = 1
) -> pd.DataFrame:
    """Codes and their controls, a row each: how finely the first `depth` codes cut the catalogue (bits), and what they
    tell about the label and about what follows what, both above chance; collisions of the full code without its dedup
    digit. Columns that need labels or histories are there only if those are."""
    rows = {}
    for name, codes in kinds.items():
        whole = _collisions(codes.trie.counts[digits(codes)], codes.n_items)
        at = min(depth, codes.levels)
        row = {"levels": digits(codes), "distinct": int(whole["distinct"]), "in_collision": whole["in_collision"]}
        row["bits"] = entropy(codes.trie.counts[at])
        if labels is not None:
            row["category_above_chance"] = purity(codes, labels)["above"][at]
        if histories is not None:
            row |= together(codes, histories).loc[at].add_prefix("together_").to_dict()
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("codes")
