"""By level: a pooled FVU hides a poor level, edits do not affect earlier codes, a complete dictionary recovers all."""
import numpy as np
import pytest
import torch
from toys import random_histories, toy_recommender

from workbench.data import Cases
from workbench.errors import UserError
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations, record_activations
from workbench.probing.activations.token_positions import patched_levels
from workbench.probing.dictionaries import baselines
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import per_level

SITE, L = Site("blocks.0.out"), 3
HISTORIES = random_histories(60, 24, longest=8, seed=2)
CASES = Cases(
    HISTORIES, toy_recommender().recommend(HISTORIES, 1).items[:, 0].astype(np.int32)
)  # its own predictions


def activations(x, level):
    zero = np.zeros(len(x), np.int32)
    return Activations(x.astype(np.float32), zero, zero, zero, zero, zero, level.astype(np.int32), SITE, "here")


def shifted(center, by=0.0):
    """A dictionary of one latent that is never active: every reconstruction is its center."""
    center = torch.tensor(center, dtype=torch.float32) + by
    D = len(center)
    return Dictionary(torch.zeros(1, D), torch.zeros(1), torch.eye(D)[:1], center, torch.ones(1))


@pytest.fixture(scope="module")
def model():
    return toy_recommender()


@pytest.fixture(scope="module")
def read(model):
    return record_activations(model, SITE, HISTORIES)


def test_a_low_pooled_fvu_hides_a_level_worse_than_its_mean():
    """Two levels a hundred apart, and a shared guess that knows which is which but misses one by more than its spread:
    by hand, level 0 is guessed by its own mean (FVU 1), level 1 is missed by (2, 0), 4 rows of 4 over a sum of 8."""
    square = np.array([[0.0, 0], [2, 0], [0, 2], [2, 2]])
    both = activations(np.concatenate([square, square + 100]), np.repeat([0, 1], 4))
    own = (shifted([1, 1]), shifted([103, 101]))
    found = per_level.fvu_by_level({"own": own, "means": (shifted([1, 1]), shifted([101, 101]))}, both)
    assert found["own"].to_dict() == pytest.approx({"code 1": 1, "code 2": 3, "all": 32 / 40016})
    assert found["means"].to_dict() == pytest.approx({"code 1": 1, "code 2": 1, "all": 16 / 40016})
    pooled = (baselines.pca(both.x, k=1),) * 2
    assert per_level.fvu_by_level({"one latent for both": pooled}, both).loc["all"].item() < 1e-3
    assert per_level.fvu_by_level({"one latent for both": pooled}, both).loc["code 1"].item() > 0.45
    assert per_level.level_means(both).tolist() == [[1, 1], [101, 101]]
    with pytest.raises(UserError, match="every level needs some"):
        per_level.level_means(activations(square, np.repeat([0, 2], 2)))
    with pytest.raises(UserError, match="1 dictionaries for 2 levels; give one per level"):
        per_level.fvu_by_level({"own": own[:1]}, both)


def test_latents_are_those_of_the_level(read):
    each = tuple(baselines.fit_baseline("random", read.x[read.level == level], k=2, seed=level) for level in range(L))
    z, x = per_level.latents_by_level(each, read), per_level.reconstruct_by_level(each, read)
    for row in range(0, len(read), 11):
        level, alone = read.level[row], torch.from_numpy(read.x[row : row + 1])
        assert np.allclose(z[row].toarray(), each[level].encode(alone), atol=1e-5)
        assert np.allclose(x[row], each[level].decode(each[level].encode(alone)), atol=1e-4)


def test_edits_do_not_affect_earlier_codes(model, read):
    """Causality: a later position cannot change an earlier code, not even by rounding."""
    rise = per_level.attribution(model, SITE, CASES, per_level.level_means(read))
    assert rise.shape == (60, L, L)
    lower = np.tril_indices(L, -1)
    assert (rise[:, lower[0], lower[1]] == 0).all()
    upper = np.abs(rise).mean(axis=0)[np.triu_indices(L)]
    assert (upper > 1e-3).all(), "and every later code is affected"
    last = Site("blocks.1.out")
    alone = per_level.attribution(model, last, CASES, per_level.level_means(record_activations(model, last, HISTORIES)))
    off = ~np.eye(L, dtype=bool)
    assert (alone[:, off] == 0).all() and (np.abs(alone[:, ~off]).mean(axis=0) > 1e-3).all()


