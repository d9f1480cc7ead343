"""The cost of an epoch is said before it starts, with the setting that lowers it."""
import pytest

from workbench.experiment import open_bench
from workbench.recommenders import epoch_cost
from workbench.train import fit, recipe


@pytest.mark.parametrize("system, settings, remedy", [
    ("sasrec", {}, "--set loss=sampled negatives=256 scores a sample"), ("sasrec", {"loss": "sampled"}, ""),
    ("sasrec", {"loss": "bce"}, ""), ("gru4rec", {}, "such as sasrec"), ("bert4rec", {}, "such as sasrec"),
])  # fmt: skip
def test_a_full_softmax_over_many_items_is_announced(system, settings, remedy, monkeypatch, caplog):
    bench = open_bench("synthetic", profile="smoke", options={"users": 100, "items": 40})
    recommender = bench.build(system, width=16, **settings)
    for large, said in ((10**12, ""), (1, remedy)):
        monkeypatch.setattr(epoch_cost, "LARGE", large)
        caplog.clear()
        recommender.fit(bench.split, fit.TrainingSession(recipe.Recipe(epochs=1)))
        text = "".join(message for message in caplog.messages if message.startswith("an epoch scores all "))
        assert said in text and bool(said) == bool(text)


def test_the_time_of_a_long_epoch_is_said(caplog):
    fit._warn_of_time(0.1, 100, 20)
    assert not caplog.messages
    fit._warn_of_time(9.0, 2_000, 10)
    assert caplog.messages == ["an epoch takes about 300 min (2000 steps of 9 s), all 10 of them up to 50 h"]
