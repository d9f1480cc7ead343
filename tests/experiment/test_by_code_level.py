"""Probing a trained tiger by code level: held-out users, fingerprints, beam search with edits, and controls."""
import numpy as np
import pytest

from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.experiment import open_bench
from workbench.experiment.probing import by_code_level, causal_tests, train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.token_positions import patched_levels
from workbench.probing.concepts.code_confound import summarize_by_level
from workbench.probing.interventions import faithfulness, per_level

SITE, SMALL = Site("blocks.0.out"), {"latents": 96, "epochs": 6, "batch": 256}


@pytest.fixture(scope="module")
def run():
    bench = open_bench("synthetic", profile="smoke", options={"users": 500, "items": 160})
    return bench.fit("tiger", epochs=8, batch_size=24, layers=2)


@pytest.fixture(scope="module")
def activations(run):
    return train_sae.read_activations(run, SITE)


@pytest.fixture(scope="module")
def shared(run, activations):
    return by_code_level.shared_dictionaries(run, activations, k=6, **SMALL)


@pytest.fixture(scope="module")
def separate(run, activations):
    return by_code_level.separate_dictionaries(run, activations, k=6, **SMALL)


def test_held_out_cases_are_of_test_users(run, activations):
    cases, (train, _, test) = causal_tests.held_out_cases(run, activations), activations.split_users(train_sae.SHARES)
    assert set(cases.histories.users) <= set(test.user) and not set(cases.histories.users) & set(train.user)
    test_users = run.bench().split.test.histories.users
    assert len(cases.targets) == np.isin(test_users, test.user).sum() > 50
    assert np.allclose(by_code_level.means(activations)[1], train.x[train.level == 1].mean(axis=0), atol=1e-5)


def test_separate_dictionaries_belong_to_their_level(run, activations, shared, separate):
    assert len(separate) == len(shared) == run.recommender().codes.levels and len({id(d) for d in shared}) == 1
    own = by_code_level.positions_of_level(activations, 1)
    assert (own.level == 1).all() and separate[1].check_site(own.fingerprint)
    assert np.allclose(separate[1].center.numpy(), own.split_users(train_sae.SHARES)[0].x.mean(axis=0), atol=0.5)
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        by_code_level.recovered_by_level(run, activations, separate[::-1])
    table = by_code_level.fvu_by_level(activations, {"shared": shared, "separate": separate})
    test = activations.split_users(train_sae.SHARES)[2]
    x = test.take(test.level == 2).x
    for kind, dictionary in (("separate", separate[2]), ("shared", shared[0])):
        fvu = faithfulness.fvu(x, faithfulness.reconstruct(dictionary, x))
        assert table.loc["code 3", kind] == pytest.approx(fvu)


def test_recovered_cross_entropy_and_position_attribution(run, activations, shared):
    table = by_code_level.recovered_by_level(run, activations, shared).set_index(["edited", "code"])
    model, cases = run.recommender(), causal_tests.held_out_cases(run, activations)
    losses = -model.code_log_probs(cases)
    assert table.loc[("all", "all"), "base"] == pytest.approx(losses.sum(axis=1).mean(), abs=1e-4)
    total = table.loc[("all", "all")]
    assert total["base"] < total["spliced"] < total["mean"] and 0.3 < total["recovered_mean"] < 1.05
    rise = by_code_level.position_attribution(run, activations)
    assert rise.shape == (len(cases.targets), *2 * [losses.shape[1]]) and (rise[:, 2, :2] == 0).all()
    assert (np.diag(rise.mean(axis=0))[:2] > 0).all()


def test_activations_of_the_untrained_network_need_the_untrained_network(run, activations):
    untrained = train_sae.read_activations(run, SITE, trained=False)
    rise = by_code_level.position_attribution(run, untrained, trained=False)
    trained_rise = by_code_level.position_attribution(run, activations)
    assert np.abs(rise.mean(axis=0)).max() < 0.2 * np.abs(trained_rise.mean(axis=0)).max()
    with pytest.raises(UserError, match="are not of this network"):
        by_code_level.position_attribution(run, untrained)


