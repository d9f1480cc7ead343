"""Visits: the MIMIC demo and the baskets as published, the invented world, and what is wrong in tables of visits."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.data import datasets
from workbench.data.datasets.visits.mimic_demo import by_route
from workbench.data.lint import NOTE, WARNING
from workbench.data.lint.visit_lints import visit_findings
from workbench.data.schema import assemble
from workbench.data.visits.attach import with_visits
from workbench.data.visits.records import read_visits
from workbench.errors import UserError

EVENTS = [("a", "x", 5, 1), ("a", "y", 5, 1), ("a", "x", 9, 2), ("b", "z", 3, 3)]
VISITS = [("a", 1, 5, "old"), ("a", 2, 9, "old"), ("b", 3, 3, "young"), ("b", 4, 8, "young"), ("nobody", 5, 1, "old")]
CODES = [(1, "diagnosis", "D1", "a cold"), (1, "diagnosis", "D1", "a cold"), (3, "diagnosis", "D2", ""),
         (4, "diagnosis", "D2", ""), (3, "act", "P1", "a cut")]  # fmt: skip
PAIRS = [("x", "y", "Major"), ("y", "x", "Minor"), ("x", "x", "Major"), ("x", "unknown", "Major"), ("z", "y", "Minor")]


def frames(events=EVENTS, visits=VISITS, codes=CODES, pairs=PAIRS) -> list[pd.DataFrame]:
    columns = (("user", "item", "timestamp", "visit"), ("user", "visit", "timestamp", "age"),
               ("visit", "kind", "code", "name"), ("code", "other", "level"))  # fmt: skip
    return [pd.DataFrame(rows, columns=names) for rows, names in zip((events, visits, codes, pairs), columns)]


def small(**changes):
    events, visits, codes, pairs = frames(**changes)
    return with_visits(assemble("small", events), visits, codes, pairs)


def test_visits_are_sets_in_order_of_time_whatever_the_order_of_the_rows():
    data, visits = small(), read_visits(small())
    assert len(visits) == 3 and sorted(visits.visits.tolist()) == [1, 2, 3]
    at = {number: row for row, number in enumerate(visits.visits)}
    ids = dict(zip(data.items["raw_id"], data.items.index))
    assert set(visits.sets[at[1]].indices) == {ids["x"], ids["y"]} and set(visits.sets[at[2]].indices) == {ids["x"]}
    assert visits.position[at[2]] == 1 and visits.position[[at[1], at[3]]].tolist() == [0, 0]
    assert visits.before(np.array([at[2], at[1]]), 2).tolist() == [[-1, at[1]], [-1, -1]]
    assert visits.texts[at[3]] == "young" and visits.profile[at[3]] != visits.profile[at[1]]
    assert visits.conflicts.tolist() == [[ids["x"], ids["y"]]], "a minor one does not count"
    again = read_visits(small(events=EVENTS[::-1], visits=VISITS[::-1], codes=CODES[::-1]))
    assert np.array_equal(again.sets.indices, visits.sets.indices) and np.array_equal(again.visits, visits.visits)
    assert all(np.array_equal(again.codes[kind].indices, matrix.indices) for kind, matrix in visits.codes.items())


def test_what_is_left_out_is_counted_and_named_by_lint():
    data = small()
    assert data.about["dropped"] == {
        "visits of users without an event": 1, "visits without a set": 1, "codes of visits that are left out": 1,
        "codes given twice": 1, "conflicts of codes that no visit has": 1, "conflicts of a code with itself": 1,
        "conflicts given twice": 1,
    }  # fmt: skip
    found = {finding.check: finding for finding in visit_findings(data)}
    assert found["visits: without codes"].value == 1 and found["visits: without codes"].verdict == WARNING  # visit 2
    assert found["visits: codes without a name"].value == 1  # D2
    assert found["visits: codes seen once"].value == 3
    assert found["visits: later ones of one user"].value == 1 and found["visits"].verdict == NOTE
    assert found["visits: conflicts of codes that no visit has"].value == 1
    assert read_visits(data).without_codes == 1
    lonely = replace(data, users=pd.concat([data.users, data.users.iloc[:1]]))
    assert {f.check: f.value for f in visit_findings(lonely)}["visits: users without one"] == 1


@pytest.mark.parametrize("changes, message", [
    ({"visits": [*VISITS, ("a", 1, 5, "old")]}, "visit 1 is given twice"),
    ({"visits": VISITS[1:]}, "event 1 is of visit 1, which is not in the table of visits"),
    ({"events": [*EVENTS, ("b", "x", 5, 1)]}, "event 5 is of visit 1, which is of another user"),
])  # fmt: skip
def test_a_table_that_cannot_be_is_one_error(changes, message):
    with pytest.raises(UserError, match=message):
        small(**changes)


def test_a_table_without_a_column_and_data_without_visits_are_errors():
    events, visits, codes, pairs = frames()
    with pytest.raises(UserError, match="'conflicts' needs the columns code, other, level; it lacks level"):
        with_visits(assemble("small", events), visits, codes, pairs.drop(columns="level"))
    with pytest.raises(UserError, match="no column 'visit'"):
        with_visits(assemble("small", events.drop(columns="visit")), visits, codes)
    with pytest.raises(UserError, match="has no visits.*mimic-demo"):
        read_visits(assemble("small", events))


def test_the_mimic_demo_is_as_published(real):
    data = datasets.load("mimic-demo")
    visits = read_visits(data)
    assert (data.n_users, data.n_items, len(visits)) == (94, 110, 122)
    assert data.about["read"] == {"prescriptions": 10_398}
    assert data.about["dropped"]["patients without a visit that has a set"] == 6
    assert np.bincount(visits.users).max() == 15, "one patient has 15 stays"
    assert (visits.position > 0).sum() == 28 and visits.traits == ("age", "gender", "admission")
    assert set(data.tables["conflicts"]["level"]) == {"Major", "Moderate", "Minor"}, "Unknown is left out"
    assert not data.tables["visits"]["age"].str.contains("200|300").any()
    assert visits.without_codes == 0 and all((names[1:] != "").all() for names in visits.code_names.values())
    assert data.items["raw_id"].str.len().eq(4).all() and data.items["title"].ne("").all()
    found = {finding.check: finding for finding in visit_findings(data)}
    assert found["visits: later ones of one user"].value == 0.5
    for options in ({"atc": 6}, {"icd": 4}):
        with pytest.raises(UserError, match="level of ATC, 1 to 5"):
            datasets.load("mimic-demo", **options)


def test_one_of_several_codes_is_chosen_by_route():
    routes = pd.Series({"A12BA01": "O", "B05XA01": "P", "S01AA01": "NA"})
    codes = ["A12BA01", "B05XA01"]
    assert by_route(codes, "PO", routes) == "A12BA01" and by_route(codes, "IV DRIP", routes) == "B05XA01"
    assert by_route([*codes, "S01AA01"], "OD", routes) == "S01AA01"
    assert by_route(codes, "unheard of", routes) == "A12BA01", "the first"


def test_a_basket_of_beauty_is_a_month_of_a_user(real):
    data = datasets.load("beauty-baskets")
    visits = read_visits(data, 500)
    assert (data.n_users, data.n_items) == (19_714, 254) and len(data.tables["visits"]) == 93_390
    assert visits.codes == {} and visits.conflicts is None and visits.traits == ("season", "last")
    first = data.tables["visits"]["last"] == "first basket"
    assert first.sum() == data.n_users and " > " not in data.items["title"].iloc[0]
    with pytest.raises(UserError, match="did you mean 'month'"):
        datasets.load("beauty-baskets", period="months")


def test_the_invented_world_hides_the_lasting_condition_at_first_visits_only():
    data = datasets.load("synthetic-visits", users=200, noise=0.0, profile=1.0)
    visits = read_visits(data)
    lasting = {f"D{number:02d}" for number in range(6)}
    codes = data.tables["visit_codes"]
    own = codes[(codes["kind"] == "diagnosis") & codes["code"].str[:3].isin(lasting)]["visit"]
    known = np.isin(visits.visits, own)
    assert not known[visits.position == 0].any() and known[visits.position > 0].all()
    again = read_visits(datasets.load("synthetic-visits", users=200, noise=0.0, profile=1.0))
    assert np.array_equal(again.sets.indices, visits.sets.indices)
    with pytest.raises(UserError, match="users=5 is 10 or more"):
        datasets.load("synthetic-visits", users=5)
