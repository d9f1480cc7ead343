"""Dialogues: what is known before a recommendation, the published parts, traps of the real files, errors, a world."""
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.data.dialogues.assembly import Dialogues, assemble_dialogues, divided
from workbench.data.dialogues.entity_links import read_links
from workbench.data.dialogues.mentions import entity_rows, mentioned_before, read_mentions
from workbench.data.dialogues.turn_level import among_words, mentions_of, read_rows, texts_of
from workbench.data.formats.file_lookup import Content, read_plain
from workbench.data.links.knowledge_graph import read_triples
from workbench.errors import UserError

SAID = [
    ("a", 1, "seeker", "M1", "movie"), ("a", 2, "recommender", "M2", "movie"),
    ("a", 2, "recommender", "comedy", "genre"), ("a", 3, "seeker", "Ann", "person"),
    ("b", 1, "seeker", "drama", "genre"), ("b", 1, "seeker", "M1", "movie"), ("b", 2, "recommender", "M2", "movie"),
    ("b", 2, "recommender", "comedy", "genre"), ("b", 3, "seeker", "M3", "movie"), ("b", 3, "seeker", "Ann", "person"),
    ("b", 4, "recommender", "M2", "movie"), ("b", 4, "recommender", "M4", "movie"),
    ("b", 4, "recommender", "M5", "movie"), ("b", 4, "recommender", "nobody", "person"),
    ("c", 1, "seeker", "M1", "movie"), ("c", 2, "recommender", "M3", "movie"), ("d", 2, "recommender", "M4", "movie"),
]  # fmt: skip
LINKS = [("M1", "genre", "comedy", "genre"), ("M2", "genre", "drama", "genre"), ("M9", "star", "Ann", "person")]
ROW = {"dialog_id": 7, "turn_id": 1, "context": ["I never saw the Rain, a comedy."], "entity": ["Eve", "comedy"],
       "rec": ["M1"], "resp": "Try M1"}  # fmt: skip


def toy(cases="last"):
    said = pd.DataFrame(SAID, columns=["dialogue", "turn", "speaker", "entity", "kind"])
    parts = pd.Series({"a": "train", "b": "test", "c": "valid", "d": "test"})
    texts = said[["dialogue", "turn", "speaker"]].assign(text="said")
    relations = pd.DataFrame(LINKS, columns=["head", "relation", "tail", "tail_kind"])
    return assemble_dialogues("toy", Dialogues(said, texts, parts, relations), cases=cases, about={})


def lists(dataset, histories):
    """user -> titles of a history."""
    names = dataset.users["raw_id"]
    return {names[user]: dataset.titles(histories.row(row)).tolist() for row, user in enumerate(histories.users)}


def test_a_case_knows_the_turns_before_its_own():
    """M2 was there before, M5 is the last movie that is new, and neither M4 of its turn nor what is said there is
    known; d has no movie before the first recommendation."""
    dataset = toy()
    cut = split(dataset, protocol_for(dataset, **dataset.about["protocol"]))
    assert {user: row for user, row in lists(dataset, cut.train).items() if row} == {"a": ["M1", "M2"]}
    assert lists(dataset, cut.test.histories) == {"b": ["M1", "M2", "M3"]}
    assert dataset.titles(cut.test.targets).tolist() == ["M5"] and dataset.titles(cut.valid.targets).tolist() == ["M3"]
    mentions = read_mentions(dataset, read_triples(dataset).n_entities)
    entity = dataset.tables["relations"].set_index("tail_name")["tail"]
    _, known = mentioned_before(mentions, cut.test.histories)
    assert known.tolist() == [entity["drama"], entity["comedy"], entity["Ann"]]
    for length, expected in ((0, []), (1, ["drama"]), (2, ["drama", "comedy"])):
        _, known = mentioned_before(mentions, cut.test.histories.without_last(3 - length))
        assert known.tolist() == [entity[name] for name in expected], "a shorter history knows no more than it had"
    rows = entity_rows(mentions, cut.test.histories)
    assert rows.sum() == 6 and set(rows.data) == {1}
    assert mentions.names == ("movie", "genre", "person") and mentions.kinds[entity["Ann"]] == 3
    assert (mentions.kinds[1 : dataset.n_items + 1] == 1).all() and mentions.kinds[0] == 0
    assert dataset.about["dropped"]["mentions of what the knowledge graph does not know"] == 1
    assert list(dataset.about["dropped"].values())[0] == 1


