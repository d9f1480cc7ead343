"""Faithfulness by group: memorized targets, the metric by set of latents, and agreement of top-k lists."""
import numpy as np
import pytest
import torch
from toys import make_histories

from workbench.data import Cases
from workbench.experiment import open_bench
from workbench.experiment.probing import faithfulness_by_group, train_sae
from workbench.probing.activations.hooks import Site


def test_a_target_is_memorized_if_it_follows_the_last_item_in_train():
    train = make_histories([1, 2, 3], [4, 5], [6])
    cases = Cases(make_histories([9, 1], [2], [3], [], [5, 4]), np.array([2, 3, 4, 1, 5]))
    assert faithfulness_by_group.is_memorized(cases, train).tolist() == [True, True, False, False, True], (
        "3 ends a history, 4 begins one"
    )


def test_groups_by_hand():
    train = make_histories([1, 1, 1, 1, 1, 1, 1, 1, 2, 3])
    cases = Cases(make_histories([1], [1, 2], [1, 2, 3], [1, 2, 3, 1]), np.array([1, 2, 3, 2]))
    masks = faithfulness_by_group.groups(cases, train, np.bincount(train.items, minlength=4))
    assert masks["head target"].tolist() == [True, False, False, False], "item 1 alone makes up four fifths"
    assert masks["short history"].tolist() == [True, False, False, False] and masks["all"].all()
    assert masks["memorized"].tolist() == [True, False, False, True]


@pytest.fixture(scope="module")
def run():
    return open_bench("synthetic-chain", profile="smoke", options={"users": 600, "items": 80}).fit("sasrec", epochs=15)


@pytest.fixture(scope="module")
def activations(run):
    return train_sae.read_activations(run, Site("blocks.0.out"))


@pytest.fixture(scope="module")
def dictionary(run, activations):
    return train_sae.train_dictionary(run, activations, k=6, latents=128, epochs=20, batch=512)


@pytest.fixture(scope="module")
def table(run, activations, dictionary):
    return train_sae.concept_table(run, activations, dictionary, draws=19)


def test_in_a_chain_the_last_item_predicts_the_latents(run, activations, dictionary, table):
    r2 = faithfulness_by_group.last_item_r2(activations, dictionary)
    assert np.nanmedian(r2[table["activation_share"] > 0.005]) > 0.3
    by_set = faithfulness_by_group.metric_by_latent_set(run, activations, dictionary, table)
    assert "random latents with equal activation" in by_set.index and len(by_set) == 7
    assert by_set["recovered"]["all"] == 1 and by_set["latents"]["none"] == 0
    predicted, other = by_set.loc["last-item R2 >= 0.5"], by_set.loc["last-item R2 < 0.5"]
    assert predicted["recovered"] > other["recovered"]
    assert predicted["activation_share"] + other["activation_share"] == pytest.approx(1, abs=1e-5)


def test_keeping_all_latents_changes_nothing_and_keeping_none_leaves_the_error(dictionary, activations):
    x = torch.from_numpy(activations.x[:50])
    assert torch.equal(faithfulness_by_group.keep_latents(dictionary, np.ones(dictionary.latents))(x), x)
    z = dictionary.encode(x)
    error = faithfulness_by_group.keep_latents(dictionary, np.zeros(dictionary.latents))(x)
    assert torch.allclose(error, x - z @ dictionary.decoder, atol=1e-5)


def test_recovered_by_group_and_list_overlap(run, activations, dictionary):
    by_group = faithfulness_by_group.faithfulness_by_group(run, activations, dictionary)
    users = by_group["users"]
    assert users["head target"] + users["tail target"] == users["all"]
    assert 0 < by_group["recovered"]["all"] <= 1.2 and by_group["hit_flips"].between(0, 1).all()
    agreement = faithfulness_by_group.list_overlap(run, activations, dictionary, users=100)
    assert 0 < agreement["overlap"] <= 1 and 0 < agreement["rbo"] <= 1 and agreement["kl"] > 0
