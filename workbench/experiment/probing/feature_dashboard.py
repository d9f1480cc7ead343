"""The stage behind the dashboard: an atlas of a dictionary's latents, with what pushing along them does, stored."""
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, vstack

from workbench.artifacts import code_hash, digest
from workbench.errors import UserError
from workbench.experiment.probing.causal_tests import held_out
from workbench.experiment.probing.feature_table import concepts
from workbench.experiment.probing.train_sae import SHARES, data_of, fits, sides, stand_in
from workbench.experiment.run import Run
from workbench.probing.activations.hooks import fingerprint
from workbench.probing.activations.store import Activations
from workbench.probing.dashboard import feature_stats
from workbench.probing.dashboard.tables import Atlas, chosen
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import dose_response
from workbench.probing.interventions.faithfulness import summary
from workbench.probing.interventions.steering import Steering, strong
from workbench.tokens import ItemCodes


def unseen(cached: Activations, found: Dictionary) -> tuple[Activations, csr_matrix]:
    """The units of all users that a dictionary was not learned on, with its latents in units of the site (n, m)."""
    learned_on = np.unique(cached.users(SHARES)[0].user)
    (_, first), (_, second) = sides(cached, found)
    place = [np.flatnonzero(np.isin(cached.user, np.unique(part.user))) for part in cached.users(SHARES)[1:]]
    order = np.argsort(np.concatenate(place))
    return cached.take(~np.isin(cached.user, learned_on)), vstack([first, second], format="csr")[order]


def steering(run: Run, cached: Activations, found: Dictionary, *, z: csr_matrix | None = None) -> Steering:
    """What it takes to push along a dictionary's latents in a run's network; one push is the 99th percentile of what a
    latent fires on users that the dictionary was not learned on. z: its latents there, as of `unseen`, if known.

    UserError where the dictionary is of another site, other weights or other data.
    """
    model = run.recommender()
    found.on(cached.fingerprint).on(fingerprint(model.module, cached.site, data_of(run)))
    amount = strong(unseen(cached, found)[1] if z is None else z)
    return Steering(model, cached.site, found, amount, run.bench().protocol.mask_history)


def atlas(
    run: Run, cached: Activations, found: Dictionary, certified: pd.DataFrame, *, latents: int = 100,
    sample: int = 100, users: int = 256, codes: ItemCodes | None = None, seed: int = 0,
) -> Atlas:  # fmt: skip
    """An atlas of the `latents` of largest certified effect and of `sample` more drawn at random from all that fire, on
    users that the dictionary was not learned on; stored.

    certified: what `probing.certified` or `latents.latents` gave. users: held-out test cases that are pushed along each
    latent. codes: semantic IDs whose prefixes are profiled; those of the run where it has some. A recommender that
    spells items takes some twenty times as long as one that scores them: give it fewer of each.
    UserError where the dictionary is of another site, where the table is not of it, and where no latent fires.
    """
    found.on(cached.fingerprint)
    fits(certified, found)
    if latents + sample < 1:
        raise UserError(f"latents={latents}, sample={sample}: there must be at least one latent to show")
    inputs = {
        "at": cached.fingerprint, "dictionary": found.digest(), "certified": digest(certified.to_json()),
        "latents": latents, "sample": sample, "users": users, "seed": seed,
        "codes": None if codes is None else digest(codes.codes.tolist()),
        "run": run.key,
        "code": code_hash("probing", "recommenders", "nets", "experiment/probing/feature_dashboard.py"),
    }  # fmt: skip

    def make(folder: Path) -> None:
        _make(run, cached, found, certified, inputs, codes).save(folder)

    return Atlas.load(run.bench().store.get("atlas", inputs, make))


