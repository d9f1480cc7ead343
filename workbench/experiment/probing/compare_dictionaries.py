"""Compare dictionaries by the share of their activation in latents with a significant concept, over seeds and users."""
import pandas as pd

from workbench.errors import UserError, unknown_name
from workbench.experiment.probing.train_sae import concept_table, discovery_and_test
from workbench.experiment.run import Run
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.absorption import matched_fraction
from workbench.probing.concepts.dictionary_comparison import activation_by_user, bootstrap_difference
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.progress import track

Seeds = list[tuple[Activations, Dictionary]]  # activations and a dictionary of them, one pair per seed


def compare_dictionaries(
    run: Run, dictionaries: dict[str, Seeds], *, ours: str = "topk", source: str = "last", draws: int = 999,
    splits: int = 5,
) -> pd.DataFrame:  # fmt: skip
    """One row per kind of dictionary, by decreasing activation in significant latents. Means over seeds and splits:
    activation in significant latents, significant latents, active latents, concepts, single-item latents; matched
    across seeds, the mean share of latents with a match in the dictionary of the next seed (NaN for one seed).

    difference, low, high: activation in significant latents of `ours` minus that of the row, with a 95 % bootstrap
    interval over users, seeds and `splits` divisions of the items into a selection and a test half. interpretable: true
    for `ours` if all these intervals are above 0. The smallest possible q is latents / (draws + 1), so a dictionary
    with few latents reaches significance more easily.

    Raises UserError if `ours` is not among the dictionaries, is the only one, or a kind has no seed.
    """
    if ours not in dictionaries:
        raise unknown_name("dictionary", ours, dictionaries)
    if len(dictionaries) < 2 or not all(dictionaries.values()) or splits < 1:
        raise UserError(f"{ours} cannot be compared: pass at least two kinds of dictionary, each with one "
                        "seed or more, and splits=1 or more")  # fmt: skip
    rows, by_user = {}, {}
    for kind, seeds in dictionaries.items():
        summaries, by_user[kind] = [], []
        for activations, dictionary in track(seeds, f"test {kind}", unit="seeds", stages=True):
            settings = {"source": source, "draws": draws}
            tables = [concept_table(run, activations, dictionary, seed=seed, **settings) for seed in range(splits)]
            positions, z = discovery_and_test(activations, dictionary)[1]
            by_user[kind].append([activation_by_user(positions, z, table["significant"].to_numpy())
                                  for table in tables])  # fmt: skip
            summaries += [_summary(table) for table in tables]
        rows[kind] = {**pd.DataFrame(summaries).mean(), "matched across seeds": _matched_across_seeds(seeds),
                      "seeds": len(seeds)}  # fmt: skip
    comparison = pd.DataFrame.from_dict(rows, orient="index").rename_axis("dictionary")
    gaps = {kind: bootstrap_difference(by_user[ours], by_user[kind]) for kind in dictionaries if kind != ours}
    intervals = pd.DataFrame.from_dict(gaps, orient="index", columns=["difference", "low", "high"])
    comparison = comparison.join(intervals)
    all_above = all(gap.low > 0 for gap in gaps.values())
    comparison["interpretable"] = [kind == ours and all_above for kind in comparison.index]
    comparison = comparison.sort_values("activation in significant latents", ascending=False, kind="stable")
    comparison.attrs["caption"] = comparison_caption(comparison)
    return comparison


def comparison_caption(comparison: pd.DataFrame) -> str:
    """Whether `ours` may be called interpretable, and its difference to the best other dictionary. comparison: of
    `compare_dictionaries`."""
    ours = comparison.index[comparison["difference"].isna()][0]
    share = comparison["activation in significant latents"]
    best = share.drop(ours).idxmax()
    gap = comparison.loc[best]
    if comparison["interpretable"].any():
        claim = f"{ours} is called interpretable"
    elif share[ours] > share[best]:
        claim = f"{ours} is ahead of every rival on average, but not significantly: it is not called interpretable"
    else:
        claim = f"{ours} is not called interpretable: {best} has as much activation in significant latents, or more"
    return f"{claim}. {ours} minus {best}: {gap['difference']:+.2f} [{gap['low']:+.2f}, {gap['high']:+.2f}]."


def _matched_across_seeds(seeds: Seeds) -> float:
    """The mean share of directions of one seed with a match among those of the next; NaN for one seed."""
    directions = [dictionary.decoder.numpy() for _, dictionary in seeds]
    fractions = [matched_fraction(a, b) for a, b in zip(directions, directions[1:])]
    return sum(fractions) / len(fractions) if fractions else float("nan")


def _summary(table: pd.DataFrame) -> dict[str, float]:
    """The counts of one concept test."""
    significant = table[table["significant"]]
    return {"activation in significant latents": float(significant["activation_share"].sum()),
            "significant latents": len(significant), "active latents": int(table["p"].notna().sum()),
            "concepts": significant["concept"].nunique(),
            "single-item latents": int(table["effective_items"].between(0, 2, inclusive="neither").sum())}  # fmt: skip
