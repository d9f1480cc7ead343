"""Open Bandit and Coat: exact counts and traps of the real files, errors, and what they are for, off-policy estimates
beside the truth."""
import gzip

import numpy as np
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.errors import UserError
from workbench.evaluate.episodes.off_policy import Log, cross_fitted_rewards, off_policy, population_mean


@pytest.fixture(scope="module")
def bandit(real):
    return datasets.load("open-bandit")


@pytest.fixture(scope="module")
def coat(real):
    return datasets.load("coat")


def test_open_bandit_counts_and_traps(bandit):
    slates = bandit.tables["slates"]
    assert (bandit.n_users, bandit.n_items, len(bandit.interactions), bandit.order) == (265, 34, 20_000, "time")
    assert len(slates) == 20_000 and bandit.about["dropped"] == {} and slates["slate"].is_unique
    assert {"slate", "position", "item", "user", "source", "clicked", "propensity", "timestamp"} <= set(slates)
    by_source = slates.groupby("source")
    assert by_source.size().to_dict() == {"random": 10_000, "bts": 10_000}
    assert by_source["clicked"].sum().to_dict() == {"random": 46, "bts": 69}
    assert set(slates["position"]) == {1, 2, 3}
    random, bts = by_source.get_group("random"), by_source.get_group("bts")
    assert random["propensity"].to_numpy() == pytest.approx(1 / 34)
    assert bts["propensity"].min() == pytest.approx(0.000165) and bts["propensity"].max() == pytest.approx(0.72529)
    # the sampler goes on learning: no item keeps its propensity in a slot, and over the week these do not sum to 1
    each = bts.groupby(["item", "position"])["propensity"]
    assert each.nunique().min() == 4 and each.nunique().max() == 541
    assert each.median().groupby("position").sum().round(1).to_dict() == {1: 2.0, 2: 1.8, 3: 1.6}
    assert bandit.interactions["event"].value_counts().to_dict() == {"expose": 19_885, "click": 115}
    persons = bandit.interactions.groupby("user").size()
    assert persons.max() > 1_000, "a user is a combination of four features, not a person"
    files = datasets.REGISTRY.load("open-bandit").FILES
    assert bandit.about["files"] == {path: file.sha256 for path, file in files.items()}
    assert (split(bandit, protocol_for(bandit)).train.items > 0).all()


def log_of(bandit, source: str) -> Log:
    rows = bandit.tables["slates"].query("source == @source")
    return Log(rows["item"].to_numpy() - 1, rows["clicked"].to_numpy(float), rows["propensity"].to_numpy(),
               rows["position"].to_numpy() - 1)  # fmt: skip


