"""Causal tests of latents: ablation, and steering compared with directions that need no autoencoder."""
import logging

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Cases
from workbench.errors import UserError
from workbench.experiment.probing.feature_table import item_concepts_of
from workbench.experiment.probing.train_sae import SHARES, check_table, discovery_and_test
from workbench.experiment.run import Run
from workbench.interfaces import Scorer, item_embeddings
from workbench.probing.activations import store
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import item_weights, mean_by_item
from workbench.probing.concepts.permutation_test import benjamini_hochberg
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import ablation, dose_response, steering
from workbench.progress import track
from workbench.stages import stage

log = logging.getLogger("workbench")
MIN_USERS = 20  # users for whom a latent must be active before its effect is measured
STRENGTHS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # times the 99th percentile of the latent's activation
LATENT, SCORE_BOOST = "latent", "score boost"
MATCHED = "matched latent "  # prefix of the interventions of the control latents
BOOSTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # in standard deviations of a user's scores
COLUMNS = ["concept", "users", "before", "change", "control", "p", "z"]


def held_out_cases(run: Run, activations: Activations, *, users: int = 0, seed: int = 0) -> Cases:
    """The test cases of the test users, on whom no dictionary was trained and no concept selected; at most `users` of
    them, 0 for all."""
    if users < 0:
        raise UserError(f"users={users}: must be at least 0, where 0 means all")
    cases = run.bench().split.test
    rows = np.flatnonzero(np.isin(cases.histories.users, activations.split_users(SHARES)[2].user))
    if users and users < len(rows):
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:users])
    return cases.take(rows)