def test_beam_search_with_reconstructions(run, activations, shared):
    table = by_code_level.beam_recovered(run, activations, shared)
    model, cases = run.recommender(), causal_tests.held_out_cases(run, activations)
    evaluation = evaluate(model, cases, run.bench().split, quiet=True)
    ndcg = per_case("ndcg@10", evaluation.ranks, evaluation.groups)
    assert table.loc["base", "ndcg@10"] == pytest.approx(ndcg.mean())
    recall = table.filter(like="prefix_recall_")
    assert (np.diff(recall.to_numpy(), axis=1) <= 0).all() and recall.shape[1] == model.codes.levels
    assert (recall.loc["base"] > recall.loc["mean"]).all() and (recall.loc["spliced"] > recall.loc["mean"]).all()


def test_category_latents_are_tested_conditionally_on_the_code_prefix(run, activations, shared):
    table = by_code_level.concepts_beyond_codes(run, activations, shared, draws=99)
    assert table["family"].dropna().str.startswith("category").all()
    assert table.groupby("level").size().tolist() == [96] * run.recommender().codes.levels
    first = table[table["level"] == 0]
    assert np.allclose(first["overall"], first["within"]) and (first["beyond_prefix"] == first["significant"]).all()
    by_level = summarize_by_level(table)
    assert (by_level["beyond_prefix"] <= by_level["tested"]).all()
    assert (by_level["tested"] <= by_level["significant"]).all()
    with_codes = by_code_level.concepts_beyond_codes(run, activations, shared, codes_too=True, draws=19)
    assert with_codes["family"].dropna().str.startswith(("category", "code")).all()
    power = by_code_level.concept_test_power(run, activations, draws=99)
    assert (power.loc[power["level"] == 0, "p_oracle"] == 0.01).all()
    share = by_code_level.code_category_information(run)["share"]
    assert (share.diff().dropna() > -1e-9).all() and share.iloc[-1] == pytest.approx(1)


def test_steering_at_one_level(run, activations):
    """Steering towards a category at the first code raises its share; constrained decoding generates items only."""
    bench = run.bench()
    member = np.concatenate([[False], bench.dataset.items["category"].str.contains("Makeup").to_numpy(bool)])
    positions = by_code_level.positions_of_level(activations.split_users(train_sae.SHARES)[1], 0)
    direction = positions.x[member[positions.next]].mean(axis=0) - positions.x.mean(axis=0)
    norm = float(np.linalg.norm(positions.x - positions.x.mean(axis=0), axis=1).mean())
    amounts = [0.0, norm, 4 * norm]
    direction /= np.linalg.norm(direction)
    curve = by_code_level.steer_level(run, activations, direction, amounts, member, levels=(0,))
    base = evaluate(run.recommender(), causal_tests.held_out_cases(run, activations), bench.split, quiet=True)
    assert curve["ndcg@10"][0] == pytest.approx(per_case("ndcg@10", base.ranks, base.groups).mean())
    assert (curve["invalid"] == 0).all() and curve["invalid_unconstrained"].between(0, 1).all()
    assert curve["share"].is_monotonic_increasing and curve["share"].iloc[-1] > curve["share"].iloc[0] + 0.1


def test_position_attribution_equals_a_manual_edit(run, activations):
    model, cases = run.recommender(), causal_tests.held_out_cases(run, activations)
    rise = by_code_level.position_attribution(run, activations)
    edit = per_level.mean_edits(by_code_level.means(activations))[0]
    with patched_levels(model, SITE, {0: edit}, target_only=True):
        edited = model.code_log_probs(cases)
    assert np.allclose(model.code_log_probs(cases) - edited, rise[:, 0], atol=1e-5)
