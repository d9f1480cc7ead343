"""Is a latent about a category, or a copy of the code that was just read?

A slot that foretells code l has read the l codes before it, and codes know the category. So a latent there that fires
on the items of one category may say no more than a prefix does. It goes beyond the code where it tells the category
among items of the same prefix, and labels dealt out again within prefixes do not look as good.
"""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import DRAWS, by_item, halves, read_at, spread
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.concepts.permutation_test import RATE, step_up
from workbench.probing.concepts.stratified_test import centred, effects, tested
from workbench.tokens import ItemCodes

Side = tuple[Activations, csr_matrix]


def beyond_the_code(
    discovery: Side, held_out: Side, concepts: Concepts, codes: ItemCodes, counts: np.ndarray, *, draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """A row a latent and level: the concept of the item that is spelled which it goes with best on the discovery users
    and half of the items, and two tests on the held-out users and the other half.

    discovery, held_out: units of a spelling network and their latents (n, m). counts: (I+1,) train counts. The
    statistic is of items: the mean activation at the slots of a level that go before an item, the mean difference
    between members and others. Columns: level, which is also how many codes of the item the slot has read; latent;
    overall, p_overall, q_overall: all items side by side, labels dealt out again among items as popular, certified as
    by `certify`; within, p, q: items of the same prefix side by side, labels dealt out within prefixes, and within
    bands of popularity where a prefix has enough items (`within.cells`); beyond: certified, and q below .05. At level 0
    nothing of the item was read, so there the two tests are one. mixed and p as in `within.Tested`; p is NaN too for
    latents that are silent. q is over the latents of a level.
    """
    parts = []
    for level in range(codes.levels):
        (rows, items), (held, asked) = _sides(discovery, held_out, level, codes.n_items, seed)
        alone, known = np.zeros(len(items)), concepts.members[items]
        best = effects(centred(rows, alone), known, alone).argmax(axis=1)
        alive, found = rows.any(axis=0) & held.any(axis=0), {"level": level, "latent": np.arange(len(best))}
        for names, prefix in ((("overall", "p_overall", "q_overall"), np.zeros(len(asked), np.int64)),
                              (("within", "p", "q"), codes.trie.node[asked, level])):  # fmt: skip
            told = tested(held, concepts.members[asked], best, prefix, counts[asked], draws=draws, seed=seed)
            p = np.where(alive, told.p, np.nan)
            found |= dict(zip(names, (told.effect, p, step_up(p))))
        at = np.flatnonzero(held_out[0].level == level)
        z, following = held_out[1][at], held_out[0].next[at]
        mass = np.asarray(z.sum(axis=0)).ravel()
        sure = (found["q_overall"] < RATE) & (spread(z, following)["effective"] >= 2)
        parts.append(pd.DataFrame(found | {
            "concept": np.where(alive, concepts.names[best], None), "mixed": told.mixed, "certified": sure,
            "family": np.where(alive, concepts.families[best], None),
            "beyond": sure & (found["q"] < RATE), "mass": mass / max(mass.sum(), 1e-12),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _sides(discovery: Side, held_out: Side, level: int, n_items: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean latents (n, m) at the slots of a level before each item (n,): of one half of the items on the discovery
    users, of the other on the held-out ones."""
    out = []
    for side, (units, z) in enumerate((discovery, held_out)):
        at = np.flatnonzero(units.level == level)
        weight = read_at(units.take(at), "next", n_items)
        met = np.asarray(weight.sum(axis=0)).ravel() > 0
        items = np.flatnonzero(met & (halves(n_items, seed) == side))
        out.append((by_item(z[at], weight)[items], items))
    return out


def reach(
    discovery: Activations, held_out: Activations, concepts: Concepts, codes: ItemCodes, counts: np.ndarray, *,
    draws: int = DRAWS, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """What the test within prefixes could see, and whether anything is there: a row a concept and level.

    p_known: of a latent that knew the concept itself, NaN where the labels cannot be dealt out in enough ways; if that
    one fails, the test has no power there. p, q: of a direction that nobody had to learn sparsely, the mean difference
    of the activations between the concept's items and others of the same prefix, on the discovery side.
    """
    sides = [(units, csr_matrix(units.x)) for units in (discovery, held_out)]
    parts, each = [], np.arange(len(concepts.names))
    for level in range(codes.levels):
        (rows, items), (held, asked) = _sides(*sides, level, codes.n_items, seed)
        prefix = codes.trie.node[:, level]
        apart = centred(concepts.members[items].toarray(), prefix[items])
        direction = centred(rows, prefix[items]).T @ apart
        seen, members = centred(held, prefix[asked]) @ direction, concepts.members[asked]
        known, told = (tested(some, members, each, prefix[asked], counts[asked], draws=draws, seed=seed)
                       for some in (members.toarray(), seen))  # fmt: skip
        parts.append(pd.DataFrame({"level": level, "concept": concepts.names, "p_known": known.p, "within": told.effect,
                                   "p": told.p, "q": step_up(told.p)}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def copies(table: pd.DataFrame) -> pd.DataFrame:
    """`beyond_the_code` in a row a level: latents that are certified, and the share of activation they carry; of these
    how many could be tested within prefixes, how many go beyond, and as a share of those tested; mass_beyond: the share
    of activation of latents that go beyond."""
    rows = {}
    for level, found in table.groupby("level"):
        sure = found[found["certified"]]
        asked, beyond = int(sure["p"].notna().sum()), int(sure["beyond"].sum())
        rows[level] = {
            "certified": len(sure), "mass": sure["mass"].sum(), "tested": asked, "beyond": beyond,
            "share": beyond / asked if asked else np.nan, "mass_beyond": sure["mass"][sure["beyond"]].sum(),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("level")
