"""A stage that puts dictionaries side by side by what of their activation is certified, over seeds and users."""
import pandas as pd

from workbench.errors import UserError, unknown
from workbench.experiment.probing.train_sae import certified, sides
from workbench.experiment.run import Run
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.absorption import twins
from workbench.probing.concepts.dictionary_comparison import ahead, by_user
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.progress import track

Side = list[tuple[Activations, Dictionary]]  # what was read and a dictionary of it, one a seed


def claims(
    run: Run, rivals: dict[str, Side], *, ours: str = "topk", source: str = "last", draws: int = 999, ways: int = 5
) -> pd.DataFrame:
    """A row a kind of dictionary, most certified activation first: certified activation and latents, latents that fire,
    that fire at one item alone, concepts (means over seeds), and the share that have a twin in the dictionary of the
    next seed (NaN of one seed); and for all but ours by how much ours is ahead, `by` with `low` and `high` over users,
    seeds and `ways` of dealing the items into those that concepts are chosen on and those that they are tested on.
    `interpretable` is true for ours where it is ahead of every rival for sure.

    A dictionary of few latents passes more easily: at `draws` permutations the least q is latents / (draws + 1).
    UserError where ours is not among the rivals, or alone, or a side is empty.
    """
    if ours not in rivals:
        raise unknown("dictionary", ours, rivals)
    if len(rivals) < 2 or not all(rivals.values()) or ways < 1:
        raise UserError(f"{ours} alone proves nothing; give at least one rival, each with a seed, and ways=1 or more")
    rows, users = {}, {}
    for kind, seeds in rivals.items():
        counted, users[kind] = [], []
        for cached, found in track(seeds, f"certify {kind}", unit="seeds", stages=True):
            tables = [certified(run, cached, found, source=source, draws=draws, seed=way) for way in range(ways)]
            units, z = sides(cached, found)[1]
            users[kind].append([by_user(units, z, table["certified"].to_numpy()) for table in tables])
            counted += [_counted(table) for table in tables]
        rows[kind] = {**pd.DataFrame(counted).mean(), "have a twin": _twins(seeds), "seeds": len(seeds)}
    told = pd.DataFrame.from_dict(rows, orient="index").rename_axis("dictionary")
    gaps = {kind: ahead(users[ours], users[kind]) for kind in rivals if kind != ours}
    told = told.join(pd.DataFrame.from_dict(gaps, orient="index", columns=["by", "low", "high"]))
    told["interpretable"] = [kind == ours and all(gap.low > 0 for gap in gaps.values()) for kind in told.index]
    return told.sort_values("certified activation", ascending=False, kind="stable")


def _twins(seeds: Side) -> float:
    """The mean share of directions of one seed that have a twin among those of the next."""
    directions = [found.decoder.numpy() for _, found in seeds]
    pairs = [twins(a, b) for a, b in zip(directions, directions[1:])]
    return sum(pairs) / len(pairs) if pairs else float("nan")


def _counted(table: pd.DataFrame) -> dict[str, float]:
    passed = table[table["certified"]]
    return {"certified activation": float(passed["mass"].sum()), "certified latents": len(passed),
            "that fire": int(table["p"].notna().sum()), "concepts": passed["concept"].nunique(),
            "one item alone": int(((table["effective"] > 0) & (table["effective"] < 2)).sum())}  # fmt: skip
