"""The detailed tokenizer card: figures against values by hand, and nulls against their control's mean."""
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from toys import codes_of, make_histories

from workbench.data.schema import assemble
from workbench.diagnose.models import code_figures as figures
from workbench.diagnose.models import weighted_usage as usage
from workbench.diagnose.models.code_card import PERMUTED, RANDOM, code_card
from workbench.diagnose.models.code_details import PARTS, code_details, what_they_tell
from workbench.diagnose.models.codes import prefix_purity, usage_by_level
from workbench.diagnose.models.mutual_information import agreement, prefix_agreement, prefix_mutual_information
from workbench.diagnose.models.near_texts import NearTexts, colliding_texts, near_pairs, near_texts
from workbench.embed.text import tfidf
from workbench.tokens.collisions import append_dedup_code

TOY = codes_of([(0, 0), (0, 1), (1, 0), (1, 0)], (2, 2))
POPULARITY = np.array([0, 1, 1, 2, 4])
LABELS = np.array(["", "a", "a", "a", "b"], object)


def pair(card, name):
    return card.loc[name, ["value", "null"]].tolist()


def test_usage_of_each_level():
    card = code_details(codes_of([(n % 4, 0) for n in range(8)], (8, 1)))
    assert pair(card, "used share, code 1") == [0.5, 1] and pair(card, "used share, code 2") == [1, 1]
    assert pair(card, "dead codes, code 1") == [4, 0]
    assert pair(card, "perplexity share, code 1") == pytest.approx([0.5, 1])
    assert pair(card, "std, code 1") == [1, 0]  # four codes of two items, four of none
    skewed = code_details(codes_of([(2,), (3,), (3,), (3,)], (4,)))
    assert pair(skewed, "Gini, code 1") == [0.625, 0] and pair(skewed, "unique prefix, code 1") == [0.25, 1]


def test_usage_where_items_count_by_their_interactions():
    card = code_details(TOY, popularity=POPULARITY).query("part == 'interactions'")
    values = card["value"].rename(lambda name: name.replace(", by interactions", ""))
    assert values[["Gini, code 1", "Gini, code 2"]].tolist() == [0.25, 0.375]  # of 2 and 6, of 7 and 1
    assert values[["std, code 1", "std, code 2", "used share, code 1", "dead codes, code 2"]].tolist() == [2, 3, 1, 0]
    first, both = 2 - 0.75 * np.log2(3), 0.75 + 0.75 * np.log2(4 / 3)  # bits of 1/4 and 3/4; of 1/8, 1/8 and 6/8
    assert values["perplexity share, code 1"] == pytest.approx(2**first / 2)
    assert values[["bits, code 1", "bits, code 2"]].tolist() == pytest.approx([first, both - first])
    assert values["leftover bits"] == pytest.approx(1.75 - both)  # H of 1/8, 1/8, 1/4 and 1/2
    exact = {"ambiguity, code 2": (14 / 8, 1.5), "unique prefix, code 2": (2 / 8, 0.5),
             "children, code 2": (10 / 8, 1.5), "single child, code 2": (6 / 8, 0.5),
             "collisions, items": (6 / 8, 0.5), "collisions, excess": (3 / 8, 0.25),
             "collisions, pairs": (16 / 42, 2 / 12)}  # fmt: skip
    for name, expected in exact.items():
        first, comma, rest = name.partition(", code")
        assert pair(card, f"{first}, by interactions{comma}{rest}") == pytest.approx(expected), name
    assert not usage.usage_by_interactions(TOY, np.zeros(5))


def test_where_items_count_alike_the_figures_are_those_of_the_card():
    rng = np.random.default_rng(0)
    codes = codes_of(rng.integers(0, 5, (40, 3)), (5, 6, 5))
    alike, card = np.append(0, np.ones(40)), code_card(codes)["value"]
    known = usage.weighted_means(codes, alike) | usage.weighted_bits(codes, alike)
    for name in card.index.intersection(list(known)).difference([f"{of}, code {level}" for of in ("children",
                                        "single child") for level in (2, 3)]):  # which the card counts by prefix
        assert known[name] == pytest.approx(card[name]), name
    levels, found = usage_by_level(codes), usage.level_usage(codes, alike)
    assert [found[f"Gini, code {level}"] for level in (1, 2, 3)] == pytest.approx(levels["gini"].tolist())
    label = np.array(["", *rng.choice(["a", "b", "c"], 40)], object)
    purity, share = prefix_purity(codes, label), prefix_mutual_information(codes, label)
    weighted = usage.categories_by_interactions(codes, label, alike)
    assert weighted["purity, code 2"][0] == pytest.approx(purity["purity"][2])
    assert weighted["category information, code 3"][0] == pytest.approx(share["share"][3])


