"""Side tables: raw ids become those of the dataset, filters keep them in step, each kind has its checks."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.data import assemble, datasets
from workbench.data.lint import NOTE, OK, WARNING, lint
from workbench.data.lint.table_lints import LINTS, table_findings
from workbench.data.presets import Preset, filter_dataset
from workbench.data.schema import Dataset
from workbench.data.tables import KINDS, attach_tables, follow_tables, required_table
from workbench.errors import UserError

CORE = Preset("core", "", 0, 0, 0, 0.0, (("iterative_k_core", 10),))


def small(n=8):
    """Users u0.. and items i0.. of a ring, each user with two items."""
    user = np.repeat(np.arange(n), 2)
    item = (user + np.tile([0, 1], n)) % n
    return assemble("ring", pd.DataFrame({"user": [f"u{u}" for u in user], "item": [f"i{i}" for i in item]}))


def findings(dataset):
    """Finding by check."""
    return {each.check: each for each in table_findings(dataset)}


def raw(dataset, name, column):
    """The raw item ids of a column of a table."""
    return dataset.items["raw_id"][dataset.tables[name][column]].tolist()


def test_raw_ids_become_those_of_the_dataset_and_unknown_ones_are_counted():
    data = attach_tables(small(), {
        "social": pd.DataFrame({"user": ["u1", "u2", "u9"], "friend": ["u2", "u1", "u1"]}),
        "geography": pd.DataFrame({"item": ["i3", "i4", None], "lat": [1.0, 2, 3], "lon": [4.0, 5, 6]}),
        "relations": pd.DataFrame({"head": ["m3", "m3", "m8", None], "relation": "of", "tail": ["m4", "b", "a", "a"]}),
        "entities": pd.DataFrame({"item": ["i3", "i4", "i8"], "entity": ["m3", "m4", "m8"]}),
        "notes": pd.DataFrame({"item": ["i0"], "text": ["mine"]}),
    })  # fmt: skip
    assert data.users["raw_id"][data.tables["social"]["friend"]].tolist() == ["u2", "u1"]
    assert raw(data, "geography", "item") == ["i3", "i4"] and raw(data, "notes", "item") == ["i0"]
    triples = data.tables["relations"]
    assert data.items["raw_id"][triples["head"].iloc[:2]].tolist() == ["i3", "i3"]
    assert data.items["raw_id"][triples["tail"].iloc[0]] == "i4"
    assert sorted([*triples["head"].iloc[2:], *triples["tail"].iloc[1:]]) == [9, 10, 11]  # m8, a, b are no items
    assert data.about["dropped"] == {f"rows of {name} about unknown ids": 1
                                     for name in ("social", "geography", "relations", "entities")}  # fmt: skip
    assert findings(data)["social: unknown ids"][1:4] == (1, 0, NOTE)


def test_tables_are_stored_and_read_with_the_dataset(tmp_path):
    for name in ("lastfm", "foursquare-nyc"):
        data, folder = datasets.load(name), tmp_path / name
        folder.mkdir()
        data.save(folder)
        read = Dataset.load(folder)
        assert read.tables.keys() == data.tables.keys() and read.about["dropped"] == data.about["dropped"]
        for table in data.tables:
            pd.testing.assert_frame_equal(read.tables[table], data.tables[table])
    assert np.array_equal(data.tables["geography"].set_index("item")["lat"].sort_index(), data.items["lat"])


def test_lastfm_graph_names_items_first_and_other_entities_above_them():
    music = datasets.load("lastfm")
    triples, links = music.tables["relations"], music.tables["entities"]
    assert set(triples["head"]) == set(links["item"])  # every head of KGCN's graph is an artist
    above = np.unique(triples["tail"][triples["tail"] > music.n_items])
    assert above.tolist() == list(range(music.n_items + 1, music.n_items + len(above) + 1))


@pytest.mark.parametrize("name", ["movielens-small", "lastfm"])
def test_a_filter_keeps_the_tables_in_step(name):
    """Rows follow their users and items, by raw id; those of users and items that were left out are counted."""
    data = datasets.load(name)
    if name == "movielens-small":
        kept, table, columns = filter_dataset(CORE, data), "tags", {"user": "users", "item": "items"}
    else:
        some = data.interactions[data.interactions["item"] % 3 > 0]
        events = some.assign(user=data.users["raw_id"][some["user"]].to_numpy(),
                             item=data.items["raw_id"][some["item"]].to_numpy())  # fmt: skip
        kept, table, columns = follow_tables(data, assemble(name, events)), "entities", {"item": "items"}
        before, after = data.tables["relations"], kept.tables["relations"]
        assert len(before) - len(after) == kept.about["dropped"][
            "rows of relations about users or items that a filter left out"] > 0  # fmt: skip
        assert (after["tail"] > kept.n_items).mean() > 0.9
        assert after["tail"].max() - kept.n_items <= before["tail"].max() - data.n_items

    def in_raw(dataset):
        ids = {c: getattr(dataset, side)["raw_id"][dataset.tables[table][c]].to_numpy() for c, side in columns.items()}
        return dataset.tables[table].assign(**ids)

    known = in_raw(data)
    for column, side in columns.items():
        known = known[known[column].isin(getattr(kept, side)["raw_id"])]
    assert 0 < len(known) < len(data.tables[table])
    pd.testing.assert_frame_equal(in_raw(kept), known.reset_index(drop=True))


PLANTED = {
    "relations": ({"head": [1, 1, 2, 9, 0], "relation": "r", "tail": [2, 2, 2, 10, 3]}, {
        "unknown ids": 1, "duplicated triples": 1, "self links": 1, "triples without an item": 1,
        "items without a triple": 5}),
    "social": ({"user": [0, 1, 2, 3, 3, 8], "friend": [1, 0, 2, 4, 4, 0]}, {
        "unknown ids": 1, "self links": 1, "duplicated links": 1, "one-sided links": 3}),
    "tree": ({"child": list("abcdeff"), "parent": ["b", "c", "a", "d", None, "e", "d"]}, {
        "unknown ids": 0, "nodes with two parents": 1, "nodes on a cycle": 4}),
    "slates": ({"slate": [1, 1, 1, 2, 2], "position": [0, 1, 1, 0, 1], "item": [1, 2, 3, 4, 4]}, {
        "unknown ids": 0, "repeated positions": 1, "repeated items": 1}),
    "dialogues": ({"dialogue": [1, 1, 2, 2, 2], "turn": [0, 1, 0, 2, 1], "speaker": "u", "text": ["hi", " ", "a", "b",
                                                                                                None]}, {
        "unknown ids": 0, "turns out of order": 1, "empty turns": 2}),
    "geography": ({"item": [1, 2, 3, 3, 9], "lat": [91.0, 0, 1, 2, 2], "lon": [0.0, 0, 1, 181, 3]}, {
        "unknown ids": 1, "out of range": 2, "at (0, 0)": 1, "repeated items": 1, "crowded places": 0,
        "items without a place": 4}),
    "image": ({"item": [1, 2, 3, 3, 9], "0": [1.0, 0, 1, 5, np.nan], "1": [2.0, 0, 2, 0, 1]}, {
        "unknown ids": 1, "missing numbers": 1, "empty rows": 1, "repeated rows": 1, "repeated items": 1,
        "items without features": 4}),
    "audio": ({"item": [1, 2, 3], "0": [1.0, 0, 1]}, {
        "unknown ids": 0, "missing numbers": 0, "empty rows": 1, "repeated rows": 1, "repeated items": 0,
        "items without features": 5}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_planted_problems_are_counted_in_one_sentence(kind):
    content, expected = PLANTED[kind]
    found = findings(replace(small(), tables={kind: pd.DataFrame(content)}))
    assert {check: each.value for check, each in found.items()} == {f"{kind}: {c}": n for c, n in expected.items()}
    for each in found.values():
        assert each.note.endswith(".") and each.verdict in ((OK,) if not each.value else (NOTE, WARNING))
    empty = replace(small(), tables={kind: pd.DataFrame({c: values[:0] if isinstance(values, list) else []
                                                         for c, values in content.items()})})  # fmt: skip
    assert all(each.value in (0, 8) for each in findings(empty).values())


def test_many_items_at_one_place():
    table = pd.DataFrame({"item": range(1, 8), "lat": [5.0] * 6 + [6.0], "lon": 7.0})
    assert findings(replace(small(), tables={"geography": table}))["geography: crowded places"].value == 6


def test_the_report_of_a_bundled_dataset_holds_its_tables():
    report = lint(datasets.load("lastfm")).findings.set_index("check")
    for check in ("relations: duplicated triples", "social: self links", "social: one-sided links"):
        assert report.loc[check, "verdict"] == OK, report.loc[check, "note"]
    assert report.loc["relations: items without a triple", "value"] == 17_632 - 3_846


def test_every_kind_has_checks_and_the_datasets_that_it_names():
    assert LINTS.keys() == KINDS.keys()
    for name, kind in KINDS.items():
        for dataset in kind.bundled:
            assert set(kind.columns) <= set(required_table(datasets.load(dataset), name))


def test_bad_tables_are_errors():
    data = small()
    with pytest.raises(UserError, match="'geography' needs the columns item, lat, lon; unknown column 'lat'; did you"):
        attach_tables(data, {"geography": pd.DataFrame({"item": ["i1"], "latt": [1.0], "lon": [1.0]})})
    with pytest.raises(UserError, match="ring: unknown table 'social'; Allowed: none.*friend; bundled with lastfm"):
        required_table(data, "social")


def test_numbers_beside_a_missing_one_are_still_ids():
    n = 6
    user = np.repeat(np.arange(n), 2)
    data = assemble("ring", pd.DataFrame({"user": user, "item": (user + np.tile([0, 1], n)) % n}))
    data = attach_tables(data, {"social": pd.DataFrame({"user": [1, 2, None], "friend": [2, 1, 3]})})
    assert data.users["raw_id"][data.tables["social"]["user"]].tolist() == ["1", "2"]
    assert data.about["dropped"] == {"rows of social about unknown ids": 1}
    graph = {"relations": pd.DataFrame({"head": [11, 12], "relation": "of", "tail": [12, 99]}),
             "entities": pd.DataFrame({"item": [1, 2, 3], "entity": [11, 12, None]})}  # fmt: skip
    relations = attach_tables(data, graph).tables["relations"]
    assert data.items["raw_id"][relations["head"]].tolist() == ["1", "2"] and relations["tail"][1] > data.n_items


def test_an_empty_table_follows_and_counts_of_two_filters_add_up():
    relations = pd.DataFrame({"head": ["i3"], "relation": "of", "tail": ["i4"]})
    data = attach_tables(small(), {"relations": relations, "geography": pd.DataFrame(
        {"item": ["i1", "i2"], "lat": 1.0, "lon": [2.0, 3.0]})})  # fmt: skip
    empty = replace(data, tables=data.tables | {"relations": data.tables["relations"][:0]})
    assert follow_tables(empty, empty).tables["relations"].empty
    for left in ("i1", "i2"):
        kept = data.items.index[data.items["raw_id"] != left]
        old, data = data, assemble("less", pd.DataFrame({
            "user": data.interactions["user"].map(data.users["raw_id"]),
            "item": data.interactions["item"].map(data.items["raw_id"]),
        })[data.interactions["item"].isin(kept)], about=data.about)  # fmt: skip
        data = follow_tables(old, data)
    assert data.about["dropped"]["rows of geography about users or items that a filter left out"] == 2
