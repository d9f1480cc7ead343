"""The tokenizer card in detail: by level and length of the prefix, by interactions, and by popularity of the items."""
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from workbench.data import Histories
from workbench.diagnose.models import code_figures as figures
from workbench.diagnose.models import weighted_usage as usage
from workbench.diagnose.models.code_card import PERMUTED, RANDOM, RANDOM_DRAWS, TELLS
from workbench.diagnose.models.codes import encode_labels, prefix_purity, transition_sharing
from workbench.diagnose.models.mutual_information import prefix_agreement
from workbench.diagnose.models.near_texts import NearTexts, colliding_texts
from workbench.tokens import ItemCodes
from workbench.train.rng import named_rng

Found = dict[str, tuple[float, float]]  # value and null by figure
PARTS = {
    "usage": "How the codebook of each level is used.",
    "interactions": "How codes are used where each item counts as often as it has interactions in train.",
    "collisions": "Items that share all codes, and the digit that tells them apart.",
    "meaning": "What the codes so far say about category and next item; by interactions, items count by theirs.",
    "popularity": "By tenth of the items in order of their interactions in train; decile 1 is the most popular.",
    "stability": "How far codes stay the same when the tokenizer is fitted again; blank for kinds that are not fitted.",
}
COLUMNS = ["part", "value", "null", "control", "tells"]
WEIGHTED = ", by interactions"
ENDS = re.compile(rf"{WEIGHTED}|, code \d+|, decile \d+")  # of names, after what the figure is
DETAIL_TELLS = TELLS | {
    "used share": "share of the codebook that some item has",
    "dead codes": "codes that no item has",
    "perplexity share": "codes in even use / codebook size",
    "Gini": "0 if every code has as many items, towards 1 if one has all",
    "std": "standard deviation of the items of a code, dead codes included",
    "unique prefix": "share of items whose codes so far no other item has",
    "dedup digit, bits": "entropy of the digit over the items",
    "dedup digit, zero": "share of items with digit 0, the first of those that share their codes",
    "collisions, items, after the dedup digit": "share of items that share all codes, digit included, with another",
    "collisions, near-duplicate text": "share of colliding pairs with a cosine of TF-IDF of .95 or more",
    "purity": "share of items with the majority category of their codes so far",
    "AMI": "adjusted mutual information of category and codes so far: 0 by chance, 1 if both group the items alike",
    "co-occurrence": "share of the 20 items that co-occur most in train that have the same codes so far",
    "transitions": "how often the next item of a train history has the same codes so far",
    "agreement of two seeds": "AMI of the codes so far of two seeds: 0 by chance, 1 if both group the items alike",
    "churn": "share of items whose first code changes when a tenth of the items is new",
}