def test_all_cases_of_a_dialogue():
    dataset = toy("all")
    cut = split(dataset, protocol_for(dataset, **dataset.about["protocol"]))
    targets = dict(zip(dataset.users["raw_id"][cut.test.histories.users], dataset.titles(cut.test.targets)))
    assert targets == {"b 1": "M2", "b 2": "M4", "b 3": "M5"}
    assert lists(dataset, cut.test.histories) == {"b 1": ["M1"], "b 2": ["M1", "M2", "M3"], "b 3": ["M1", "M2", "M3"]}
    with pytest.raises(UserError, match="unknown cases of toy 'first'"):
        toy("first")


@pytest.mark.parametrize("name, counts", [
    ("inspired", (79, 340, 18, 82)), ("redial", (850, 4_472, 142, 1_297)), ("opendialkg", (4_128, 6_354, 199, 201))])
def test_the_published_parts_come_back(real, monkeypatch, name, counts):
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    dataset, module = datasets.load(name), datasets.REGISTRY.load(name)
    protocol = dataset.about["protocol"]
    assert f"protocol={protocol}".replace("'", '"') in module.load.__doc__, "the docstring names the cuts"
    cut = split(dataset, protocol_for(dataset, **protocol))
    trained = np.flatnonzero(cut.train.lengths)
    assert (len(trained), len(cut.train.items), len(cut.valid.targets), len(cut.test.targets)) == counts
    for part, users in (("train", trained), ("valid", cut.valid.histories.users), ("test", cut.test.histories.users)):
        assert set(dataset.users["part"][users]) == {part}
    of_part = dataset.users.groupby("part")["dialogue"].agg(set)
    assert not of_part["train"] & (of_part["valid"] | of_part["test"]) and not of_part["valid"] & of_part["test"]
    assert not cut.test.in_history().any() and not cut.valid.in_history().any()
    mentions = read_mentions(dataset, read_triples(dataset).n_entities)
    rows, entities = mentioned_before(mentions, cut.test.histories)
    assert len(np.unique(rows)) > 0.4 * len(cut.test.targets) and (entities > dataset.n_items).all()
    told = dataset.tables["dialogues"]
    assert set(dataset.users["dialogue"]) <= set(told["dialogue"]) and set(told["speaker"]) <= {
        "seeker", "recommender", ""}  # fmt: skip
    titles = dataset.tables["relations"].groupby("head")["tail_name"].agg(set)
    if name == "redial":
        known = dict(zip(dataset.items["title"], dataset.items.index))
        assert "Jim Carrey" in titles[known["The Mask (1988)"]] or "Jim Carrey" in titles[known["The Mask (1994)"]]


def test_half_of_the_published_test_dialogues_of_opendialkg_are_in_train(real):
    """So dialogues are divided anew: later turns of a test dialogue are train rows of the release."""
    folder = real / "opendialkg" / "opendialkg_eval"
    ids = {part: {row["dialog_id"] for row in read_rows(read_plain(folder / f"{part}_data_processed.jsonl.gz"))}
           for part in ("train", "valid", "test")}  # fmt: skip
    assert len(ids["test"]) == 1_113 and len(ids["test"] & ids["train"]) == 558
    assert len(ids["valid"] & ids["train"]) == 543 and len(set.union(*ids.values())) == 5_170


