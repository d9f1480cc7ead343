"""Critiques and lumen: what is said and to whom, that it knows the target, and what a fit may not see of it."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_lm import save_tiny_model

from workbench import systems
from workbench.data import Dataset, assemble, datasets, protocol_for
from workbench.data.critiques.attribute_differences import steps, with_critiques
from workbench.data.critiques.findings import critique_findings
from workbench.errors import UserError
from workbench.evaluate.critiques.with_and_without import with_and_without
from workbench.experiment import open_bench
from workbench.nets.sequences.critiqued import word_loss
from workbench.recommenders.text.critiques import critique_inputs, critique_words, said_in_train
from workbench.recommenders.text.narratives import narratives, stories


def shop() -> Dataset:
    """Two users; a and b are paper, c is ink, d and e are none of these; brands x and y."""
    items = pd.DataFrame({"raw_id": list("abcde"), "title": ["A four", "Avery x cards", "Ink", "Desk", "Chair"],
                          "category": ["S > Paper", "S > Paper", "S > Ink", "S > Desk", ""],
                          "brand": ["y", "x", "x", "", ""]})  # fmt: skip
    events = pd.DataFrame({"user": [1] * 5 + [2] * 4 + [3] * 3, "item": list("abcbaababded")})
    return assemble("shop", events, items=items, order="sequence")


@lru_cache
def told() -> Dataset:
    return with_critiques(shop(), least=1)


def said(dataset: Dataset) -> list[str]:
    texts = {0: ""} | dict(dataset.tables["critiques"].set_index("critique")["text"])
    return [texts[number] for number in dataset.interactions["critique"]]


def test_a_critique_keeps_what_both_have_and_adds_what_the_next_one_has_alone():
    to_b, to_a = "More like this in Paper, but by x", "More like this in Paper, but by y"
    assert said(told()) == [to_b, "", "", to_a, "", to_b, to_a, to_b, "", "", "", ""], (
        "b and c share the root alone; nothing last"
    )
    assert told().tables["critiques"][["keeps", "adds"]].drop_duplicates().to_numpy().tolist() == [
        ["category S > Paper", "brand x"], ["category S > Paper", "brand y"]]  # fmt: skip
    assert any("give away in part" in note for note in told().about["notes"])


def test_one_of_several_attributes_is_drawn_and_all_are_true_of_the_next_item():
    world = datasets.load("synthetic-critiques", users=300)
    pairs, table = steps(world), world.tables["critiques"].set_index("critique")
    number = world.interactions["critique"].to_numpy()[pairs.events]
    has, rows = number > 0, world.items
    assert 0.2 < has.mean() < 0.8 and (np.delete(world.interactions["critique"], pairs.events) == 0).all()
    for last, following, n in list(zip(pairs.last[has], pairs.following[has], number[has]))[:200]:
        kind, _, name = table.loc[n, "adds"].partition(" ")
        column = {"tag": "tags", "price": "price_band"}.get(kind, kind)
        assert name in str(rows.loc[following, column]) and table.loc[n, "adds"] != table.loc[n, "keeps"]
        kept = table.loc[n, "keeps"].removeprefix("category ")
        assert kept in rows.loc[last, "category"] and kept in rows.loc[following, "category"]
    kinds = table.loc[number[has], "adds"].str.partition(" ")[0]
    assert kinds.nunique() >= 3, "the choice is not always the same kind of attribute"


def test_words_of_the_target_are_counted_in_what_is_said():
    share, words = critique_findings(told())
    assert share.value == pytest.approx(5 / 9) and words.check == "critiques: words of the target's title"
    # of "more like this in paper but by x" words of two letters or more; the title of b has none of them
    assert words.value == 0
    table = told().tables["critiques"].assign(text="avery cards")
    found = critique_findings(replace(told(), tables={"critiques": table}))[1]
    assert found.value == pytest.approx(3 / 5), "three of five steps lead to the cards"


def test_no_order_no_critique_and_what_lacks_them_is_told_where_they_are():
    with pytest.raises(UserError, match="random order"):
        with_critiques(shop(), protocol=protocol_for(shop(), split="random"), least=1)
    with pytest.raises(UserError, match="no critiques.*critiqued makes them"):
        open_bench("synthetic", profile="smoke", options={"users": 60}).build("lumen")
    with pytest.raises(UserError, match="option of=.*'beuty'; did you mean 'beauty'"):
        datasets.load("critiqued", of="beuty")


@lru_cache
def bench(seed: int = 0):
    return open_bench("synthetic-critiques", profile="smoke", seed=seed, options={"users": 500})


@lru_cache
def fitted():
    return bench().fit("lumen", epochs=8, width=32, layers=1, lr=5e-3, narrative=1.0).recommender()


def test_only_words_of_train_have_ids_and_not_those_that_all_have():
    split = bench().split
    words, n = critique_words(bench().dataset.tables["critiques"], split.train)
    number = said_in_train(split.train)
    ends = split.train.offsets[1:][split.train.lengths > 0] - 1
    assert len(number) == (np.delete(split.train.columns["critique"], ends) > 0).sum()
    assert not words[0].any() and words.max() == n and (words[np.unique(number)] > 0).any(axis=1).all()
    texts = bench().dataset.tables["critiques"].set_index("critique")["text"]
    assert (words > 0).sum(axis=1).max() < texts.str.split().str.len().max(), "More like this, but: no ids"


def test_a_fit_sees_nothing_of_what_is_said_about_held_out_items():
    """The critique after the last train event is about the validation item, the one after that about the test item."""
    plain, log = bench(), bench().dataset.interactions
    from_end = log.sort_values(["user", "timestamp", "row"]).groupby("user").cumcount(ascending=False).sort_index()
    seen = (from_end > 2) | (log.groupby("user")["item"].transform("size") < 3)
    other = log["critique"].where(seen, log["critique"] % len(plain.dataset.tables["critiques"]) + 1)
    same = open_bench("synthetic-critiques", profile="smoke", options={"users": 500}, protocol={"ties": "file"})
    changed = replace(same, given={"dataset": replace(plain.dataset, interactions=log.assign(critique=other))})
    both = [each.build("lumen", width=16, layers=1) for each in (same, changed)]
    from workbench.train import Recipe
    from workbench.train.fit import TrainingSession

    for each, recommender in zip((same, changed), both):
        recommender.fit(each.split, TrainingSession(Recipe(epochs=1), 0, "cpu", None))
    assert not np.array_equal(same.split.test.histories.columns["critique"],
                              changed.split.test.histories.columns["critique"])  # fmt: skip
    states = [recommender.module.state_dict() for recommender in both]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_what_is_said_last_steers_the_list_and_the_figures_stand_with_and_without_it():
    split = bench().split
    hint = with_and_without(fitted(), split.test, split)
    rows = hint.rows("ndcg@10")
    assert 0.2 < rows["asked"] < 0.8
    unasked = ~hint.asked
    assert (hint.said.per_case("ndcg@10")[unasked] == hint.unsaid.per_case("ndcg@10")[unasked]).all()
    assert rows["with critiques, which know the target where asked"] > 1.1 * rows["without critiques where asked"]
    with pytest.raises(UserError, match="no column 'critique'"):
        with_and_without(fitted(), split.test._replace(histories=replace(split.test.histories, columns={})), split)


def test_the_placebo_says_as_much_as_often_and_the_same_in_every_view():
    train = bench().split.train
    real, mixed = (critique_inputs(train, seed)(train, 20)[0] for seed in (None, 7))
    assert ((real > 0) == (mixed > 0)).all() and 0.5 < (real != mixed)[real > 0].mean()
    assert np.isin(mixed, np.append(0, said_in_train(train))).all()
    last = critique_inputs(train, 7)(train.last(3), 20)[0]
    long = np.flatnonzero(train.lengths >= 3)
    ends = train.lengths[long].clip(max=20) - 1
    assert (last[long, 2] == mixed[long, ends]).all()


def test_the_words_of_a_narrative_by_hand():
    logits = torch.tensor([[0.0, 0.0], [0.0, np.log(3.0)], [1.0, 5.0]])
    words, shares = torch.tensor([[0, 1], [1, 0], [0, 0]]), torch.tensor([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])
    assert word_loss(logits, words, shares).item() == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)


def test_a_state_names_words_of_the_next_item_and_a_sentence_holds_them():
    split, dataset = bench().split, bench().dataset
    told = stories(fitted(), dataset, split.test.histories, split.test.targets)
    texts = (dataset.items["title"] + " " + dataset.items["category"] + " " + dataset.items["text"]).str.lower()

    def named(targets: np.ndarray) -> float:
        pairs = [pair for pair in zip(told, targets) if pair[0].critique]
        return float(np.mean([word in texts[item] for story, item in pairs for word in story.words]))

    assert named(split.test.targets) > 2 * named(np.roll(split.test.targets, 1))
    asked = next(story for story in told if story.critique)
    assert asked.critique in narratives([asked])[0] and asked.item in narratives([asked])[0]
    silent = bench().fit("lumen", epochs=1, width=32, layers=1, narrative=0.0).recommender()
    with pytest.raises(UserError, match="narrative=0"):
        stories(silent, dataset, split.test.histories, split.test.targets)


def test_a_local_model_writes_a_narrative(tmp_path):
    split = bench().split
    told = stories(fitted(), bench().dataset, split.test.histories.take([0, 1]), split.test.targets[:2])
    prompt = told[0].prompt()
    assert told[0].item in prompt and all(word in prompt for word in told[0].words)
    assert len(narratives(told, model=str(save_tiny_model(tmp_path / "lm")))) == 2


def test_the_critique_alone_finds_what_it_names():
    """By hand: of a critique that is the title of an item, that item is first; without one, popularity."""
    b = bench()
    items = b.split.test.targets[:5]
    table = pd.DataFrame({"critique": np.arange(1, 6), "text": b.dataset.titles()[items]})
    log = b.dataset.interactions.assign(critique=0)
    mine = replace(b, given={"dataset": replace(b.dataset, interactions=log, tables={"critiques": table})})
    recommender = mine.build("critique_retrieval")
    recommender.fit(mine.split)
    histories = mine.split.test.histories.take(np.arange(6))
    asked = histories.columns["critique"].copy()
    asked[histories.offsets[1:6] - 1] = np.arange(1, 6)
    lists = recommender.recommend(replace(histories, columns={"critique": asked}), 1).items[:, 0]
    assert (lists[:5] == items).all() and lists[5] == mine.split.train_counts()[1:].argmax() + 1


def test_what_reads_the_critique_alone_stands_beside_lumen_in_a_study():
    assert systems.baselines_of("lumen") == [*systems.names("baselines"), "critique_retrieval"]
    assert systems.baselines_of("sasrec") == systems.names("baselines")