@stage("ablations")
def ablation_table(
    run: Run, activations: Activations, dictionary: Dictionary, table: pd.DataFrame, *, latents: int = 10,
    controls: int = 249, users: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Ablate each of the significant latents with the largest share of the activation, for the held-out users for whom
    it is active: one row per latent with its concept, the number of users, and the columns of `ablation_effect`.
    Stored.

    table: of `feature_table` or `concept_table`. q: Benjamini-Hochberg over the rows; significant: q below .05.
    The smallest p is 1 / (controls + 1), so a single effect can be significant only if there are more than 20 controls
    per latent. users: at most this many of the held-out users, 0 for all; where lists come from beam search each user
    takes long. A network that decodes semantic IDs predicts at positions that are not among the activations: all
    held-out users count there. Raises UserError where the table or the dictionary is of another site.
    """
    largest = check_table(table, dictionary)[table["significant"]].nlargest(latents, "activation_share")
    if controls < 20 * len(largest):
        log.warning("%d controls for %d latents: a single effect cannot be significant", controls, len(largest))
    z = discovery_and_test(activations, dictionary)[0][1]
    model, cases, rows = run.recommender(), held_out_cases(run, activations, users=users), {}
    active = _active_latents(model, activations, dictionary, cases)
    for latent in track(list(largest.index), "ablate", unit="latents"):
        active_cases = np.flatnonzero(active[:, latent])
        rows[latent] = {"concept": largest["concept"][latent], "users": len(active_cases)}
        if len(active_cases) >= MIN_USERS:
            matched = ablation.matched_latents(z, np.ones(dictionary.latents), latent, controls)
            member = item_concepts_of(run).members_of(largest["concept"][latent])
            rows[latent] |= ablation.ablation_effect(model, activations.site, dictionary, latent,
                                                     cases.take(active_cases), member, controls=matched)  # fmt: skip
    effects = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=COLUMNS).rename_axis("latent")
    q = benjamini_hochberg(effects["p"].to_numpy(float))
    return effects.assign(q=q, significant=q < 0.05)


def ablation_caption(ablations: pd.DataFrame) -> str:
    """The number of latents with a significant effect, and the meaning of the columns of `ablation_table`."""
    tested = ablations["p"].notna()
    return (f"{int(ablations['significant'].sum())} of {int(tested.sum())} latents that are active for enough users "
            "change their concept's share more than controls do, at FDR 5 %. before: the share of the top 10; control: "
            "the mean absolute change by ablation of matched latents.")  # fmt: skip


def _active_latents(model, activations: Activations, dictionary: Dictionary, cases: Cases) -> np.ndarray:
    """(C, m) bool: the latents that are active at the position after the last event of each history, where the network
    predicts; all of them where that position is not recorded, as in networks that decode semantic IDs."""
    recorded = store.record_activations(model, activations.site, cases.histories.last(model.max_length))
    last_row = {int(user): row for row, user in enumerate(recorded.user)}  # the last row of each user
    rows = np.array([last_row.get(int(user), -1) for user in cases.histories.users])
    if (rows < 0).any() or (recorded.position[rows] != recorded.length[rows] - 1).any():
        return np.ones((len(rows), dictionary.latents), bool)
    return (dictionary.encode_sparse(recorded.x[rows]) > 0).toarray()


@stage("steering")
def dose_response_table(
    run: Run, activations: Activations, dictionary: Dictionary, latent: int, concept: str, *, users: int = 500,
    controls: int = 20,
) -> pd.DataFrame:  # fmt: skip
    """Steer along a latent, along rival directions of its concept and along `controls` matched latents, and boost the
    scores of the concept's items: one row per intervention and amount with share, ndcg@10 and `off target`, as of
    `dose_response`, over held-out users. Stored.

    concept: by name; "" for the ten items at which the latent is most active, for datasets without item attributes.
    amount: times the 99th percentile of the latent's activation at the site; for the score boost, times the standard
    deviation of a user's scores. intervention: latent, the names of `rival_directions`, matched latent 0 ..., score
    boost. Histories are not masked. Raises UserError where there is no such latent or concept, or the dictionary is of
    another site.
    """
    if not 0 <= latent < dictionary.latents:
        raise UserError(f"latent {latent}: this dictionary has latents 0 to {dictionary.latents - 1}")
    positions, z = discovery_and_test(activations, dictionary)[0]
    activation, lengths = z[:, latent].data, dictionary.decoder.norm(dim=1).numpy()
    if not len(activation):
        raise UserError(f"latent {latent} is active for none of the discovery users; choose another")
    if concept:
        member = item_concepts_of(run).members_of(concept)
    else:
        member = _top_items(positions, z, latent, run.bench().split.n_items)
    model, cases = run.recommender(), held_out_cases(run, activations, users=users)
    amounts = [float(np.quantile(activation, 0.99)) * strength for strength in STRENGTHS]
    directions = {LATENT: dictionary.decoder[latent].numpy() / lengths[latent]}
    weight = item_embeddings(model)
    embeddings = np.zeros((1, 0)) if weight is None else weight.detach().cpu().numpy()
    directions |= steering.rival_directions(positions.x, member[positions.last], embeddings, member)
    for n, other in enumerate(ablation.matched_latents(z, np.ones(dictionary.latents), latent, controls)):
        directions[f"{MATCHED}{n}"] = dictionary.decoder[other].numpy() / lengths[other]
    curves = []
    for name, direction in track(list(directions.items()), "steer", unit="directions"):
        curve = dose_response.dose_response(model, activations.site, direction, amounts, cases, member)
        curves.append(curve.assign(amount=STRENGTHS, intervention=name))
    if isinstance(model, Scorer):
        scores = model.score(cases.histories)[:, 1:]
        spread = float(np.nanstd(np.where(np.isfinite(scores), scores, np.nan), axis=1).mean())
        curve = dose_response.score_boost(model, [spread * b for b in BOOSTS], cases, member)
        curves.append(curve.assign(amount=BOOSTS, intervention=SCORE_BOOST))
    return pd.concat(curves, ignore_index=True)


def _top_items(positions: Activations, z: csr_matrix, latent: int, n_items: int) -> np.ndarray:
    """(I+1,) bool: the ten items with the largest mean activation of a latent."""
    means = mean_by_item(z[:, latent], item_weights(positions, "last", n_items)).ravel()
    member = np.zeros(n_items + 1, bool)
    member[np.argsort(-means, kind="stable")[:10]] = True
    return member & (means > 0)


def steering_costs(curves: pd.DataFrame, *, gain: float = 0.2) -> pd.DataFrame:
    """The cost of steering by intervention, cheapest first. curves: of `dose_response_table`.

    ndcg@10 lost: at the amount where the concept's share is `gain` higher, NaN if it never is. mean gain: of the share
    over the amounts (`mean_share_gain`). rank correlation: Spearman's rho of share and amount. highest share: over the
    amounts. The row "matched latents" is the median of the controls, where a share that never rises that far counts as
    an infinite loss.
    """
    rows = {}
    for intervention, curve in curves.groupby("intervention", sort=False):
        rows[intervention] = {
            "ndcg@10 lost": dose_response.cost_of_gain(curve, gain=gain),
            "mean gain": dose_response.mean_share_gain(curve),
            "rank correlation": curve["amount"].rank().corr(curve["share"].rank()),
            "highest share": curve["share"].max(),
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index")
    matched = table.index.str.startswith(MATCHED)
    medians = table[matched].fillna({"ndcg@10 lost": np.inf}).median().replace(np.inf, np.nan)
    costs = pd.concat([table[~matched], medians.to_frame("matched latents").T]).rename_axis("intervention")
    costs = costs.sort_values("ndcg@10 lost")
    costs.attrs["caption"] = f"To raise the share by {gain:.0%}. {_cost_ratio(costs)}"
    return costs


def _cost_ratio(costs: pd.DataFrame) -> str:
    """The cost of steering along the latent as a multiple of that of a score boost, in words."""
    latent, boost = (costs["ndcg@10 lost"].get(name, np.nan) for name in (LATENT, SCORE_BOOST))
    if not np.isfinite(latent):
        return "Steering along the latent never raises it that much."
    if not np.isfinite(boost):
        return "A score boost was not tried, or never raises it that much."
    if min(latent, boost) > 0:
        return f"The latent costs {latent / boost:.1f} times what a score boost costs."
    return "The latent or the score boost costs nothing: there is no ratio."
