"""Logs of what was shown, with clicks: KuaiRand as published, and the invented one against what it plants."""
import numpy as np
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.data.datasets.invented import synthetic_clicks
from workbench.errors import UserError


def rates(world) -> np.ndarray:
    """(DAYS, groups) the click rate of each group of items on each day."""
    events = world.interactions
    day = (events["timestamp"] - synthetic_clicks.START) // synthetic_clicks.SECONDS_PER_DAY
    group = world.items["category"].reindex(events["item"]).to_numpy()
    return events.groupby([day.to_numpy(), group])["click"].mean().unstack().to_numpy()


def test_kuairand_is_as_published_without_its_repeats(real):
    dataset = datasets.load("kuairand-clicks")
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions)) == (25_156, 6_361, 222_444)
    assert dataset.about["dropped"] == {"repeats of user, video and time": 5_885}
    assert dataset.interactions["click"].mean() == pytest.approx(0.4496, abs=1e-4)
    exact = dataset.with_exact_times().interactions
    assert not exact.duplicated(["user", "item", "timestamp"]).any()
    assert dataset.items["category"].notna().mean() > 0.98
    assert len(split(dataset, protocol_for(dataset)).test.targets) > 15_000


def test_the_appeal_of_groups_changes_slowly_and_only_with_drift():
    moving, still = (rates(datasets.load("synthetic-clicks", drift=drift, users=2_000)) for drift in (1.0, 0.0))
    assert moving.shape == (synthetic_clicks.DAYS, synthetic_clicks.GROUPS)
    assert moving.std(axis=0).mean() > 2 * still.std(axis=0).mean()
    lag = [np.corrcoef(moving[:-days].ravel(), moving[days:].ravel())[0, 1] for days in (1, 15)]
    assert lag[0] > 0.6 and lag[0] > lag[1] + 0.2


def test_clicks_follow_the_planted_odds():
    world = datasets.load("synthetic-clicks", users=500, items=60)
    again = datasets.load("synthetic-clicks", users=500, items=60)
    assert world.interactions.equals(again.interactions)
    liked = world.interactions.groupby("item")["click"].mean()
    assert liked.std() > 0.08, "items differ"
    with pytest.raises(UserError, match="items must be at least 12, not 5"):
        datasets.load("synthetic-clicks", items=5)