def test_the_dedup_digit_of_groups_of_3_2_and_1():
    finished, sizes = append_dedup_code(np.array([(0,), (0,), (0,), (1,), (1,), (2,)]), (3,))
    codes = codes_of(finished, sizes, policy="dedup", about={"collided": 3})
    card = code_details(codes).query("part == 'collisions'")
    bits = -(3 * np.log2(3 / 6) + 2 * np.log2(2 / 6) + np.log2(1 / 6)) / 6  # digits 0, 1, 2 of 3, 2 and 1 items
    assert pair(card, "dedup digit, bits") == pytest.approx([bits, 1])  # balanced codes: three groups of two
    assert pair(card, "dedup digit, zero") == [0.5, 0.5]
    assert pair(card, "collisions, items, after the dedup digit") == [0, 0]
    random = codes_of([(0,), (0,), (0,), (0,), (1,), (2,)], (3,))
    appended, sizes = append_dedup_code(random.codes[1:], (3,))
    own = figures.dedup_digit(codes_of(appended, sizes, policy="dedup", about={"collided": 3}), random)
    assert own["dedup digit, bits"][0] == own["dedup digit, bits"][1]
    assert own["dedup digit, zero"] == (3 / 6, 3 / 6)
    assert not len(code_details(TOY).query("part == 'collisions'"))  # which has no digit


