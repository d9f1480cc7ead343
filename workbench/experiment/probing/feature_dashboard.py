"""The stage behind the feature dashboard: measurements of a dictionary's latents and effects of steering, stored."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, vstack

from workbench.errors import UserError
from workbench.experiment.probing.causal_tests import held_out_cases
from workbench.experiment.probing.feature_table import item_concepts_of
from workbench.experiment.probing.train_sae import (
    SHARES,
    check_table,
    data_fingerprint,
    discovery_and_test,
    metric_recovered,
)
from workbench.experiment.run import Run
from workbench.interfaces import codes_of
from workbench.probing.activations.hooks import fingerprint
from workbench.probing.activations.store import Activations
from workbench.probing.dashboard import feature_stats
from workbench.probing.dashboard.tables import FeatureTables, select_latents
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import dose_response
from workbench.probing.interventions.faithfulness import evaluate_reconstruction
from workbench.probing.interventions.steering import Steering, activation_quantile
from workbench.stages import stage
from workbench.tokens import ItemCodes


def held_out_positions(activations: Activations, dictionary: Dictionary) -> tuple[Activations, csr_matrix]:
    """The positions of all users that a dictionary was not trained on, with its latents (n, m) in units of the site."""
    train, *held_out = activations.split_users(SHARES)
    (_, discovery_z), (_, test_z) = discovery_and_test(activations, dictionary)
    rows = [np.flatnonzero(np.isin(activations.user, np.unique(split.user))) for split in held_out]
    order = np.argsort(np.concatenate(rows))
    positions = activations.take(~np.isin(activations.user, np.unique(train.user)))
    return positions, vstack([discovery_z, test_z], format="csr")[order]


def steering_of(run: Run, activations: Activations, dictionary: Dictionary, *, z: csr_matrix | None = None) -> Steering:
    """Steering along a dictionary's latents in a run's network; a strength of 1 is the 99th percentile of the latent's
    activation on users that the dictionary was not trained on. z: its latents there, as of `held_out_positions`, if
    already computed.

    Raises UserError where the dictionary is of another site, other weights or other data.
    """
    model = run.recommender()
    dictionary.check_site(activations.fingerprint)
    dictionary.check_site(fingerprint(model.module, activations.site, data_fingerprint(run)))
    step_size = activation_quantile(held_out_positions(activations, dictionary)[1] if z is None else z)
    return Steering(model, activations.site, dictionary, step_size, run.bench().protocol.mask_history)


@stage("feature-dashboard")
def feature_dashboard(
    run: Run, activations: Activations, dictionary: Dictionary, features: pd.DataFrame, *, latents: int = 100,
    sample: int = 100, users: int = 256, codes: ItemCodes | None = None, seed: int = 0,
) -> FeatureTables:  # fmt: skip
    """Measurements of the `latents` with the largest significant effects and of a random `sample` of the other active
    ones, on users that the dictionary was not trained on. Stored.

    features: of `feature_table` or `concept_table`. users: held-out test cases that are steered along each latent.
    codes: semantic IDs whose first level is profiled; by default those of the recommender, if it has some. Generative
    retrieval takes some twenty times as long as scoring; pass smaller numbers there. Raises UserError where the
    dictionary is of another site, the table is of another dictionary, or no latent is active.
    """
    dictionary.check_site(activations.fingerprint)
    check_table(features, dictionary)
    if latents + sample < 1:
        raise UserError(f"latents={latents}, sample={sample}: there must be at least one latent to show")
    (positions, z), split = held_out_positions(activations, dictionary), run.bench().split
    active = np.diff(z.tocsc().indptr)
    if not active.any():
        raise UserError(f"none of {dictionary.latents} latents is active at any of {len(positions):,} positions",
                        code=3)  # fmt: skip
    steering = steering_of(run, activations, dictionary, z=z)
    table = select_latents(features, active, latents=latents, sample=sample, seed=seed)
    density = table["active_positions"] / len(positions)
    table = table.assign(density=density, activation_p99=steering.step_size[table.index])
    shown = table.index.to_numpy()
    bins = feature_stats.popularity_bins(positions.last, split.train_counts())
    profiles = [feature_stats.activation_profile(z, shown, *bins, "popularity"),
                feature_stats.activation_profile(z, shown, *feature_stats.position_bins(positions),
                                                 "position")]  # fmt: skip
    codes = codes_of(steering.recommender) if codes is None else codes
    if codes is not None:
        profiles.append(feature_stats.code_profile(z, shown, codes.codes[positions.last, 0]))
    neighbors = feature_stats.nearest_latents(dictionary.decoder.numpy(), shown, np.flatnonzero(active))
    curves, lists, changes, settings = _steer(run, activations, steering, table, users, seed)
    size = {"positions": len(positions), "users": len(np.unique(positions.user)), "alive": int((active > 0).sum())}
    return FeatureTables(
        about=_about(run, activations, dictionary, features) | size | settings, latents=table, dose_response=curves,
        example_lists=lists, score_changes=changes,
        neighbors=neighbors.join(features[["concept", "significant"]], on="other"),
        histograms=feature_stats.activation_histograms(z, shown),
        positions=feature_stats.example_positions(positions, z, shown, seed=seed),
        profiles=pd.concat(profiles, ignore_index=True),
    )  # fmt: skip


def _steer(run: Run, activations: Activations, steering: Steering, table: pd.DataFrame, users: int, seed: int) -> tuple:
    """Dose-response curves, the lists of an example user per latent, score changes of items, and the settings."""
    shown, cases = table.index.to_numpy(), held_out_cases(run, activations, users=users, seed=seed)
    if not len(cases.targets):
        raise UserError("no user that the dictionary was not trained on has a test case, so there is no effect of "
                        "steering to measure", code=3)  # fmt: skip
    results = dose_response.steer_latents(steering, cases, shown)
    members = dose_response.concept_members(item_concepts_of(run), table["concept"])
    sampled = table["sampled"].to_numpy()
    curves = dose_response.dose_response_curves(results, shown, steering.step_size[shown], sampled, members)
    steered = steering.for_histories(cases.histories)
    example_users = np.random.default_rng(seed).integers(0, len(cases.targets), len(shown))
    unsteered = dose_response.unsteered_items(steered, run.bench().split.n_items)
    lists = dose_response.example_lists(results, shown, example_users, unsteered, cases.histories.users)
    changes = feature_stats.score_changes(results.score_change, shown)
    lists, changes = (dose_response.add_membership(rows, shown, members) for rows in (lists, changes))
    controls = max(0, int(table["sampled"].sum()) - 1)
    settings = {"steered": len(cases.targets), "scored": len(steered.scored_histories), "algebraic": steered.algebraic,
                "strengths": list(dose_response.STRENGTHS), "matched": min(dose_response.MATCHED, controls),
                "depth": unsteered.shape[1]}  # fmt: skip
    return curves, lists, changes, settings


def _about(run: Run, activations: Activations, dictionary: Dictionary, features: pd.DataFrame) -> dict:
    """The run and the dictionary: reconstruction metrics on test users, and NDCG@10 recovered over all test cases."""
    table = metric_recovered(run, activations, dictionary)
    recovered = {name: table[name]["mean"] for name in ("recovered", "low", "high")}
    recovered = {name: None if value is None or value != value else float(value) for name, value in recovered.items()}
    recovered |= {name: float(table["ndcg@10"][name]) for name in ("base", "spliced", "mean")}
    significant = features["significant"].to_numpy(bool)
    test = activations.split_users(SHARES)[2].x
    reconstruction = evaluate_reconstruction(dictionary, test, same_site=True)
    return {
        "dataset": run.bench().dataset.name, "system": run.label, "data_hash": run.info["data_hash"],
        "fingerprint": activations.fingerprint, "site": activations.site.path, "kind": dictionary.about.get("kind", ""),
        "k": dictionary.k, "latents": dictionary.latents, "width": activations.x.shape[1],
        "significant": int(significant.sum()),
        "activation_share": float(features["activation_share"][significant].sum()),
        "recovered": recovered | {"text": table["text"]["mean"]},
        **{name: float(value) for name, value in reconstruction.items()},
    }  # fmt: skip
