"""The tokenizer card: statistics of semantic IDs, each beside the value that it has by chance."""
import numpy as np
import pandas as pd

from workbench.data import Histories
from workbench.diagnose.models import code_figures as figures
from workbench.diagnose.models.codes import encode_labels, prefix_purity, transition_sharing
from workbench.diagnose.models.mutual_information import prefix_mutual_information
from workbench.tokens import ItemCodes
from workbench.train.rng import named_rng

RANDOM, PERMUTED = "random codes", "permuted codes"  # the controls
RANDOM_DRAWS = 5
TELLS = {
    "used share": "share of the codebook that some item has; worst level",
    "dead codes": "codes that no item has; all levels",
    "perplexity share": "codes in even use / codebook size; worst level",
    "Gini": "0 if every code has as many items, towards 1 if one has all; worst level",
    "bits": "information that the code adds to those before it",
    "leftover bits": "information about which item it is that the codes lack",
    "ambiguity": "items that share the codes so far with an item, itself included",
    "children": "codes that follow a prefix, mean",
    "single child": "share of prefixes that determine the next code",
    "collisions, items": "share of items that share all codes with another",
    "collisions, excess": "1 - distinct codes / items",
    "collisions, pairs": "share of pairs of items that share all codes",
    "dedup digit": "share of an item's information that only the dedup digit holds, which says nothing about it",
    "hourglass": "0 if the middle levels are used as evenly as the outer ones, towards 1 if not",
    "purity": "items with the majority category of their first code",
    "purity above chance": "the same, 0 by chance and 1 if it determines the category",
    "category information": "share of the information about the category that the codes so far hold",
    "collisions, same category": "share of colliding pairs that are of one category",
    "neighbours kept": "share of the 10 items with the nearest vectors among the 10 nearest by codes (NP@10)",
    "co-occurrence": "share of the 20 items that co-occur most in train that have the same first code",
    "transitions": "how often the next item of a train history has the same first code",
    "unexplained variance": "share of the variance of the vectors that the codes so far leave",
    "ambiguity, head": "items that share the first code with an item of the most popular tenth",
    "ambiguity, tail": "items that share the first code with an item of the less popular half",
    "collisions, head": "share of the most popular tenth that shares all codes with another item",
    "collisions, tail": "share of the less popular half that shares all codes with another item",
    "exposure": "Gini of interactions over first codes, minus Gini of items: above chance, codes gather popular items",
}


def code_card(
    codes: ItemCodes, *, vectors: np.ndarray | None = None, labels: np.ndarray | None = None,
    histories: Histories | None = None, popularity: np.ndarray | None = None, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The tokenizer card, one row per figure: its value; null, its value for the control; which control that is; and
    what it tells. Without the dedup digit. Figures whose input is missing have no row.

    vectors: (I+1, D) item vectors. labels: (I+1,) categories, "" for none. histories: of train only. popularity: (I+1,)
    interactions of each item. Controls: `random codes`, balanced ones of the same sizes, for what permuting the codes
    among items leaves as it is; `permuted codes` for all else.
    """
    content = figures.first_codes(codes, codes.levels)
    rows = _structure_rows(content, digit=content.levels < codes.levels, seed=seed)
    if labels is not None and len(np.unique(encode_labels(labels)[1:])) > 1:
        rows |= _category_rows(content, labels, seed)
    if vectors is not None:
        rows["neighbours kept"] = *figures.neighbour_preservation(vectors, content, seed=seed), PERMUTED
    if histories is not None:
        rows["co-occurrence"] = *figures.collaborative_alignment(content, histories, seed=seed), PERMUTED
        shared = transition_sharing(figures.first_codes(content, 1), histories).loc[1]
        rows["transitions"] = shared["shared"], shared["chance"], PERMUTED
    left = codes.about.get("unexplained_variance", [])[: content.levels]
    for level, (value, null) in enumerate(zip(left, figures.unexplained_by_chance(content)), 1):
        rows[f"unexplained variance, code {level}"] = float(value), null, RANDOM
    if popularity is not None:
        rows |= {name: (*pair, PERMUTED) for name, pair in figures.head_and_tail(content, popularity).items()}
        rows["exposure"] = *figures.exposure(content, popularity, seed=seed), PERMUTED
    rows = {name: row for name, row in rows.items() if not np.isnan(row[0])}
    card = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "null", "control"]).rename_axis("figure")
    return card.assign(tells=[TELLS[name.partition(", code")[0]] for name in card.index])


def _structure_rows(content: ItemCodes, *, digit: bool, seed: int) -> dict[str, tuple[float, float, str]]:
    """Rows of the trie, against the mean of random tries."""
    rng = named_rng(seed, "random codes of a card")
    drawn = pd.DataFrame([figures.structure(figures.balanced_random(content, rng)) for _ in range(RANDOM_DRAWS)]).mean()
    rows = {name: (value, float(drawn[name]), RANDOM) for name, value in figures.structure(content).items()}
    if digit:
        bits = max(np.log2(content.n_items), 1e-12)
        rows["dedup digit"] = rows["leftover bits"][0] / bits, rows["leftover bits"][1] / bits, RANDOM
    return rows


def _category_rows(content: ItemCodes, labels: np.ndarray, seed: int) -> dict[str, tuple[float, float, str]]:
    """Rows of what the codes say about the category, against permuted labels."""
    purity = prefix_purity(figures.first_codes(content, 1), labels, seed=seed).loc[1]
    rows = {"purity": (purity["purity"], purity["chance"], PERMUTED),
            "purity above chance": (purity["above_chance"], 0.0, PERMUTED)}  # fmt: skip
    for level, row in prefix_mutual_information(content, labels, seed=seed).iterrows():
        rows[f"category information, code {level}"] = row["share"], row["chance"], PERMUTED
    return rows | {"collisions, same category": (*figures.colliding_categories(content, labels), PERMUTED)}


def cards_side_by_side(cards: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The cards of several kinds by name, one row per figure and two columns per kind: KIND and `KIND null`. A figure
    that a kind does not have is nan."""
    longest = max(cards.values(), key=len, default=pd.DataFrame()).index
    names = [*longest, *dict.fromkeys(name for card in cards.values() for name in card.index if name not in longest)]
    columns = {f"{kind}{end}": card[column] for kind, card in cards.items()
               for end, column in (("", "value"), (" null", "null"))}  # fmt: skip
    return pd.DataFrame(columns).reindex(names).rename_axis("figure")
