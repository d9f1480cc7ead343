"""The stages of a probe on a trained tiger: held-out users, the right network, beams that hold the edit, controls."""
import numpy as np
import pytest

from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.experiment import open_bench
from workbench.experiment.probing import by_code_level, causal_tests, train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.token_positions import standing_in
from workbench.probing.concepts.code_confound import copies
from workbench.probing.interventions import faithfulness, per_level

SITE, SMALL = Site("blocks.0.out"), {"latents": 96, "epochs": 6, "batch": 256}


@pytest.fixture(scope="module")
def run():
    bench = open_bench("synthetic", profile="smoke", options={"users": 500, "items": 160})
    return bench.fit("tiger", epochs=8, batch_size=24, layers=2)


@pytest.fixture(scope="module")
def read(run):
    return train_sae.read(run, SITE)


@pytest.fixture(scope="module")
def found(run, read):
    return by_code_level.shared(run, read, k=6, **SMALL)


@pytest.fixture(scope="module")
def each(run, read):
    return by_code_level.separate(run, read, k=6, **SMALL)


def test_held_out_users_were_seen_by_no_dictionary(run, read):
    cases, parts = causal_tests.held_out(run, read), read.users(train_sae.SHARES)
    assert set(cases.histories.users) <= set(parts[2].user) and not set(cases.histories.users) & set(parts[0].user)
    test = run.bench().split.test.histories.users
    assert len(cases.targets) == np.isin(test, parts[2].user).sum() > 50
    assert np.allclose(by_code_level.means(read)[1], parts[0].x[parts[0].level == 1].mean(axis=0), atol=1e-5)


def test_dictionaries_of_levels_are_of_that_level(run, read, found, each):
    assert len(each) == len(found) == run.recommender().codes.levels and len({id(d) for d in found}) == 1
    own = by_code_level.at(read, 1)
    assert (own.level == 1).all() and each[1].on(own.fingerprint)
    assert np.allclose(each[1].center.numpy(), own.users(train_sae.SHARES)[0].x.mean(axis=0), atol=0.5)
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        by_code_level.kept(run, read, each[::-1])
    table = by_code_level.unexplained(read, {"shared": found, "each": each})
    test = read.users(train_sae.SHARES)[2]
    part = test.take(test.level == 2)
    assert table.loc["code 3", "each"] == pytest.approx(
        faithfulness.fvu(part.x, faithfulness.reconstruct(each[2], part.x))
    )
    assert table.loc["code 3", "shared"] == pytest.approx(
        faithfulness.fvu(part.x, faithfulness.reconstruct(found[0], part.x))
    )


def test_what_is_kept_and_where_from(run, read, found):
    table = by_code_level.kept(run, read, found).set_index(["edited", "code"])
    model, cases = run.recommender(), causal_tests.held_out(run, read)
    nats = -model.spell_out(cases)
    assert table.loc[("all", "all"), "base"] == pytest.approx(nats.sum(axis=1).mean(), abs=1e-4)
    item = table.loc[("all", "all")]
    assert item["base"] < item["spliced"] < item["mean"] and 0.3 < item["recovered_mean"] < 1.05
    rise = by_code_level.attributed(run, read)
    assert rise.shape == (len(cases.targets), *2 * [nats.shape[1]]) and (rise[:, 2, :2] == 0).all()
    assert (np.diag(rise.mean(axis=0))[:2] > 0).all()


def test_an_untrained_network_is_read_and_edited_as_itself(run, read):
    blank = train_sae.read(run, SITE, trained=False)
    rise = by_code_level.attributed(run, blank, trained=False)
    assert np.abs(rise.mean(axis=0)).max() < 0.2 * np.abs(by_code_level.attributed(run, read).mean(axis=0)).max()
    with pytest.raises(UserError, match="are not of this network"):
        by_code_level.attributed(run, blank)


def test_beams_with_a_reconstruction_in_them(run, read, found):
    table = by_code_level.stand_in(run, read, found)
    model, cases = run.recommender(), causal_tests.held_out(run, read)
    told = evaluate(model, cases, run.bench().split, quiet=True)
    assert table.loc["base", "ndcg@10"] == pytest.approx(per_case("ndcg@10", told.ranks, told.groups).mean())
    held = table.filter(like="kept_")
    assert (np.diff(held.to_numpy(), axis=1) <= 0).all() and held.shape[1] == model.codes.levels
    assert (held.loc["base"] > held.loc["mean"]).all() and (held.loc["spliced"] > held.loc["mean"]).all()


def test_latents_about_categories_are_held_against_the_code(run, read, found):
    table = by_code_level.beyond(run, read, found, draws=99)
    assert table["family"].dropna().str.startswith("category").all()
    assert table.groupby("level").size().tolist() == [96] * run.recommender().codes.levels
    first = table[table["level"] == 0]
    assert np.allclose(first["overall"], first["within"]) and (first["beyond"] == first["certified"]).all()
    told = copies(table)
    assert (told["beyond"] <= told["tested"]).all() and (told["tested"] <= told["certified"]).all()
    both = by_code_level.beyond(run, read, found, codes_too=True, draws=19)
    assert both["family"].dropna().str.startswith(("category", "code")).all()
    seen = by_code_level.reachable(run, read, draws=99)
    assert (seen.loc[seen["level"] == 0, "p_known"] == 0.01).all()
    share = by_code_level.told(run)["share"]
    assert (share.diff().dropna() > -1e-9).all() and share.iloc[-1] == pytest.approx(1)


def test_steering_at_one_level(run, read):
    """Pushed towards a category before its first code, lists fill with it; nothing that is no item ever comes out."""
    bench = run.bench()
    member = np.concatenate([[False], bench.dataset.items["category"].str.contains("Makeup").to_numpy(bool)])
    part = by_code_level.at(read.users(train_sae.SHARES)[1], 0)
    mean = part.x[member[part.next]].mean(axis=0) - part.x.mean(axis=0)
    size = float(np.linalg.norm(part.x - part.x.mean(axis=0), axis=1).mean())
    amounts = [0.0, size, 4 * size]
    curve = by_code_level.steered(run, read, mean / np.linalg.norm(mean), amounts, member, levels=(0,))
    base = evaluate(run.recommender(), causal_tests.held_out(run, read), bench.split, quiet=True)
    assert curve["ndcg@10"][0] == pytest.approx(per_case("ndcg@10", base.ranks, base.groups).mean())
    assert (curve["invalid"] == 0).all() and curve["invalid_free"].between(0, 1).all()
    assert curve["share"].is_monotonic_increasing and curve["share"].iloc[-1] > curve["share"].iloc[0] + 0.1


def test_stages_feel_only_what_is_edited(run, read):
    """The stage's table is that of the same edit by hand, on the same users."""
    model, cases = run.recommender(), causal_tests.held_out(run, read)
    rise = by_code_level.attributed(run, read)
    with standing_in(model, SITE, {0: per_level.flattened(by_code_level.means(read))[0]}, own=True):
        after = model.spell_out(cases)
    assert np.allclose(model.spell_out(cases) - after, rise[:, 0], atol=1e-5)
