"""Kinds of tokenizers side by side: their cards, what is left out, unseen items, and the command line."""
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from workbench.__main__ import main
from workbench.diagnose.models.code_card import code_card
from workbench.diagnose.models.code_details import PARTS
from workbench.diagnose.models.code_figures import first_codes
from workbench.diagnose.models.near_texts import colliding_texts, near_texts
from workbench.diagnose.models.refitted_codes import TOKENIZERS, refitted
from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.browse.tokenizers import inspect_tokenizers
from workbench.show.tables import table
from workbench.show.widgets import explorers
from workbench.tokens import KINDS

SMALL = {"users": 300, "items": 120}


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile="smoke", options=SMALL)


@pytest.fixture(scope="module")
def tokenizers(bench):
    return inspect_tokenizers(bench, ["rq-kmeans", "letter", "pq", "random"], size=8)


def test_kinds_stand_side_by_side_with_their_nulls(bench, tokenizers):
    shown = tokenizers.table()
    kinds = [f"{kind}{end}" for kind in ("rq-kmeans", "pq", "random") for end in ("", " null")]
    assert list(shown) == [*kinds, "control", "tells"] and shown["tells"].notna().all()
    alone = code_card(bench.codes("pq", size=8), vectors=bench.vectors("text", dim=128), seed=0)
    assert shown["pq"][alone.index].tolist() == alone["value"].tolist()
    for name in ("purity", "neighbours kept"):
        learned, null, noise, noise_null = shown.loc[name, ["rq-kmeans", "rq-kmeans null", "random", "random null"]]
        assert learned - null > 3 * abs(noise - noise_null), name
    left = tokenizers.unexplained()
    assert list(left) == ["rq-kmeans", "pq"] and (left.diff()[1:] < 0).all(axis=None)
    read = tokenizers.beside_nulls()
    assert list(read) == ["rq-kmeans", "pq", "random"] and read["pq"]["hourglass"] == ""
    meanings = tokenizers.meanings()["tells"]
    assert meanings.index.is_unique and "bits" in meanings.index and "bits, code 1" in read.index
    assert float(read["random"]["purity"].split(" ")[0]) == pytest.approx(shown["random"]["purity"], abs=1e-3)


def test_a_kind_that_the_data_does_not_allow_says_why(bench, tokenizers):
    assert "letter published no codes for synthetic" in tokenizers.left_out["letter"]
    assert "letter is left out" in table(tokenizers.beside_nulls()).caption
    with pytest.raises(UserError, match="none of these kinds can be made: letter: letter published no codes") as error:
        inspect_tokenizers(bench, ["letter"])
    assert error.value.code == 3
    with pytest.raises(UserError, match="size=500: more codes per level than items"):
        inspect_tokenizers(bench, ["random", "category"], size=500)


def test_wrong_kinds_are_one_error_before_anything_is_read():
    fresh = open_bench("synthetic", profile="smoke", options={"users": 310})
    with pytest.raises(UserError, match=r"'rq-kmens'; did you mean 'rq-kmeans'\? Allowed: .* \(and 'fsqq'\)"):
        inspect_tokenizers(fresh, ["pq", "rq-kmens", "fsqq"])
    with pytest.raises(UserError, match="no kind of item codes given"):
        inspect_tokenizers(fresh, [])
    assert "dataset" not in vars(fresh) and "split" not in vars(fresh)


def test_saved_codes_are_a_kind(bench, tmp_path):
    bench.codes("hash", size=4).save(tmp_path)
    given = inspect_tokenizers(bench, [str(tmp_path), "hash"], size=4)
    assert given.table()[str(tmp_path)].tolist() == given.table()["hash"].tolist()


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_tokenizer_encodes_an_item_that_it_was_not_fitted_to(bench, kind):
    assert kind in KINDS
    vectors = bench.vectors("text", dim=8)[:61].copy()
    codes = refitted(kind, vectors, without=np.array([7]), levels=2, size=4)
    assert (codes.n_items, codes.levels, codes.about["unseen"]) == (60, 2, 1)
    moved = vectors.copy()
    moved[7] = vectors[9]
    same = refitted(kind, moved, without=np.array([7]), levels=2, size=4)
    others = np.delete(np.arange(1, 61), 6)
    assert np.array_equal(codes.codes[others], same.codes[others]), "the item is not in the fit"
    if kind != "balanced-kmeans":  # whose fitted items may have had to go to a code with room
        assert np.array_equal(same.codes[7], same.codes[9])


