"""Stages that ask whether latents do what they stand for: taken away, and pushed, beside what needs no autoencoder."""
import logging
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.artifacts import code_hash
from workbench.data import Cases
from workbench.errors import UserError, unknown
from workbench.experiment.probing.feature_table import concepts
from workbench.experiment.probing.train_sae import SHARES, fits, sides
from workbench.experiment.run import Run
from workbench.interfaces import Scorer
from workbench.probing.activations.store import Activations, activations
from workbench.probing.concepts.concept_test import by_item, read_at
from workbench.probing.concepts.permutation_test import step_up
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import ablation, rival_directions
from workbench.progress import track

log = logging.getLogger("workbench")
CODE = ("probing", "evaluate", "recommenders", "nets", "experiment/probing/causal_tests.py",
        "experiment/probing/feature_table.py",
        "experiment/probing/train_sae.py")  # fmt: skip
FEW = 20  # users for whom a latent must fire before its effect is measured
STRENGTHS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # in the 99th percentile of the latent's activation
BOOSTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # in standard deviations of a user's scores
COLUMNS = ["concept", "users", "before", "change", "control", "p", "z"]


def held_out(run: Run, cached: Activations, *, users: int = 0, seed: int = 0) -> Cases:
    """The test cases of users that no dictionary of `cached` was learned or looked at on; at most `users`, if not 0."""
    if users < 0:
        raise UserError(f"users={users}: must be 0, for all, or more")
    cases = run.bench().split.test
    rows = np.flatnonzero(np.isin(cases.histories.users, cached.users(SHARES)[2].user))
    if users and users < len(rows):
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:users])
    return cases.take(rows)


def member_of(run: Run, concept: str) -> np.ndarray:
    """(I+1,) bool: which items are of a concept, by its name. UserError where there is none of that name."""
    known = concepts(run)
    if concept not in known.names:
        raise unknown("concept", concept, known.names)
    return known.members[:, known.names.tolist().index(concept)].toarray().ravel() > 0