def test_popularity_by_tenth():
    rows = [(n // 2, 0) for n in range(18)] + [(9, 0), (9, 1)]  # pairs that collide, but for the last
    card = code_details(codes_of(rows, (10, 2)), popularity=np.arange(21))  # the last item is the most popular
    tenths = card.query("part == 'popularity'")
    assert len(tenths) == 50  # two figures of two prefixes, and collisions
    hand = {"collisions, items, decile 1": (0, 0.9), "collisions, items, decile 2": (1, 0.9),
            "ambiguity, code 1, decile 1": (2, 2), "ambiguity, code 2, decile 1": (1, 1.9),
            "unique prefix, code 2, decile 1": (1, 0.1), "unique prefix, code 1, decile 10": (0, 0)}  # fmt: skip
    for name, expected in hand.items():
        assert pair(tenths, name) == pytest.approx(expected), name
    few = usage.by_decile(TOY, POPULARITY)  # four items: the tenths 3, 5, 8 and 10 have one each
    assert few["ambiguity, code 2, decile 3"] == (2, 1.5) and few["ambiguity, code 2, decile 10"] == (1, 1.5)
    given = codes_of([(0,)] * 15 + [(1,)] * 6, (2,)), np.arange(22)
    head = figures.head_and_tail(*given)["ambiguity, head"]
    assert usage.by_decile(*given)["ambiguity, code 1, decile 1"] == head


def test_categories_of_prefixes_of_each_length():
    card = code_details(TOY, labels=LABELS, popularity=POPULARITY)
    assert card["value"][["purity, code 1", "purity, code 2"]].tolist() == [0.75, 0.75]
    assert card["value"]["purity, by interactions, code 1"] == pytest.approx((2 + 4) / 8)
    label, node = 1.0, 2 - 0.75 * np.log2(3)  # bits of 4 and 4; of 2 and 6 interactions
    both = 0.25 * 2 * 2 + 0.5 * 1  # of 2, 2 and 4
    assert card["value"]["category information, by interactions, code 1"] == pytest.approx(node + label - both)
    assert not usage.categories_by_interactions(TOY, LABELS, np.zeros(5))
    assert "AMI, code 1" not in code_details(TOY, labels=np.array(["", *"aaaa"], object)).index


def test_mutual_information_adjusted_for_chance():
    labels = np.array(["", "a", "b", "a", "b"], object)
    # no information; of the six ways to place two a's two give one bit, so 1/3 by chance: (0 - 1/3) / (1 - 1/3)
    assert prefix_agreement(codes_of([(0,), (0,), (1,), (1,)], (2,)), labels) == pytest.approx([-0.5])
    assert prefix_agreement(codes_of([(0, 0), (1, 0), (0, 0), (1, 0)], (2, 1)), labels) == pytest.approx([1, 1])
    rng = np.random.default_rng(0)
    many = codes_of(np.arange(60)[:, None], (60,)), np.array(["", *rng.choice(["a", "b"], 60)], object)
    assert prefix_mutual_information(*many)["share"][1] == pytest.approx(1)  # a code of its own tells all
    assert prefix_agreement(*many) == pytest.approx([0], abs=1e-6)
    assert np.isnan(agreement(np.arange(10_001), np.arange(10_001)))  # which would take minutes


def test_co_occurrence_of_prefixes_of_each_length():
    codes, histories = codes_of([(0, 0), (0, 0), (0, 1), (1, 0)], (2, 2)), make_histories([1, 2, 1], [2, 3], [3, 4])
    items, recall = figures.co_occurrence_recall(codes, histories)
    by_item = {item: shares for item, shares in zip(items.tolist(), recall.T.tolist())}
    assert by_item == {1: [1, 1], 2: [1, 0.5], 3: [0.5, 0], 4: [0, 0]}
    card = code_details(codes, histories=histories, popularity=np.array([0, 3, 1, 0, 0]))
    assert pair(card, "co-occurrence, code 1") == [2.5 / 4, 6 / 12]
    assert pair(card, "co-occurrence, code 2") == [1.5 / 4, 2 / 12]
    assert card["value"]["co-occurrence, by interactions, code 2"] == (3 * 1 + 0.5) / 4
    assert pair(card, "transitions, code 2") == pytest.approx([2 / 4, 2 / 12])  # 1-2, 2-1, 2-3, 3-4
    assert "co-occurrence, code 1" not in code_details(codes, histories=make_histories([1], [2])).index


def test_only_the_items_that_co_occur_most_count_and_ties_are_random():
    histories = make_histories([1, 2], [1, 2], [1, 3], [1, 4])
    codes = codes_of([(0,), (1,), (0,), (1,)], (2,))
    items, recall = figures.co_occurrence_recall(codes, histories, top=1)
    assert recall[0][items == 1] == 0  # item 2, twice
    seen = [figures.co_occurrence_recall(codes, histories, top=2, seed=seed) for seed in range(20)]
    assert {float(shares[0][which == 1][0]) for which, shares in seen} == {0, 0.5}  # items 2 and 3, or 2 and 4


def test_texts_of_colliding_items():
    unit = np.array([[1, 0], [1, 0.1], [0, 1]]) / np.array([[1], [np.sqrt(1.01)], [1]])
    near = near_pairs(csr_matrix(unit))
    assert near.toarray().tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    texts = NearTexts(np.array([-1, 0, 0, 1, 2, 2, -1]), near)  # items 1 and 2 have one text, 3 nearly; 6 has none
    codes = codes_of([(0,), (1,), (0,), (1,), (2,), (2,)], (3,))  # 1-3 are near, 2-4 are not; 6 is left out
    assert colliding_texts(codes, texts) == (0.5, 4 / 10)  # of all: 1-2, 1-3, 2-3 and 4-5
    assert pair(code_details(codes, texts=texts), "collisions, near-duplicate text") == [0.5, 0.4]
    alone = codes_of([(n,) for n in range(6)], (6,))
    assert "collisions, near-duplicate text" not in code_details(alone, texts=texts).index


def test_near_duplicates_are_the_pairs_with_a_cosine_of_at_least_the_threshold():
    words = "red green blue black white long short dress shirt shoe hat coat".split()
    shops = ("old", "old new", "new")
    titles = [f"{a} {b} {a}{b} of the {shop} shop" for a in words[:4] for b in words[5:9] for shop in shops]
    titles += [titles[0], None, "!"]  # an equal one, and two without words
    items = pd.DataFrame({"raw_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    events = pd.DataFrame({"user": [n % 5 for n in range(len(titles))], "item": items["raw_id"], "timestamp": 0})
    dataset = assemble("toy", events, items=items)
    cosine, found = (rows := tfidf(dataset).toarray()) @ rows.T, near_texts(dataset, threshold=0.8)
    text = found.text[1:]
    assert (text == -1).sum() == 2 and len(set(text)) == len(titles) - 3 + 1
    same = (text[:, None] == text) | (found.near.toarray()[text][:, text] > 0)
    known = text >= 0
    assert np.array_equal(same[known][:, known], cosine[known][:, known] >= 0.8) and 0.02 < same.mean() < 0.5


@pytest.fixture(scope="module")
def toy():
    """A catalogue of 60 items whose codes say what the texts and histories say."""
    rng = np.random.default_rng(1)
    topic = np.repeat(np.arange(6), 10)
    rows = np.column_stack([topic, rng.integers(0, 4, 60), rng.integers(0, 4, 60) ** 2 // 3])
    baskets = [1 + 10 * rng.integers(0, 6) + rng.integers(0, 10, 5) for _ in range(80)]
    given = {"labels": np.array(["", *(f"c{n}" for n in topic // 2)], object), "histories": make_histories(*baskets),
             "popularity": np.append(0, rng.integers(1, 40, 60)),
             "texts": NearTexts(np.append(-1, topic), csr_matrix((6, 6)))}  # fmt: skip
    return codes_of(rows, (6, 4, 4)), given


@pytest.mark.parametrize("control", [PERMUTED, RANDOM])
def test_a_null_is_what_its_control_has_on_average(toy, control):
    codes, given = toy
    card, rng = code_details(codes, **given), np.random.default_rng(2)
    make = {PERMUTED: lambda: codes.permuted(rng), RANDOM: lambda: figures.balanced_random(codes, rng)}[control]
    drawn = pd.DataFrame([code_details(make(), **given)["value"] for _ in range(25)])
    names, of_null = card.index[card["control"] == control], {PERMUTED: 20, RANDOM: 5}[control]  # draws
    assert len(names) >= 15 and set(card["part"]) == set(PARTS) - {"stability"}
    for name in names:
        close = 4 * drawn[name].std() * np.sqrt(1 / 25 + 1 / of_null) + 1e-9
        assert drawn[name].mean() == pytest.approx(card["null"][name], abs=close), name


def test_the_detailed_card_names_each_figure_once_and_says_what_it_tells(toy):
    card = code_details(toy[0], **toy[1])
    assert card.index.is_unique and card.notna().all(axis=None)
    tells = what_they_tell(card.index)
    assert all(name.startswith(tuple(tells)) for name in card.index) and not any("decile" in name for name in tells)
