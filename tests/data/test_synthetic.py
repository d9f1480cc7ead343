"""Each world contains its planted structure and nothing else, measured with count-based scores only."""
import numpy as np
import pytest

from workbench.data import protocol_for, split, synthetic
from workbench.data.graph import transitions as pairs_of_train
from workbench.data.leakage_measures import ndcg_from_rank
from workbench.data.schema import ITEM, RAW, ROW, TIME, USER
from workbench.errors import UserError
from workbench.experiment import open_bench


def ndcg(scores, targets):
    """Mean NDCG@10 of full rankings, (C, I+1) scores."""
    own = scores[np.arange(len(targets)), targets][:, None]
    return ndcg_from_rank(1 + (scores[:, 1:] > own).sum(1)).mean()


def transitions(cut, lag):
    """(NDCG@10, share of test pairs seen in train) of what followed the item `lag` steps back."""
    items, rows, n = cut.train.items, cut.train.rows(), cut.n_items + 1
    inside = rows[lag:] == rows[:-lag]
    counts = np.zeros((n, n))
    np.add.at(counts, (items[:-lag][inside], items[lag:][inside]), 1)
    long_enough = cut.test.histories.lengths >= lag
    from_item = cut.test.histories.items[cut.test.histories.offsets[1:][long_enough] - lag]
    targets = cut.test.targets[long_enough]
    scores = counts + 1e-6 * cut.train_counts()
    return ndcg(scores[from_item], targets), (counts[from_item, targets] > 0).mean()


def popularity(cut):
    return ndcg(np.tile(cut.train_counts(), (len(cut.test.targets), 1)), cut.test.targets)


@pytest.fixture(scope="module")
def cuts():
    worlds = {name: synthetic.load(name) for name in synthetic.NAMES}
    return {name: split(world, protocol_for(world)) for name, world in worlds.items()}


def test_default_world_needs_more_than_popularity(cuts):
    score, seen = transitions(cuts["synthetic"], 1)
    assert score > 2.5 * popularity(cuts["synthetic"])
    assert seen < 0.6  # a transition table is not the whole answer


def test_chain_is_determined_by_the_last_item(cuts):
    cut = cuts["synthetic-chain"]
    oracle = ndcg_from_rank(np.array([1, 2, 3])).mean()  # three equally likely successors
    assert transitions(cut, 1)[0] == pytest.approx(oracle, abs=0.03)
    assert popularity(cut) < oracle / 5


def test_lag5_hides_from_the_last_item(cuts):
    cut = cuts["synthetic-lag5"]
    assert transitions(cut, 1)[0] < 1.1 * popularity(cut)
    assert transitions(cut, 5)[0] > 10 * popularity(cut)


def test_walk_is_seen_in_features_not_in_repeated_transitions(cuts):
    cut, name = cuts["synthetic-walk"], "synthetic-walk"
    score, seen = transitions(cut, 1)
    assert seen < 0.15
    planted = synthetic.truth(name)["transitions"]
    world = synthetic.load(name)
    ids = dict(zip(world.items[RAW], world.items.index, strict=True))
    table = np.zeros((cut.n_items + 1, cut.n_items + 1), np.float32)
    kept = planted[planted["item"].isin(ids) & planted["next"].isin(ids)]
    table[kept["item"].map(ids), kept["next"].map(ids)] = kept["probability"]
    last = cut.test.histories.items[cut.test.histories.offsets[1:] - 1]
    assert ndcg(table[last], cut.test.targets) > 2 * score


def test_nothing_beats_popularity_in_the_null_world(cuts):
    cut = cuts["synthetic-null"]
    noise = 2 * 0.2 / len(cut.test.targets) ** 0.5
    assert max(transitions(cut, lag)[0] for lag in (1, 2, 5)) < popularity(cut) + noise


def test_preferences_and_tags_cause_choices():
    """Users choose tags they prefer more often than other users do; the equally frequent decoy has no effect."""
    world, truth = synthetic.load("synthetic"), synthetic.truth("synthetic")
    tags = truth["tags"].set_index(RAW).loc[world.items[RAW]]
    tastes = truth["preferences"].set_index(RAW).loc[world.users[RAW]]
    events = world.interactions
    lift = {}
    carried = tags.assign(decoy=world.items["decoy"].to_numpy().astype(int))
    for tag in (*tags.columns, "decoy"):
        likes = tastes[f"tag: {tag}" if tag != "decoy" else f"tag: {tags.columns[0]}"].to_numpy() > 0
        has = carried[tag].to_numpy()[events["item"] - 1]
        lift[tag] = has[likes[events["user"]]].mean() / has[~likes[events["user"]]].mean()
    assert min(lift[tag] for tag in tags.columns) > 1.25
    assert lift["decoy"] == pytest.approx(1, abs=0.1)
    counts = np.bincount(events["item"], minlength=world.n_items + 1)[1:]
    model = tags.iloc[:, 0].to_numpy() > 0
    assert counts[carried["decoy"] > 0].sum() == pytest.approx(counts[model].sum(), rel=0.1)