def ablations(
    run: Run, cached: Activations, found: Dictionary, table: pd.DataFrame, *, latents: int = 10, controls: int = 249,
    users: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Take each of the certified latents with most activation away, for the held-out users for whom it fires: a row a
    latent with its concept, users, and what `steer.ablate` says, and q over the rows. Stored.

    users: at most that many of the held-out ones, all without; lists that are searched for take long.
    table: of `latents.latents` or `certify`. A row says `used` where q is below .05: certified, and it does something.
    The least p is 1 / (controls + 1), so controls must be more than 20 times the latents, or none can pass alone. A
    network that spells is not asked at a place that was read: there all held-out users count. UserError where the table
    or the dictionary is of another site.
    """
    chosen = fits(table, found)[table["certified"]].nlargest(latents, "mass")
    if controls < 20 * len(chosen):
        log.warning("%d controls for %d latents: one that moves its concept cannot pass alone", controls, len(chosen))
    inputs = {"run": run.key, "at": cached.fingerprint, "dictionary": found.digest(), "users": users,
              "of": chosen["concept"].to_dict(), "controls": controls, "code": code_hash(*CODE)}  # fmt: skip
    units = sides(cached, found)[0][1]

    def make(folder: Path) -> None:
        model, cases, rows = run.recommender(), held_out(run, cached, users=users), {}
        fires = _fires(model, cached, found, cases)
        for latent in track(list(chosen.index), "ablate", unit="latents"):
            who = np.flatnonzero(fires[:, latent])
            rows[latent] = {"concept": chosen["concept"][latent], "users": len(who)}
            if len(who) >= FEW:
                others, fired = ablation.alike(units, np.ones(found.latents), latent, controls), cases.take(who)
                member = member_of(run, chosen["concept"][latent])
                told = ablation.ablate(model, cached.site, found, latent, fired, member, controls=others)
                rows[latent] |= told
        out = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=COLUMNS).rename_axis("latent")
        q = step_up(out["p"].to_numpy(float))
        out.assign(q=q, used=q < 0.05).to_parquet(folder / "ablations.parquet")

    return pd.read_parquet(run.bench().store.get("ablations", inputs, make) / "ablations.parquet")


def _fires(model, cached: Activations, found: Dictionary, cases: Cases) -> np.ndarray:
    """(C, m) bool: which latents fire where the answer is made, after the last event of each history; all where that is
    no place that was read, as in networks that spell."""
    read = activations(model, cached.site, cases.histories.last(model.max_length))
    place = {int(user): at for at, user in enumerate(read.user)}  # the last row of a user stays
    rows = np.array([place.get(int(user), -1) for user in cases.histories.users])
    if (rows < 0).any() or (read.place[rows] != read.length[rows] - 1).any():
        return np.ones((len(rows), found.latents), bool)
    return (found.latents_of(read.x[rows]) > 0).toarray()


def steering(
    run: Run, cached: Activations, found: Dictionary, latent: int, concept: str, *, users: int = 500,
    controls: int = 20,
) -> pd.DataFrame:  # fmt: skip
    """Push along a latent, along rival directions of its concept and along `controls` latents like it, and boost the
    concept's scores: a row an arm and amount, with share, ndcg@10 and `off target` over held-out users. Stored.

    concept: by its name; empty for the ten items at which the latent fires most, where nothing is known of items.
    amount: of what is added at the site, in the 99th percentile of the latent's activation; of a boost, in standard
    deviations of a user's scores. The controls' rows have arm `like it, 0` ... Lists are not masked. UserError where
    there is no such latent or concept, or the dictionary is of another site.
    """
    if not 0 <= latent < found.latents:
        raise UserError(f"latent {latent}: this dictionary has latents 0 to {found.latents - 1}")
    inputs = {"run": run.key, "at": cached.fingerprint, "dictionary": found.digest(), "latent": latent,
              "concept": concept,
              "users": users, "controls": controls, "code": code_hash(*CODE)}  # fmt: skip
    units, z = sides(cached, found)[0]
    fired, lengths = z[:, latent].data, found.decoder.norm(dim=1).numpy()
    if not len(fired):
        raise UserError(f"latent {latent} does not fire on the users that it would be measured by; choose another")
    member = member_of(run, concept) if concept else _strongest(units, z, latent, run.bench().split.n_items)

    def make(folder: Path) -> None:
        model, cases, size = run.recommender(), held_out(run, cached, users=users), float(np.quantile(fired, 0.99))
        arms = {"the latent": found.decoder[latent].numpy() / lengths[latent]}
        item = getattr(model.module, "item", None)
        table = np.zeros((1, 0)) if item is None else item.weight.detach().cpu().numpy()
        arms |= rival_directions.directions(units.x, member[units.last], table, member)
        others = ablation.alike(z, np.ones(found.latents), latent, controls)
        arms |= {f"like it, {at}": found.decoder[other].numpy() / lengths[other] for at, other in enumerate(others)}
        curves = []
        for arm, direction in track(list(arms.items()), "steer", unit="directions"):
            curve = ablation.dose(model, cached.site, direction, [size * s for s in STRENGTHS], cases, member)
            curves.append(curve.assign(amount=STRENGTHS, arm=arm))
        if isinstance(model, Scorer):
            scores = model.score(cases.histories)[:, 1:]
            spread = float(np.nanstd(np.where(np.isfinite(scores), scores, np.nan), axis=1).mean())
            curve = ablation.boost(model, [spread * b for b in BOOSTS], cases, member)
            curves.append(curve.assign(amount=BOOSTS, arm="score boost"))
        pd.concat(curves, ignore_index=True).to_parquet(folder / "steering.parquet")

    return pd.read_parquet(run.bench().store.get("steering", inputs, make) / "steering.parquet")


def _strongest(units: Activations, z: csr_matrix, latent: int, n_items: int) -> np.ndarray:
    """(I+1,) bool: the ten items at which a latent fires most on average."""
    means = by_item(z[:, latent], read_at(units, "last", n_items)).ravel()
    member = np.zeros(n_items + 1, bool)
    member[np.argsort(-means, kind="stable")[:10]] = True
    return member & (means > 0)


def costs(curves: pd.DataFrame, *, gain: float = 0.2) -> pd.DataFrame:
    """A row an arm of `steering`: what of ndcg@10 it costs to raise the concept's share by `gain` (NaN where it never
    rises so far), what it gives over the range of amounts (`area`), and whether share follows the amount (`monotone`,
    Spearman's rho). Of the controls the median, with those that never rise so far at the end."""
    rows = {}
    for arm, curve in curves.groupby("arm", sort=False):
        rho = curve["amount"].rank().corr(curve["share"].rank())
        rows[arm] = {"cost": ablation.cost(curve, gain=gain), "area": ablation.area(curve), "monotone": rho,
                     "highest share": curve["share"].max()}  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")
    like = table.index.str.startswith("like it")
    alike = table[like].fillna({"cost": np.inf}).median().replace(np.inf, np.nan).to_frame("latents like it").T
    return pd.concat([table[~like], alike]).rename_axis("arm")
