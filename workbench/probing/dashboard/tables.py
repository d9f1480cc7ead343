"""The feature tables of a dictionary: everything measured of its latents, stored together."""
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.errors import UserError


@dataclass(frozen=True)
class FeatureTables:
    """Measurements of a dictionary's latents as data frames; about: properties of the whole dictionary, as JSON values.

    latents: one row per selected latent, in order of significance and effect: the columns of `concept_test` or of the
    feature table, active_positions (their number), density, activation_p99 (the step of steering at strength 1) and
    sampled (drawn at random). The others have a column latent: histograms (low, high, count), positions (kind, band,
    value, user, position, last, next, level), profiles (family, bin, share of the latent's activation, base: share of
    all positions), neighbors (other, cosine, its concept, significant), score_changes (rank from 1 and from -1, item,
    change, member: is the item of the concept), dose_response (as `dose_response_curves`), example_lists of one user
    (user, strength, rank, item, rank_before: at strength 0, 0 if absent, member).
    """

    about: dict
    latents: pd.DataFrame
    histograms: pd.DataFrame
    positions: pd.DataFrame
    profiles: pd.DataFrame
    neighbors: pd.DataFrame
    score_changes: pd.DataFrame
    dose_response: pd.DataFrame
    example_lists: pd.DataFrame

    def of_latent(self, latent: int) -> dict[str, pd.DataFrame]:
        """The rows of one latent in every table. Raises UserError if it was not selected."""
        if latent not in self.latents.index:
            raise UserError(f"latent {latent} is not among the {len(self.latents)} of these tables")
        tables = {name: getattr(self, name) for name in table_names(FeatureTables) if name != "latents"}
        rows = {name: table[table["latent"] == latent] for name, table in tables.items()}
        return {"latents": self.latents.loc[[latent]], **rows}

    def save(self, folder: Path) -> None:
        """Write one Parquet file per table and about.json into a folder."""
        for name in table_names(FeatureTables):
            getattr(self, name).to_parquet(Path(folder) / f"{name}.parquet")
        (Path(folder) / "about.json").write_text(json.dumps(self.about))

    @staticmethod
    def load(folder: Path) -> "FeatureTables":
        """Read what `save` wrote."""
        tables = {name: pd.read_parquet(Path(folder) / f"{name}.parquet") for name in table_names(FeatureTables)}
        return FeatureTables(about=json.loads((Path(folder) / "about.json").read_text()), **tables)


def table_names(kind: type) -> list[str]:
    """The names of the fields that are tables."""
    return [field.name for field in fields(kind) if field.name != "about"]


def select_latents(
    features: pd.DataFrame, active_positions: np.ndarray, *, latents: int, sample: int, seed: int
) -> pd.DataFrame:
    """The latents of a dashboard, significant ones first, by effect: the first `latents` of them, and `sample` drawn at
    random from all that are active. active_positions: (m,) how often each latent is active. Adds the columns
    active_positions and sampled to a feature table of m rows."""
    alive = np.flatnonzero(active_positions > 0)
    drawn = np.random.default_rng(seed).permutation(alive)[:sample]
    sampled = np.isin(np.arange(len(active_positions)), drawn)
    table = features.assign(active_positions=active_positions, sampled=sampled).loc[alive]
    table = table.sort_values(["significant", "effect"], ascending=False, na_position="last", kind="stable")
    selected = table.index[:latents].union(pd.Index(drawn))
    return table[table.index.isin(selected)]
