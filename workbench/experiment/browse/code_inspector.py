"""Inspect semantic IDs: statistics by level, collisions, control codes, and items that the tokenizer has never seen."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from workbench import embed
from workbench.arguments import public
from workbench.diagnose.models import codes as measures
from workbench.experiment.bench import Bench
from workbench.tokens import ItemCodes, RQKMeans

HELD_OUT = 10  # one item in 10 is encoded as unseen
CONTROL_COLUMNS = {
    "distinct": "distinct", "in_collision": "items that collide", "bits": "bits", "category_above_chance": "category",
    "transition_shared": "next item shares it", "transition_lift": "times chance",
}  # fmt: skip
UNSEEN_COLUMNS = {"covered": "prefix has known items", "accuracy": "its category is the majority",
                  "chance": "by chance"}  # fmt: skip


@public
@dataclass(frozen=True)
class CodeInspector:
    """Semantic IDs of a bench's items. vectors: (I+1, D) the item vectors they quantize; kind: of these vectors."""

    bench: Bench
    codes: ItemCodes
    vectors: np.ndarray
    kind: str

    def __repr__(self) -> str:
        return f"CodeInspector of {self.codes} from {self.source}, on {self.bench}"

    @property
    def source(self) -> str:
        """What the item vectors are computed from, in words."""
        return embed.KINDS[self.kind]

    def example_item(self, n: int = 0) -> int:
        """The n-th most frequent item in train among those that share all codes but the last with another item."""
        depth = max(1, measures.content_levels(self.codes) - 1)
        shared = np.append(0, self.codes.trie.counts[depth])[self.codes.trie.node[:, depth] + 1] > 1
        ranked = np.argsort(-(self.bench.split.train_counts() * shared)[1:], kind="stable") + 1
        return int(ranked[min(n, len(ranked) - 1)])

    def by_level(self) -> pd.DataFrame:
        """Codebook usage, one row per level: codes used, perplexity, Gini coefficient, entropy in bits."""
        return measures.usage_by_level(self.codes)

    def collisions(self) -> pd.DataFrame:
        """How many items share their semantic ID with another item, before and after the dedup code is appended."""
        return measures.collision_table(self.codes)

    def controls(self) -> dict[str, ItemCodes]:
        """These codes with their controls by name: random, permuted, hashed and, if items have categories, the category
        tree."""
        return measures.with_control_codes(self.codes, self.bench.dataset, seed=self.bench.seed)

    def compare_controls(self, *, depth: int = 1) -> pd.DataFrame:
        """These codes and their controls, one row each: distinct codes, collisions, and for the first `depth` codes the
        entropy in bits, how well they predict the category, and how often the next item of a train history shares
        them."""
        labels, histories = measures.item_categories(self.bench.dataset), self.bench.split.train
        frame = measures.compare_codes(self.controls(), labels=labels, histories=histories, depth=depth)
        frame = frame[[name for name in CONTROL_COLUMNS if name in frame]].rename(columns=CONTROL_COLUMNS)
        caption = f"Of the first {depth} codes" if depth > 1 else "Of the first code"
        caption += ": bits, its entropy over the catalogue; category, how well it predicts it (0 by chance, 1 always)"
        caption += "; how often the next item of a train history shares it, and the ratio of that to chance."
        frame.attrs["caption"] = caption
        return frame

    @property
    def unseen_items(self) -> np.ndarray:
        """(n,) every tenth item; `unseen` encodes them by a tokenizer that was not fitted on them."""
        items = self.bench.dataset.items.index.to_numpy()
        return items[min(HELD_OUT - 1, len(items) - 1) :: HELD_OUT]

    def unseen(self) -> ItemCodes:
        """Codes of a tokenizer that was fitted without `unseen_items` and then encoded them."""
        return self._unseen

    @cached_property
    def _unseen(self) -> ItemCodes:
        return measures.encode_unseen(self.vectors, self.codes, self.unseen_items, seed=self.bench.seed)

    def unseen_accuracy(self) -> pd.DataFrame:
        """How often `unseen_items` get the codes of their own category, one row per level; no row where the items have
        no categories."""
        labels = measures.item_categories(self.bench.dataset)
        if labels is None:
            frame = pd.DataFrame(columns=list(UNSEEN_COLUMNS.values()), index=pd.RangeIndex(1, 1, name="level"))
            frame.attrs["caption"] = f"{self.bench.dataset.name} has no categories to compare with codes of new items."
            return frame
        frame = measures.unseen_accuracy(self._unseen, self.unseen_items, labels).rename(columns=UNSEEN_COLUMNS)
        accuracy, chance = frame[["its category is the majority", "by chance"]].iloc[0]
        frame.attrs["caption"] = (f"{accuracy:.0%} of the unseen items have a first code whose known items are mostly "
                                  f"of their own category, {chance:.0%} by chance.")  # fmt: skip
        return frame

    def tokenizer(self) -> RQKMeans:
        """The residual k-means tokenizer of these codes, fitted again; its `centroids` are (L, K, D)."""
        levels = measures.content_levels(self.codes)
        return RQKMeans(levels=levels, size=self.codes.sizes[0], seed=self.bench.seed).fit(self.vectors[1:])


def inspect_codes(bench: Bench, *, vectors: str = "", levels: int = 3, size: int = 0, dim: int = 128) -> CodeInspector:
    """Inspect the semantic IDs of a bench's items by residual k-means: `inspect_codes(bench).by_level()`.

    vectors: the kind of item vectors, by default that of the dataset. levels: codes per item. size: codes per level, 0
    for the default. dim: columns of the vectors. UserError as `Bench.codes`.
    """
    kind = vectors or bench.default_vectors
    codes = bench.codes(vectors=kind, levels=levels, size=size, dim=dim)
    return CodeInspector(bench, codes, bench.vectors(kind, dim=dim), kind)
