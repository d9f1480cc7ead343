"""The atlas of a dictionary: what was measured of its latents, as tables that are stored together."""
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.errors import UserError


@dataclass(frozen=True)
class Atlas:
    """What was measured of a dictionary, as data frames; about: of the whole, as JSON values.

    latents: a row a latent that is shown, in the order of certified effect: what `certify` found, fires (units),
    density, strong (a_j, how far one push goes) and sampled (one of those drawn at random). The others have a column
    latent: histograms (low, high, count), units (kind, band, value, user, place, last, next, level), profiles (family,
    bin, share of the latent's activation, base: share of all units), near (other, cosine, its concept, certified),
    moved (rank from 1 and from -1, item, change, member: is it of the concept), curves (as `doses.curves`), lists of
    one user (user, strength, place, item, before: its place at strength 0, 0 for none, member).
    """

    about: dict
    latents: pd.DataFrame
    histograms: pd.DataFrame
    units: pd.DataFrame
    profiles: pd.DataFrame
    near: pd.DataFrame
    moved: pd.DataFrame
    curves: pd.DataFrame
    lists: pd.DataFrame

    def of(self, latent: int) -> dict[str, pd.DataFrame]:
        """The rows of one latent in every table. UserError where it is not shown."""
        if latent not in self.latents.index:
            raise UserError(f"latent {latent} is not among the {len(self.latents)} of this atlas")
        tables = {name: getattr(self, name) for name in tables_of(Atlas) if name != "latents"}
        rows = {name: table[table["latent"] == latent] for name, table in tables.items()}
        return {"latents": self.latents.loc[[latent]], **rows}

    def save(self, folder: Path) -> None:
        """Write a parquet a table and about.json into a folder."""
        for name in tables_of(Atlas):
            getattr(self, name).to_parquet(Path(folder) / f"{name}.parquet")
        (Path(folder) / "about.json").write_text(json.dumps(self.about))

    @staticmethod
    def load(folder: Path) -> "Atlas":
        """What `save` wrote."""
        tables = {name: pd.read_parquet(Path(folder) / f"{name}.parquet") for name in tables_of(Atlas)}
        return Atlas(about=json.loads((Path(folder) / "about.json").read_text()), **tables)


def tables_of(kind: type) -> list[str]:
    """Names of the fields that are tables."""
    return [field.name for field in fields(kind) if field.name != "about"]


def chosen(certified: pd.DataFrame, fires: np.ndarray, *, latents: int, sample: int, seed: int) -> pd.DataFrame:
    """The latents that are shown, the certified first, by effect: the first `latents` of them, and `sample` drawn at
    random from all that fire (m,), whatever was found. Adds fires and sampled to a certified table of m rows."""
    alive = np.flatnonzero(fires > 0)
    drawn = np.random.default_rng(seed).permutation(alive)[:sample]
    table = certified.assign(fires=fires, sampled=np.isin(np.arange(len(fires)), drawn)).loc[alive]
    table = table.sort_values(["certified", "effect"], ascending=False, na_position="last", kind="stable")
    kept = table.index[:latents].union(pd.Index(drawn))
    return table[table.index.isin(kept)]