def test_names_inside_other_words_are_left_out(real):
    rows = read_rows(Content(json.dumps(ROW).encode(), "rows.jsonl"))
    said, dropped = mentions_of(rows, {"Eve": "person", "comedy": "genre", "M1": "movie"})
    assert said[["entity", "turn", "speaker"]].to_numpy().tolist() == [["comedy", 0, "seeker"],
                                                                      ["M1", 1, "recommender"]]  # fmt: skip
    assert list(dropped.values()) == [0, 1]
    assert among_words("Rain", "the rain, a comedy") and not among_words("Rain", "a train")
    published = read_rows(read_plain(real / "redial_test" / "test_data_processed.jsonl.gz"))
    assert Counter(name for row in published for name in row["entity"]).most_common(3)[1][0] == "Eve"


def test_speakers_of_the_turn_level_layout():
    rows = [ROW | {"dialog_id": "7"}, ROW | {"dialog_id": "7", "turn_id": 3, "context": ["a", "b", "c"], "resp": "d"}]
    told = texts_of(rows, in_turns=True)
    assert told["text"].tolist() == ["a", "b", "c", "d"]
    assert told["speaker"].tolist() == ["seeker", "recommender"] * 2
    assert texts_of(rows, in_turns=False)["speaker"].tolist() == ["", "", "", "recommender"]


def test_parts_are_drawn_by_the_dialogue():
    names = pd.Series([f"d{n}" for n in range(200)])
    parts = divided(names, {"train": 0.8, "test": 0.2})
    assert parts.value_counts().to_dict() == {"train": 160, "test": 40}
    assert parts.equals(divided(names[::-1], {"train": 0.8, "test": 0.2}).reindex(parts.index))


@pytest.mark.parametrize("text, message", [
    ("[1]", "line 1: not an object with dialog_id"), ("{", "line 1: not a JSON object"),
    (json.dumps(ROW) + "\n" + json.dumps(ROW | {"rec": "M1"}), "line 2: not an object"),
])  # fmt: skip
def test_errors_name_the_line(text, message):
    with pytest.raises(UserError, match=message):
        read_rows(Content(text.encode(), "rows.jsonl"))


def test_links_to_unknown_numbers_and_other_documents():
    names, relations = (Content(json.dumps(table).encode(), "x.json") for table in ({"M1": 0, "Ann": 1}, {"star": 0}))
    links = Content(b'{"0": [[0, 1]]}', "kg.json")
    assert read_links(names, links, relations).to_numpy().tolist() == [["M1", "star", "Ann"]]
    with pytest.raises(UserError, match="kg.json: link .* has a number without a name"):
        read_links(names, Content(b'{"0": [[0, 5]]}', "kg.json"), relations)
    with pytest.raises(UserError, match="not a JSON dict"):
        read_links(names, Content(b"[]", "kg.json"), relations)


def test_the_world_speaks_of_what_is_linked_to_what_is_wanted():
    world = datasets.load("synthetic-dialogues", users=400)
    cut = split(world, protocol_for(world))
    graph, rows = read_triples(world), {}
    mentions = read_mentions(world, graph.n_entities)
    row, entity = mentioned_before(mentions, cut.test.histories)
    links = set(zip(graph.heads.tolist(), graph.tails.tolist()))
    rng = np.random.default_rng(0)
    for name, targets in (("own", cut.test.targets), ("other", rng.permutation(cut.test.targets))):
        rows[name] = np.mean([(item, e) in links for item, e in zip(targets[row].tolist(), entity.tolist())])
    assert rows["own"] > 2.5 * rows["other"]
    last = world.interactions.sort_values("row").groupby("user").tail(1)
    assert last["recommended"].all() and not world.interactions.duplicated(["user", "item"]).any()
    again = datasets.load("synthetic-dialogues", users=400)
    assert again.interactions.equals(world.interactions) and again.tables["mentions"].equals(world.tables["mentions"])
    with pytest.raises(UserError, match="items must be at least 50"):
        datasets.load("synthetic-dialogues", items=49)
