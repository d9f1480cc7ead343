"""Critiques of real datasets: how many steps have one, that each is true, and what the lint report says of them."""
import json

import numpy as np
import pytest

from workbench.data import datasets
from workbench.data.critiques.attribute_differences import steps
from workbench.data.links.attributes import item_attributes
from workbench.data.lint import lint

SHARES = {"office": (0.1, 0.3), "movielens-small": (0.4, 0.7)}


@pytest.mark.parametrize("name", SHARES)
def test_a_critique_is_true_of_its_step(real, name):
    plain, dataset = datasets.load(name), datasets.load("critiqued", of=name)
    assert dataset.name == f"{name}+critiques" and json.dumps(dataset.about)
    assert (dataset.interactions[["user", "item", "row"]] == plain.interactions[["user", "item", "row"]]).all(axis=None)
    pairs, table = steps(dataset), dataset.tables["critiques"].set_index("critique")
    number = dataset.interactions["critique"].to_numpy()[pairs.events]
    said = number > 0
    low, high = SHARES[name]
    assert low < said.mean() < high
    names, matrix = item_attributes(plain)
    place = {attribute: column for column, attribute in enumerate(names)}
    has = matrix.toarray() > 0
    keeps, adds = (table[column].map(place).reindex(number[said]).to_numpy() for column in ("keeps", "adds"))
    last, following = pairs.last[said], pairs.following[said]
    assert has[last, keeps].all() and has[following, keeps].all()
    assert has[following, adds].all() and not has[last, adds].any()


def test_the_same_seed_says_the_same_and_another_something_else(real):
    first, again, other = (datasets.load("critiqued", of="office", seed=seed) for seed in (0, 0, 1))
    assert (first.interactions["critique"] == again.interactions["critique"]).all()
    one, two = (each.tables["critiques"].set_index("critique")["text"] for each in (first, other))
    said = first.interactions["critique"].to_numpy() > 0
    assert ((other.interactions["critique"].to_numpy() > 0) == said).all(), "the same steps"
    pairs = ((one, first), (two, other))
    texts = [text.reindex(each.interactions["critique"][said]).to_numpy() for text, each in pairs]
    assert 0.2 < np.mean(texts[0] == texts[1]) < 0.9


def test_the_report_of_office_says_what_critiques_give_away(real):
    found = lint(datasets.load("critiqued", of="office")).findings.set_index("check")
    overlap = found.loc["critiques: words of the target's title"]
    assert overlap["verdict"] == "warning" and overlap["value"] > 2 * overlap["reference"]