def test_no_table_or_text_reveals_the_ground_truth():
    world = synthetic.load("synthetic", leak=True)
    assert set(world.items) == {RAW, "title", "text", "category", "brand", "tags", "price_band", "price", "decoy",
                                "source_id"}  # fmt: skip
    assert set(world.users) == {RAW} and set(world.interactions) == {"user", "item", "row", TIME} and not world.tables
    text = (world.items["title"] + world.items["text"] + world.items["tags"]).str.lower()
    assert not text.str.contains("decoy").any()


def test_the_default_world_has_the_irregularities_of_real_data():
    world = synthetic.load("synthetic")
    cut = split(world, protocol_for(world))
    assert (cut.train_counts()[1:] == 0).any()  # cold items
    assert (cut.test.histories.times[cut.test.histories.offsets[1:] - 1] == cut.test.times).mean() > 0.1  # ties
    near_duplicates = world.items["title"].str.endswith(", twin pack")
    assert 5 < near_duplicates.sum() < 60
    first = world.interactions.groupby("item")[TIME].min()
    middle = world.interactions[TIME].median()
    assert (first > middle).sum() > 20  # new items appear
    assert (world.interactions[TIME] % 86_400 == 0).all()
    assert world.items["title"].str.len().between(15, 90).all()


def test_same_seed_same_world_and_other_seed_another():
    a, b, c = (synthetic.load("synthetic", users=50, items=30, seed=seed) for seed in (1, 1, 2))
    assert a.interactions.equals(b.interactions) and a.items.equals(b.items)
    assert not a.interactions.equals(c.interactions)
    assert not synthetic.load("synthetic", users=50, items=30, seed=1, leak=True).interactions.empty


def test_leak_adds_a_column_and_moves_nothing():
    plain, leaky = synthetic.load("synthetic"), synthetic.load("synthetic", leak=True)
    assert plain.interactions.equals(leaky.interactions)
    assert plain.items.equals(leaky.items.drop(columns="source_id"))


def test_truth_follows_branching():
    planted = synthetic.truth("synthetic-chain", branching=5)["transitions"]
    totals = planted.groupby("item")["probability"].sum()
    assert np.allclose(totals, 1) and planted.groupby("item").size().max() == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"usres": 5}, "did you mean 'users'"),
        ({"users": 0}, "at least 1"),
        ({"users": 2.5}, "must be int"),
        ({"branching": 700}, "below items"),
        ({"mean_length": 2}, "at least 3"),
        ({"leak": 1}, "must be bool"),
    ],
)
def test_bad_options_are_named(options, words):
    with pytest.raises(UserError, match=words):
        synthetic.load("synthetic", **options)


def test_unknown_world_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'synthetic-chain'"):
        synthetic.load("synthetic-chian")


def test_steps_to_similar_items_are_seen_by_texts_and_not_by_counts():
    """Among test cases whose step to a similar item never occurs as a pair in train, the neighbours in text space are
    right; those who count pairs do no better than popularity, and counts of users not half as well as the texts."""
    bench = open_bench("synthetic", profile="smoke")
    test, events = bench.split.test, bench.dataset.interactions
    origin = synthetic.truth("synthetic")["choices"].set_index(ROW)["origin"]
    keys = [USER, ITEM, TIME]
    origin = events.assign(origin=origin.loc[events[ROW]].to_numpy()).groupby(keys)["origin"].last()
    similar = origin.loc[list(zip(test.histories.users, test.targets, test.times, strict=True))] == "similar"
    last = test.histories.items[test.histories.offsets[1:] - 1]
    seen = pairs_of_train(bench.split.train, bench.split.n_items)[last, test.targets].A1 > 0
    share = (origin == "similar").mean()
    assert 0.15 < share < 0.25 and similar.mean() == pytest.approx(share, abs=0.05)
    unseen = similar.to_numpy() & ~seen
    assert unseen.sum() > 0.7 * similar.sum()
    systems = {"popularity": {}, "item_transitions": {}, "item_knn": {}, "ease": {}, "graph_walk": {"hops": 0}}
    score = {name: bench.fit(name, **changes).per_case()[unseen].mean() for name, changes in systems.items()}
    text = score.pop("graph_walk")
    assert text > 0.06 and score["popularity"] < 0.02 and score["item_transitions"] < 0.02
    assert max(score.values()) < text / 2, score
