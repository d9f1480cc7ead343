"""Where parts meet: who is memorised, which latents carry the score, and what a reconstruction does to lists."""
import numpy as np
import pytest
import torch
from toys import rows

from workbench.data import Cases
from workbench.experiment import open_bench
from workbench.experiment.probing import faithfulness_by_group, train_sae
from workbench.probing.activations.hooks import Site


def test_memorised_is_a_pair_seen_in_train():
    train = rows([1, 2, 3], [4, 5], [6])
    cases = Cases(rows([9, 1], [2], [3], [], [5, 4]), np.array([2, 3, 4, 1, 5]))
    assert faithfulness_by_group.memorised(cases, train).tolist() == [True, True, False, False, True], (
        "3 ends a history, 4 begins one"
    )


def test_groups_by_hand():
    train = rows([1, 1, 1, 1, 1, 1, 1, 1, 2, 3])
    cases = Cases(rows([1], [1, 2], [1, 2, 3], [1, 2, 3, 1]), np.array([1, 2, 3, 2]))
    found = faithfulness_by_group.groups(cases, train, np.bincount(train.items, minlength=4))
    assert found["head target"].tolist() == [True, False, False, False], "item 1 alone makes up four fifths"
    assert found["short history"].tolist() == [True, False, False, False] and found["all"].all()
    assert found["memorised"].tolist() == [True, False, False, True]


@pytest.fixture(scope="module")
def run():
    return open_bench("synthetic-chain", profile="smoke", options={"users": 600, "items": 80}).fit("sasrec", epochs=15)


@pytest.fixture(scope="module")
def read(run):
    return train_sae.read(run, Site("blocks.0.out"))


@pytest.fixture(scope="module")
def found(run, read):
    return train_sae.dictionary(run, read, k=6, latents=128, epochs=20, batch=512)


@pytest.fixture(scope="module")
def table(run, read, found):
    return train_sae.certified(run, read, found, draws=19)


def test_in_a_chain_latents_follow_the_last_item(run, read, found, table):
    follows = faithfulness_by_group.follow_last(read, found)
    assert np.nanmedian(follows[table["mass"] > 0.005]) > 0.3
    told = faithfulness_by_group.carried(run, read, found, table)
    assert "others with as much" in told.index and len(told) == 7
    assert told["recovered"]["all"] == 1 and told["latents"]["none"] == 0
    assert told["recovered"]["follow the last item"] > told["recovered"]["do not follow it"]
    assert told["activation"][["follow the last item", "do not follow it"]].sum() == pytest.approx(1, abs=1e-5)


def test_keeping_all_changes_nothing_and_keeping_none_leaves_the_error(found, read):
    x = torch.from_numpy(read.x[:50])
    assert torch.equal(faithfulness_by_group.keep(found, np.ones(found.latents))(x), x)
    z = found.encode(x)
    assert torch.allclose(
        faithfulness_by_group.keep(found, np.zeros(found.latents))(x), x - z @ found.decoder, atol=1e-5
    )


def test_for_whom_it_is_kept(run, read, found):
    told = faithfulness_by_group.by_group(run, read, found)
    assert told["users"]["head target"] + told["users"]["tail target"] == told["users"]["all"]
    assert 0 < told["recovered"]["all"] <= 1.2 and told["flips"].between(0, 1).all()
    kept = faithfulness_by_group.lists_kept(run, read, found, users=100)
    assert 0 < kept["overlap"] <= 1 and 0 < kept["rbo"] <= 1 and kept["kl"] > 0
