"""The world of three domains: users and items are apart, words are shared, and the options are read."""
import pandas as pd
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.data.datasets.invented import synthetic_domains as world
from workbench.errors import UserError


@pytest.fixture(scope="module")
def data():
    return datasets.load("synthetic-domains", users=240, items=120)


def test_users_and_items_are_of_one_domain_and_words_of_all(data):
    assert data.order == "time" and data.n_users == 240 and sorted(set(data.items["domain"])) == list(world.DOMAINS)
    events = data.interactions.assign(domain=data.items["domain"].loc[data.interactions["item"]].to_numpy())
    assert (events.groupby("user")["domain"].nunique() == 1).all()
    raw = data.users["raw_id"].loc[events["user"]].str.partition(":")[0].to_numpy()
    assert (raw == events["domain"]).all()
    words = data.items.groupby("domain")["category"].agg(set)
    assert len(words["market"] & words["outlet"] & words["store"]) > 10
    split(data, protocol_for(data))


def test_the_same_options_give_the_same_world_and_wrong_ones_an_error():
    first, same, other = (datasets.load("synthetic-domains", users=60, items=60, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.interactions, same.interactions)
    assert not first.interactions.equals(other.interactions)
    for options in ({"users": 2}, {"items": 59}):
        with pytest.raises(UserError, match="synthetic-domains: .* must be at least"):
            datasets.load("synthetic-domains", **options)