def code_details(
    codes: ItemCodes, *, labels: np.ndarray | None = None, histories: Histories | None = None,
    popularity: np.ndarray | None = None, texts: NearTexts | None = None, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """What the tokenizer card leaves out, one row per figure: part, one of PARTS; value; null, its value for the
    control; which control that is; and what it tells. Figures whose input is missing have no row. A figure `by
    interactions` counts each item as often as it has interactions in train.

    labels: (I+1,) categories, "" for none. histories: of train only. popularity: (I+1,) interactions of each item.
    texts: of `near_texts`. Controls: as of `code_card`.
    """
    content = figures.first_codes(codes, codes.levels)
    used, collided = _against_random(codes, content, seed)
    frames = [detail_rows("usage", RANDOM, used)]
    if popularity is not None:
        weighted = usage.usage_by_interactions(content, popularity, seed=seed)
        frames.append(detail_rows("interactions", PERMUTED, _by_interactions(weighted)))
    frames.append(detail_rows("collisions", RANDOM, collided))
    if texts is not None:
        near = {"collisions, near-duplicate text": colliding_texts(content, texts)}
        frames.append(detail_rows("collisions", PERMUTED, near))
    if labels is not None and len(np.unique(encode_labels(labels)[1:])) > 1:
        frames.append(detail_rows("meaning", PERMUTED, _categories(content, labels, popularity, seed)))
    if histories is not None:
        frames.append(detail_rows("meaning", PERMUTED, _next_items(content, histories, popularity, seed)))
    if popularity is not None:
        frames.append(detail_rows("popularity", PERMUTED, usage.by_decile(content, popularity)))
    return pd.concat(frames)


def detail_rows(part: str, control: str, found: Found) -> pd.DataFrame:
    """Rows of one part and control from values and nulls by figure; a figure whose value is nan has none."""
    known = {name: pair for name, pair in found.items() if not np.isnan(pair[0])}
    rows = {name: (part, *pair, control, DETAIL_TELLS[ENDS.split(name)[0]]) for name, pair in known.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).rename_axis("figure")


def what_they_tell(names: Iterable[str]) -> dict[str, str]:
    """What figures of the detailed card tell, those of several codes, or deciles, or by interactions once."""
    return {figure: DETAIL_TELLS[figure] for figure in (ENDS.split(name)[0] for name in names)}


def _against_random(codes: ItemCodes, content: ItemCodes, seed: int) -> tuple[Found, Found]:
    """How the codebooks of each level are used, and the dedup digit, against the mean of random codes."""
    rng, alike = named_rng(seed, "random codes of a detailed card"), np.append(0, np.ones(content.n_items))
    drawn = [figures.balanced_random(content, rng) for _ in range(RANDOM_DRAWS)]

    def of_levels(of: ItemCodes) -> dict[str, float]:
        unique = {name: value for name, value in usage.weighted_means(of, alike).items() if name.startswith("unique")}
        return usage.level_usage(of, alike) | unique

    by_chance = pd.DataFrame([of_levels(of) for of in drawn]).mean()
    used = {name: (value, float(by_chance[name])) for name, value in of_levels(content).items()}
    if content.levels == codes.levels:
        return used, {}
    digits = [figures.dedup_digit(codes, of) for of in drawn]
    return used, {name: (row[0], float(np.mean([of[name][1] for of in digits]))) for name, row in digits[0].items()}


def _categories(content: ItemCodes, labels: np.ndarray, popularity: np.ndarray | None, seed: int) -> Found:
    """What prefixes of each length say about the category."""
    purity = prefix_purity(content, labels, seed=seed)
    found = {f"purity, code {depth}": (row["purity"], row["chance"]) for depth, row in purity.iterrows()}
    found |= {f"purity above chance, code {depth}": (value, 0.0) for depth, value in purity["above_chance"].items()}
    found |= {f"AMI, code {depth}": (value, 0.0) for depth, value in enumerate(prefix_agreement(content, labels), 1)}
    if popularity is None:
        return found
    return found | _by_interactions(usage.categories_by_interactions(content, labels, popularity, seed=seed))


def _next_items(content: ItemCodes, histories: Histories, popularity: np.ndarray | None, seed: int) -> Found:
    """How often items that go together in train share prefixes of each length."""
    items, recall = figures.co_occurrence_recall(content, histories, seed=seed)
    chance = [figures.pair_chance(counts) for counts in content.trie.counts[1:]]

    def means(weights: np.ndarray | None) -> Found:
        return {f"co-occurrence, code {depth}": (float(np.average(row, weights=weights)), null)
                for depth, (row, null) in enumerate(zip(recall, chance), 1)}  # fmt: skip

    found = means(None) if len(items) else {}
    if len(items) and popularity is not None and popularity[items].any():
        found |= _by_interactions(means(popularity[items]))
    shared = transition_sharing(content, histories)
    return found | {f"transitions, code {depth}": (row["shared"], row["chance"]) for depth, row in shared.iterrows()}


def _by_interactions(found: Found) -> Found:
    """The figures, with `by interactions` in their names, before the code."""
    split = {name: name.partition(", code") for name in found}
    return {f"{first}{WEIGHTED}{code}{rest}": found[name] for name, (first, code, rest) in split.items()}