def _make(
    run: Run, cached: Activations, found: Dictionary, certified: pd.DataFrame, inputs: dict, codes: ItemCodes | None
) -> Atlas:
    (part, z), split, seed = unseen(cached, found), run.bench().split, inputs["seed"]
    fires = np.diff(z.tocsc().indptr)
    if not fires.any():
        raise UserError(f"none of {found.latents} latents fires at any of {len(part):,} places: all are dead", code=3)
    desk = steering(run, cached, found, z=z)
    table = chosen(certified, fires, latents=inputs["latents"], sample=inputs["sample"], seed=seed)
    table = table.assign(density=table["fires"] / len(part), strong=desk.amount[table.index])
    shown = table.index.to_numpy()
    bins = feature_stats.popularity_bins(part.last, split.train_counts())
    profiles = [feature_stats.profile(z, shown, *bins, "popularity"),
                feature_stats.profile(z, shown, *feature_stats.place_bins(part), "place")]  # fmt: skip
    codes = getattr(desk.recommender, "codes", None) if codes is None else codes
    if codes is not None:
        profiles.append(feature_stats.prefixes(z, shown, codes.codes[part.last, 0]))
    near = feature_stats.near(found.decoder.numpy(), shown, np.flatnonzero(fires))
    curves, lists, moved, told = _pushed(run, cached, desk, table, inputs["users"], seed)
    return Atlas(
        about=_about(run, cached, found, certified) | _size(part, fires) | told, latents=table, curves=curves,
        lists=lists, moved=moved, near=near.join(certified[["concept", "certified"]], on="other"),
        histograms=feature_stats.histograms(z, shown), units=feature_stats.units(part, z, shown, seed=seed),
        profiles=pd.concat(profiles, ignore_index=True),
    )  # fmt: skip


def _pushed(run: Run, cached: Activations, desk: Steering, table: pd.DataFrame, users: int, seed: int) -> tuple:
    """Curves, one user's lists, items moved, and how these were measured."""
    shown, cases = table.index.to_numpy(), held_out(run, cached, users=users, seed=seed)
    if not len(cases.targets):
        raise UserError("no user that the dictionary was not learned on has a test case: nobody can be pushed", code=3)
    done, mine = dose_response.steer(desk, cases, shown), dose_response.members(concepts(run), table["concept"])
    curves = dose_response.curves(done, shown, desk.amount[shown], table["sampled"].to_numpy(), mine)
    push = desk.of(cases.histories)
    who = np.random.default_rng(seed).integers(0, len(cases.targets), len(shown))
    before = dose_response.unpushed(push, run.bench().split.n_items)
    lists = dose_response.marked(dose_response.shown(done, shown, who, before, cases.histories.users), shown, mine)
    others = max(0, int(table["sampled"].sum()) - 1)
    told = {"steered": len(cases.targets), "scored": len(push.scored), "algebraic": push.algebraic,
            "strengths": list(dose_response.STRENGTHS), "matched": min(dose_response.MATCHED, others),
            "depth": before.shape[1]}  # fmt: skip
    return curves, lists, dose_response.marked(feature_stats.moved(done.change, shown), shown, mine), told


def _size(part: Activations, fires: np.ndarray) -> dict:
    return {"units": len(part), "users": len(np.unique(part.user)), "alive": int((fires > 0).sum())}


def _about(run: Run, cached: Activations, found: Dictionary, certified: pd.DataFrame) -> dict:
    """What an atlas is of, and how good its dictionary is: its reconstruction on users that it was not learned on, what
    the network recovers over all test users."""
    kept = stand_in(run, cached, found)
    recovered = {name: kept[name]["mean"] for name in ("recovered", "low", "high")}
    numbers = {name: None if value is None or value != value else float(value) for name, value in recovered.items()}
    values = {name: float(kept["ndcg@10"][name]) for name in ("base", "spliced", "mean")}
    passed = certified["certified"].to_numpy(bool)
    return {
        "dataset": run.info["dataset"], "system": run.label, "data_hash": run.info["data_hash"],
        "fingerprint": cached.fingerprint, "site": cached.site.path, "form": found.about.get("form", ""),
        "k": found.k, "latents": found.latents, "width": cached.x.shape[1], "certified": int(passed.sum()),
        "mass": float(certified["mass"][passed].sum()),
        "recovered": numbers | values | {"said": kept["said"]["mean"]},
        **{name: float(value) for name, value in summary(found, cached.users(SHARES)[2].x, own=True).items()},
    }  # fmt: skip