def test_codes_of_a_cold_start_item(bench, tokenizers):
    item = 12
    shown = tokenizers.unseen(item, ["rq-kmeans", "pq"])
    assert list(shown.index) == ["rq-kmeans", "pq"] and shown["codes"].str.count("-").tolist() == [2, 2]
    assert shown["of its category"].between(0, 1).all() and (shown["items with its first code"] > 0).all()
    assert bench.dataset.items["title"][item] not in " ".join(shown["most frequent of them"])
    with pytest.raises(UserError, match="'category'.*Allowed: balanced-kmeans, fsq, pq, rq-kmeans, rq-vae"):
        tokenizers.unseen(item, ["category"])
    with pytest.raises(UserError, match=f"items are 1 to {bench.dataset.n_items}"):
        tokenizers.unseen(0)


def test_stability_of_first_codes(tokenizers):
    shown = tokenizers.stability("rq-kmeans")
    agreement, churn = shown.loc["agreement of two seeds"], shown.loc["churn"]
    assert abs(agreement["null"]) < 0.1 < agreement["value"] <= 1 and 0 <= churn["value"] < churn["null"]
    longer = shown.filter(like=", code", axis=0)
    assert [name[-6:] for name in longer.index] == ["code 2", "code 3"]
    assert (longer["value"] > longer["null"] + 0.05).all()
    fits = [refitted("rq-kmeans", tokenizers.vectors, size=8, seed=seed) for seed in (0, 1)]
    groups = [codes.codes[1:, 0] * 8 + codes.codes[1:, 1] for codes in fits]
    assert longer["value"].iloc[0] == pytest.approx(adjusted_mutual_info_score(*groups))


def test_what_the_cards_leave_out(bench, tokenizers):
    shown = tokenizers.detailed_table()
    kinds = [f"{kind}{end}" for kind in ("rq-kmeans", "pq", "random") for end in ("", " null")]
    assert list(shown) == [*kinds, "part", "control", "tells"] and shown[["part", "tells"]].notna().all(axis=None)
    assert shown.index.is_unique and not set(shown.index) & set(tokenizers.table().index) - {"AMI"}
    texts, near = near_texts(bench.dataset), shown.loc["collisions, near-duplicate text"]
    assert near["pq"] == colliding_texts(first_codes(tokenizers.codes["pq"], 3), texts)[0]
    assert near["rq-kmeans null"] == near["pq null"] == colliding_texts(tokenizers.codes["random"], texts)[1]
    learned, null, noise = shown.loc["AMI, code 1", ["rq-kmeans", "rq-kmeans null", "random"]]
    assert learned > 0.1 > abs(noise) and null == 0
    read = tokenizers.details("popularity")
    assert list(read) == ["rq-kmeans", "pq", "random"] and read.index[0] == "ambiguity, code 1, decile 1"
    assert "decile 1 is the most popular" in read.attrs["caption"] and "letter is left out" in read.attrs["caption"]
    assert all(len(tokenizers.details(part).attrs["caption"]) < 1500 for part in PARTS if part != "stability")
    with pytest.raises(UserError, match="'popular'; did you mean 'popularity'"):
        tokenizers.details("popular")


def test_stability_is_of_kinds_that_are_fitted_and_only_where_it_is_asked_for(bench):
    two = inspect_tokenizers(bench, ["pq", "category"], size=8)
    shown = two.details("stability")
    assert (shown["category"] == "").all() and (shown["pq"] != "").all() and "churn" in shown.index
    assert "churn" not in two.detailed_table().index and "churn" not in two.dict()["detailed"]["pq"]
    asked = two.dict(stability=True)["detailed"]
    assert asked["pq"]["churn"]["part"] == "stability" and "churn" not in asked["category"]
    none = inspect_tokenizers(bench, ["category"])
    assert not len(none.details("stability")) and "blank for kinds" in none.details("stability").attrs["caption"]