def test_attribution_is_the_difference_of_two_runs(model, read):
    """One entry computed by overwriting the target's position directly."""
    means = per_level.level_means(read)
    rise = per_level.attribution(model, SITE, CASES, means)
    case = CASES.take(np.array([7]))
    slot = L * min(5, int(case.histories.lengths[0])) + 1

    def overwrite(module, args, x):
        x = x.clone()
        x[0, slot] = torch.from_numpy(means[1])
        return x

    hook = model.module.blocks[0].out.register_forward_hook(overwrite)
    after = model.code_log_probs(case)
    hook.remove()
    assert np.allclose(model.code_log_probs(case) - after, rise[7, 1], atol=1e-4)
    told = per_level.mean_attribution(rise)
    assert told["rise"].to_numpy() == pytest.approx(rise.mean(axis=0).ravel())
    assert (told["low"] <= told["rise"] + 1e-12).all() and (told["rise"] <= told["high"] + 1e-12).all()
    below = told.query("ablated == 'code 3' and code == 'code 1'")
    assert below[["rise", "low", "high"]].to_numpy().tolist() == [[0, 0, 0]]


def test_a_complete_pca_recovers_all_and_the_mean_nothing(model, read):
    means = per_level.level_means(read)
    whole = (baselines.fit_baseline("pca", read.x),) * L
    table = per_level.recovered_by_level(model, SITE, CASES, whole, means, draws=50).set_index(["edited", "code"])
    assert table.index.tolist() == [
        (edited, code)
        for edited in ("code 1", "code 2", "code 3", "all")
        for code in (*per_level.level_names(L), "all")
    ]
    assert np.allclose(table["spliced"], table["base"], atol=1e-4)
    for kind in ("mean", "zero"):
        known = table[f"recovered_{kind}"].notna()
        assert known.sum() >= 4 and np.allclose(table[f"recovered_{kind}"][known].astype(float), 1, atol=1e-3)
    none = tuple(shifted(mean) for mean in means)
    table = per_level.recovered_by_level(model, SITE, CASES, none, means, target_only=True, draws=50)
    table = table.set_index(["edited", "code"])
    known = table["recovered_mean"].dropna().astype(float)
    assert len(known) and np.allclose(known, 0, atol=1e-6)
    before = table.loc[[("code 2", "code 1"), ("code 3", "code 1"), ("code 3", "code 2")]]
    assert (before["base"] == before["zero"]).all() and before["recovered_zero"].isna().all()
    assert before["text_mean"].str.contains("does not matter").all()


def test_shares_by_hand(model, read):
    """(ablated - spliced) / (ablated - base), of the nats that the runs have."""
    means = per_level.level_means(read)
    some = (baselines.fit_baseline("pca", read.x, k=3),) * L
    table = per_level.recovered_by_level(model, SITE, CASES, some, means, draws=50).set_index(["edited", "code"])
    with patched_levels(model, SITE, {1: per_level.mean_edits(means)[1]}):
        ablated = -model.code_log_probs(CASES).mean(axis=0)
    row = table.loc[("code 2", "code 2")]
    assert row["mean"] == pytest.approx(ablated[1], abs=1e-5)
    assert row["base"] == pytest.approx(-model.code_log_probs(CASES)[:, 1].mean(), abs=1e-5)
    for kind in ("mean", "zero"):
        known = table[table[f"recovered_{kind}"].notna()].astype({f"recovered_{kind}": float})
        by_hand = (known[kind] - known["spliced"]) / (known[kind] - known["base"])
        assert len(known) and np.allclose(known[f"recovered_{kind}"], by_hand)
        assert ((known[f"low_{kind}"] <= by_hand) & (by_hand <= known[f"high_{kind}"])).all()
    item = table.loc[("all", "all")]
    assert item["base"] == pytest.approx(-model.code_log_probs(CASES).sum(axis=1).mean(), abs=1e-4)