def shares(log: Log) -> np.ndarray:
    """(3, 34) how often a policy showed each item in each slot: the policy, as an average of its week."""
    counts = np.zeros((3, 34))
    np.add.at(counts, (log.contexts, log.actions), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def test_the_value_of_each_policy_of_open_bandit_from_the_log_of_the_other(bandit):
    """An estimate and a click rate, each with its own error, agree; and the errors are wide, as the learned log has
    little left to say of a random policy."""
    random, bts = log_of(bandit, "random"), log_of(bandit, "bts")
    uniform = np.full((3, 34), 1 / 34)
    of_bts = off_policy(random, shares(bts), rewards=cross_fitted_rewards(random, 3, 34))
    of_random = off_policy(bts, uniform, rewards=cross_fitted_rewards(bts, 3, 34))
    assert random.rewards.mean() == pytest.approx(0.0046) and bts.rewards.mean() == pytest.approx(0.0069)
    itself = off_policy(random, uniform)
    for found, log in ((of_bts, bts), (of_random, random)):
        truth = off_policy(log, uniform)["ips"] if log is random else off_policy(log._replace(
            propensities=shares(log)[log.contexts, log.actions]), shares(log))["ips"]  # fmt: skip
        assert truth.value == pytest.approx(log.rewards.mean())
        for name in ("ips", "snips", "dr"):
            halves = np.array([found[name].high - found[name].low, truth.high - truth.low]) / 2
            assert abs(found[name].value - truth.value) < np.sqrt((halves**2).sum()), name
    assert itself["ips"].value == pytest.approx(0.0046) and itself["ess"] == pytest.approx(10_000)
    assert of_random["ess"] < of_bts["ess"] < 5_000


def test_coat_counts_and_traps(coat):
    events, dropped = coat.interactions, coat.about["dropped"]
    assert (coat.n_users, coat.n_items, len(events), coat.order) == (290, 300, 6_960 + 4_640 - 366, "none")
    assert coat.about["read"] == {"train": 6_960, "test": 4_640} and list(dropped.values()) == [366]
    chosen, drawn = events[~events["held_out"]], events[events["held_out"]]
    assert (chosen.groupby("user").size() == 24).all() and drawn.groupby("user").size().max() == 16
    assert not events.duplicated(["user", "item"]).any() and events["rating"].between(1, 5).all()
    assert chosen["rating"].mean() == pytest.approx(2.611, abs=5e-4) and drawn["rating"].mean() < 2.3
    assert events["propensity"].between(0.0024, 0.691).all()
    assert (1 / chosen["propensity"]).sum() / (290 * 300) == pytest.approx(1.040, abs=5e-4)
    assert coat.items["category"].str.fullmatch(r"(men|women) > \w+").all() and coat.items["tags"].nunique() == 13
    assert set(coat.users["gender"]) == {"men", "women"}
    assert coat.about["files"] == {file.path: file.sha256 for file in datasets.REGISTRY.load("coat").FILES.values()}
    assert coat.items.columns[coat.items.isna().any()].empty
    published = split(coat, protocol_for(coat, split="published"))
    assert len(published.test.targets) == len(drawn)


def test_the_error_of_a_rating_predictor_on_coat_beside_the_truth_of_its_random_test(coat):
    """Item means, learnt on one half of the chosen coats and judged on the other: who rates what they like is easy to
    predict, so the error looks smaller than on coats that chance chose. With propensities it is near that truth."""
    events = coat.interactions
    chosen, drawn = events[~events["held_out"]], events[events["held_out"]]
    judged = chosen[1::2]
    per_item, overall = chosen[::2].groupby("item")["rating"].agg(["sum", "count"]), chosen[::2]["rating"].mean()
    means = (per_item["sum"] + 5 * overall) / (per_item["count"] + 5)
    values = {
        "squared error of item means": lambda rows: (rows["item"].map(means).fillna(overall) - rows["rating"]) ** 2,
        "absolute error of always 4": lambda rows: (4 - rows["rating"]).abs(), "rating": lambda rows: rows["rating"],
    }  # fmt: skip
    for name, value in values.items():
        truth, half = value(drawn).mean(), judged["propensity"].to_numpy() / 2
        found = population_mean(value(judged).to_numpy(), half, 290 * 300)
        assert not found["naive"].low <= truth <= found["naive"].high, name
        for by in ("ips", "snips"):
            assert abs(found[by].value - truth) < abs(found["naive"].value - truth), (name, by)


def write(folder, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(gzip.compress(text.encode()))


HEAD = "timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,user_feature_3\n"
ROW = "2019-11-24 00:03:13.442536+00:00,14,3,1,0.5,a,b,c,d\n2019-11-24 00:03:14+00:00,2,1,0,0.5,a,b,c,e\n"
CONTEXT = "item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n14,0.5,x,y,z\n2,0.1,x,y,z\n"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Writes a small Open Bandit, with other rows of the random policy, and loads it."""
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")

    def load(rows=ROW):
        for source in ("random", "bts"):
            folder = tmp_path / "open_bandit_small" / source / "men"
            write(folder, "men.csv.gz", HEAD + (ROW if source == "bts" else rows))
            write(folder, "item_context.csv.gz", CONTEXT)
        return datasets.load("open-bandit")

    return load


def test_a_small_open_bandit_is_read_as_it_is_written(small):
    dataset = small()
    assert dataset.interactions["timestamp"].tolist() == [1574553793, 1574553794] * 2
    assert dataset.interactions["microsecond"].tolist() == [442536, 0] * 2
    assert dataset.items["raw_id"][dataset.interactions["item"]].tolist() == ["14", "2"] * 2
    assert dataset.users["raw_id"][dataset.interactions["user"]].tolist() == ["a-b-c-d", "a-b-c-e"] * 2
    assert dataset.tables["slates"]["clicked"].tolist() == [True, False] * 2


@pytest.mark.parametrize("old, new, message", [
    (",1,0.5", ",2,0.5", "line 2: click is 0 or 1"), (",3,1", ",4,1", "line 2: position is 1 to 3"),
    ("0,0.5", "0,0.0", "line 3: propensity_score is above 0"),
    ("2019-11-24 00:03:14+00:00", "noon", "line 3: timestamp"),
])  # fmt: skip
def test_values_that_cannot_be_are_named_with_their_line(small, old, new, message):
    with pytest.raises(UserError, match=message):
        small(ROW.replace(old, new))


@pytest.mark.parametrize("name, text, message", [
    ("train.ascii", "1 2\n3\n", "2 rows of"), ("train.ascii", "one two\n", "not a matrix of numbers"),
    ("train.ascii", ("9 " * 300 + "\n") * 290, "a rating is not 1 to 5"),
    ("propensities.ascii", ("0 " * 300 + "\n") * 290, "a propensity is not above 0"),
])  # fmt: skip
def test_a_coat_that_cannot_be_is_one_error(tmp_path, monkeypatch, name, text, message):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    fine = {"train.ascii": ("1 " * 300 + "\n") * 290, "test.ascii": ("0 " * 300 + "\n") * 290,
            "propensities.ascii": ("0.5 " * 300 + "\n") * 290}  # fmt: skip
    for each, file in datasets.REGISTRY.load("coat").FILES.items():
        write(tmp_path / "coat", file.path + ".gz", (fine | {name: text}).get(each, "a:b\n"))
    with pytest.raises(UserError, match=message):
        datasets.load("coat")