def test_items_without_texts_have_no_figure_of_them(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "log.csv"
    log = pd.DataFrame({"user": np.repeat(np.arange(60), 8), "item": rng.integers(0, 30, 480), "timestamp": range(480)})
    log.to_csv(path, index=False)
    bare = inspect_tokenizers(open_bench("csv", profile="smoke", options={"path": str(path)}), ["random"], size=4)
    shown = bare.detailed_table()
    assert "collisions, near-duplicate text" not in shown.index and "AMI, code 1" not in shown.index
    assert {"usage", "interactions", "collisions", "meaning", "popularity"} == set(shown["part"])


def test_the_menu_of_tokenizers_updates(tokenizers):
    figure = explorers.explore_tokenizers(tokenizers)
    assert figure.layout.title.text.startswith("rq-kmeans: ")
    menu, graph, area = explorers._tokenizer_widgets(tokenizers, "rq-kmeans").children
    assert menu.options == ("rq-kmeans", "pq", "random") and "unexplained" in area.value
    before = area.value
    menu.value = "random"
    assert area.value != before and "unexplained" not in area.value  # random codes reconstruct nothing
    assert graph.outputs[0]["data"]["text/plain"].startswith("random: ")


def test_the_command_writes_the_card_and_nothing_else(tokenizers, tmp_path, capsys):
    command = ["audit", "--profile", "smoke", "--option", "users=300", "items=120", "--out", str(tmp_path / "a.html")]
    assert main([*command, "--codes", "rq-kmeans,random", "letter"]) == 0
    printed = capsys.readouterr().out
    assert "neighbours kept" in printed and "letter is left out: letter published no codes" in printed
    assert {path.name for path in tmp_path.iterdir()} == {"codes.csv", "codes.json", "codes_detailed.csv"}
    stored = json.loads((tmp_path / "codes.json").read_text())
    shown = pd.read_csv(tmp_path / "codes.csv", index_col="figure")
    assert list(stored["codes"]) == ["rq-kmeans", "random"] and list(stored["left_out"]) == ["letter"]
    for kind, card in stored["codes"].items():
        assert {name: row["value"] for name, row in card.items()} == shown[kind].dropna().to_dict()
        assert {name: row["null"] for name, row in card.items()} == shown[f"{kind} null"].dropna().to_dict()
    detailed = pd.read_csv(tmp_path / "codes_detailed.csv", index_col="figure")
    for kind, card in stored["detailed"].items():
        assert {name: row["value"] for name, row in card.items()} == detailed[kind].dropna().to_dict()
    assert "AMI, code 2" in detailed.index and "churn" not in detailed.index and "AMI" not in printed


def test_the_command_fits_again_where_stability_is_asked_for(tokenizers, tmp_path, capsys):
    command = ["audit", "--profile", "smoke", "--option", "users=300", "items=120", "--out", str(tmp_path / "a.html")]
    assert main([*command, "--codes", "rq-kmeans", "random", "--stability"]) == 0
    assert "agreement of two seeds, code 3" in capsys.readouterr().out
    detailed = pd.read_csv(tmp_path / "codes_detailed.csv", index_col="figure")
    assert detailed["rq-kmeans"]["churn"] < detailed["rq-kmeans null"]["churn"]
    assert np.isnan(detailed["random"]["churn"])  # which is not fitted
    stored = json.loads((tmp_path / "codes.json").read_text())["detailed"]
    assert stored["rq-kmeans"]["churn"]["value"] == detailed["rq-kmeans"]["churn"]


@pytest.mark.slow
def test_the_command_trains_a_system_on_each_kind(tokenizers, tmp_path, capsys):
    command = ["audit", "--profile", "smoke", "--option", "users=150", "items=120", "--out", str(tmp_path / "a.html")]
    assert main([*command, "--codes", "category", "random", "--systems", "tiger", "--seeds", "1"]) == 0
    scores = pd.read_csv(tmp_path / "scores.csv", index_col="tokenizer")
    assert set(scores.index) == {"category", "random"} and scores["ndcg@10"].between(0, 1).all()
    assert f"{scores['ndcg@10'].iloc[0]:.4f}" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"codes.csv", "codes.json", "codes_detailed.csv", "scores.csv"}


@pytest.mark.parametrize("more, message, code", [
    (["--codes", "rq-kmens"], "did you mean 'rq-kmeans'", 2),
    (["--codes", "fsq", "--systems", "sasrec"], "sasrec does not take codes=", 2),
    (["--codes", "fsq", "--systems", "tiger", "apao"], "--codes are audited alone, or with one", 2),
    (["--codes", "fsq", "--seeds", "2"], "--codes are audited alone, or with one", 2),
    (["--codes", "letter"], "none of these kinds can be made", 3),
    (["--stability"], "--stability is of item codes", 2),
])
def test_a_wrong_command_leaves_nothing(more, message, code, tmp_path, capsys):
    assert main(["audit", "--profile", "smoke", "--out", str(tmp_path / "a.html"), *more]) == code
    assert message in capsys.readouterr().err and not list(tmp_path.iterdir())
