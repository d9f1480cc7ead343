"""Policies under other users: a row a user model, the order read off paired intervals."""
from dataclasses import replace

import pytest

import workbench as wb
from workbench.errors import UserError
from workbench.experiment.online.simulators import by_simulator
from workbench.train import PROFILES


def test_the_order_of_three_rules():
    bench = wb.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 200})
    rules = ("always_recommend", "greatest_entropy", "random_questions")
    table = by_simulator(bench, rules, patience=(3, 15), silence=(0.0, 0.6), metric="success@15")
    assert table[["patience", "silence"]].to_numpy().tolist() == [[3, 0], [3, 0.6], [15, 0], [15, 0.6]]
    rule = table["always_recommend"]
    assert rule[0] == rule[1] and rule[2] == rule[3] > rule[0], "it never asks, so silence is nothing to it"
    assert " = " in table["order"][0] and table["order"][2].startswith("greatest_entropy >"), table["order"].tolist()
    run = bench.fit("greatest_entropy", turns=3, silence=0.6)
    assert table["greatest_entropy"][1] == run.metrics["success@15"]
    with pytest.raises(UserError, match="sasrec hold no conversations"):
        by_simulator(bench, ("sasrec",))
