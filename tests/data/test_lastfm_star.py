"""Last.fm* on its published files: counts, parts, tags by an own reading; pickles that are no links are refused."""
import gzip
import json
import pickle
import pickletools

import numpy as np
import pytest

from workbench.data import Protocol, datasets, protocol_for, split
from workbench.data.datasets.conversations import lastfm_star
from workbench.data.formats.containers.pickled_links import parse_links
from workbench.data.formats.file_lookup import Content
from workbench.data.links.attributes import item_attributes
from workbench.data.lint.table_lints import table_findings
from workbench.errors import UserError


@pytest.fixture(scope="module")
def dataset(real):
    return datasets.load("lastfm-star")


def lists(real, part):
    path = real / "lastfm_star_unicorn" / "UI_Interaction_data" / f"review_dict_{part}.json"
    return json.loads(gzip.decompress(path.with_name(path.name + ".gz").read_bytes()) if part == "train" else
                      path.read_bytes())  # fmt: skip


def test_counts_are_the_published_ones(dataset):
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions), dataset.order) == (
        1_801, 7_123, 76_693, "none")  # fmt: skip
    assert dataset.about["read"] == {
        "train interactions": 52_910, "valid interactions": 11_891, "test interactions": 11_892, "items": 7_432,
        "attributes": 8_438, "groups": 33, "social links": 23_958,
    }  # fmt: skip
    assert len(dataset.tables["social"]) == 23_958
    dropped = {"rows of attributes about unknown ids": 94_446 - len(dataset.tables["attributes"])}
    assert dataset.about["dropped"] == dropped
    assert dataset.about["files"] == {file.path: file.sha256 for file in lastfm_star.FILES.values()}
    assert not dataset.interactions.duplicated(["user", "item"]).any()
    assert not any(each.value for each in table_findings(dataset)), "links both ways, none twice, none to oneself"


def test_parts_are_those_of_the_release(dataset, real):
    events = dataset.interactions
    assert events["part"].value_counts().to_dict() == {"train": 52_910, "test": 11_892, "valid": 11_891}
    assert (events["held_out"] == (events["part"] == "test")).all()
    for part in ("train", "valid", "test"):
        chosen = events[events["part"] == part]
        ours = set(zip(dataset.users["raw_id"][chosen["user"]], dataset.items["raw_id"][chosen["item"]], strict=True))
        assert ours == {(user, str(item)) for user, items in lists(real, part).items() for item in items}
    published = split(dataset, protocol_for(dataset, split="published"))
    assert len(published.test.targets) == 11_892 and len(published.train.items) + len(published.valid.targets) == 64_801
    assert not published.test.in_history().any()


def test_an_item_has_its_published_tags(dataset, real):
    content = (real / "lastfm_star_unicorn" / "Graph_generate_data" / "item_fea.pkl").read_bytes()
    assert not any(op.name in ("GLOBAL", "STACK_GLOBAL", "REDUCE") for op, _, _ in pickletools.genops(content))
    raw = parse_links(Content(content, "item_fea.pkl"), "item", "attribute").groupby("item")["attribute"].agg(set)
    assert raw[0] == {69, 75}
    tags = dataset.tables["attributes"].groupby("item")["attribute"].agg(set)
    for item in tags.index[::500]:
        assert tags[item] == {f"tag {number}" for number in raw[int(dataset.items["raw_id"][item])]}
    known = set(dataset.tables["groups"]["attribute"])
    assert len(known) == 7_948 and dataset.tables["groups"]["group"].nunique() == 33, "490 tags are in no group"


def test_a_conversation_can_be_held(dataset):
    """Tags of fewer than five artists are nearly their names; every artist of the test part has one of the others."""
    attributes = item_attributes(dataset)
    assert attributes.matrix.shape == (7_124, len(attributes.names)) and 1_000 < len(attributes.names) < 3_000
    test = split(dataset, Protocol(split="published")).test
    assert (np.diff(attributes.matrix.tocsr().indptr)[test.targets] > 0).mean() > 0.99


@pytest.mark.parametrize("value, message", [
    ([1, 2], "it holds no dict of tuples"), ({1: [2]}, "no dict of tuples"), ({1: (2, "a")}, "other than whole"),
    ({-1: (2,)}, "whole numbers from 0"), ({1: (True,)}, "whole numbers"), ({1: (np.int64(2),)}, "it requests"),
])  # fmt: skip
def test_a_pickle_of_something_else_is_refused(value, message):
    with pytest.raises(UserError, match=f"x.pkl: not pickled links .*{message}") as error:
        parse_links(Content(pickle.dumps(value), "x.pkl"), "item", "attribute")
    assert error.value.code == 3


def test_a_damaged_or_hostile_pickle_is_refused(tmp_path):
    touched = tmp_path / "touched"
    hostile = b"cos\nsystem\n(S'touch " + str(touched).encode() + b"'\ntR."
    for data in (b"", b"no", pickle.dumps({1: (2,)})[:-4], hostile):
        with pytest.raises(UserError, match="not pickled links"):
            parse_links(Content(data, "x.pkl"), "item", "attribute")
    assert not touched.exists()
    assert parse_links(Content(pickle.dumps({3: (1, 2), 5: ()}), "x"), "a", "b").to_numpy().tolist() == [[3, 1], [3, 2]]


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": [1]}', '{"1": 2}', '{"1": ["x"]}'])
def test_lists_that_are_no_users_and_items_are_refused(text):
    with pytest.raises(UserError, match="not a JSON object of users and their items"):
        list(lastfm_star._pairs(Content(text.encode(), "review_dict_test.json")))
