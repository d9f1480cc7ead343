"""The audit as a whole: what it says of worlds whose truth is known, of logs that lack things, and how it reads."""
import json
import re
import time

import numpy as np
import pandas as pd
import pytest
from chromium import Browser, needed
from html_document import Document, inert
from show.hostile_shop import log

from workbench.__main__ import main
from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.audit import run_audit as audits
from workbench.experiment.bench import Bench
from workbench.report import audit_page
from workbench.report.audit_page import _anchor

GRU = "memory of gru4rec"


def audited(bench: Bench, **changes) -> audits.Audit:
    """The audit of a bench with one small network trained on it."""
    return audits.audit(bench, [bench.fit("gru4rec", **changes)])


def of(found: audits.Audit, card: str) -> str:
    """The full name of a card whose system has settings in its label."""
    return next(name for name in found.cards if name.startswith(card))


def sound(found: audits.Audit) -> dict:
    """What the audit says as JSON, after checking that every figure is a number with both ends or none, and that
    every card holds figures or says why it has none."""
    for name, card in found.cards.items():
        assert card.figures or card.unmeasured, name
        assert all(card.unmeasured.values()), name
        assert len({figure.name for figure in card.figures}) == len(card.figures), name
        for figure in card.figures:
            assert np.isfinite(figure.value) and not np.isinf([figure.low, figure.high, figure.null]).any(), figure
            assert np.isnan(figure.low) == np.isnan(figure.high) and figure.n >= 0 and figure.note, figure
    return found.dict()


@pytest.fixture(scope="module")
def chain():
    """As in tests/test_shortcuts.py, so that what is trained there is read here."""
    return audited(open_bench("synthetic-chain", profile="smoke", options={"users": 400, "items": 60}),
                   epochs=12, lr=5e-3)  # fmt: skip


@pytest.fixture(scope="module")
def page(chain, tmp_path_factory):
    return audit_page(chain, out=tmp_path_factory.mktemp("audit") / "chain.html")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    bench = open_bench("csv", profile="smoke", options=log(tmp_path_factory.mktemp("log")))
    return audit_page(audited(bench, epochs=2), out=tmp_path_factory.mktemp("audit") / "hostile.html")


def test_the_json_holds_every_figure(chain, page):
    sound(chain)
    told = json.loads(page.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert set(told["cards"]) == set(chain.cards) <= set(told["seconds"])
    for name, card in chain.cards.items():
        assert told["cards"][name]["unmeasured"] == card.unmeasured
        for one, figure in zip(told["cards"][name]["figures"], card.figures, strict=True):
            ends = [None if np.isnan(end) else end for end in (figure.low, figure.high, figure.null)]
            assert [one["name"], one["value"], one["low"], one["high"], one["null"]] == [*figure[:2], *ends]
    assert [one["text"] for one in told["verdict"]] == [sentence.text for sentence in chain.sentences]
    asked = {"dataset": "synthetic-chain", "data_hash": chain.bench.split.data_hash, "seed": 0}
    assert asked.items() <= told.items() and told["systems"] == [run.label for run in chain.runs]


def test_the_page_is_whole_and_its_links_lead_somewhere(chain, page, hostile):
    for path in (page, hostile):
        tags = inert(path.read_text()).tags
        there = {attributes["id"] for _, attributes in tags if "id" in attributes}
        links = [attributes["href"] for tag, attributes in tags if tag == "a"]
        assert links and {link.removeprefix("#") for link in links} <= there
    sections = [a.get("id") for tag, a in Document(page.read_text()).tags if tag == "section"]
    assert sections == ["verdict", *map(_anchor, chain.cards)] and len(set(sections)) == len(sections)
    for sentence in chain.sentences:
        assert set(sentence.figures) <= {figure.name for figure in chain.cards[sentence.card].figures}


def test_a_second_audit_is_read(chain):
    before = {path for path in chain.bench.store.root.glob("*/*")}
    started = time.perf_counter()
    again = audits.audit(chain.bench, chain.runs)
    assert time.perf_counter() - started < 8 and {path for path in chain.bench.store.root.glob("*/*")} == before
    for name, card in chain.cards.items():
        pd.testing.assert_frame_equal(again.cards[name].table(), card.table())


def test_a_chain_is_solved_by_its_last_item(chain):
    read = chain.cards[of(chain, GRU)]
    assert abs(read["OS keep last 1"].value) < 0.05 < 0.9 < read["HD_1"].value
    assert 0.85 < chain.cards["shortcuts"]["SSI"].value < 1.3 and chain.cards["graph"]["CR_1"].value > 0.9
    said = {(sentence.kind, sentence.card) for sentence in chain.sentences}
    assert ("It cannot show", of(chain, GRU)) in said and ("It can show", "shortcuts") not in said


def test_a_lag_of_five_is_not():
    lag = audited(open_bench("synthetic-lag5", profile="smoke", options={"users": 1000, "items": 40}),
                  epochs=15, dropout=0.0)  # fmt: skip
    read = lag.cards[of(lag, GRU)]
    assert read["HD_5"].low > read["HD_1"].high + 0.2 and read["OS keep last 1"].value > 0.3
    assert lag.cards["shortcuts"]["SSI"].value < 0.6
    said = {(sentence.kind, sentence.card) for sentence in lag.sentences}
    assert ("It can show", "shortcuts") in said and ("It cannot show", "shortcuts") not in said
    sound(lag)


def test_a_walk_is_in_its_texts_and_not_in_its_transitions(chain):
    walk = audits.audit(open_bench("synthetic-walk", profile="smoke", options={"users": 1500, "items": 1500}))
    near, graph = walk.cards["features"], walk.cards["graph"]
    assert near["AUC_f"].value > 0.9 and near["AUC_f"].found and graph["TC_1"].value < 0.5
    assert chain.cards["graph"]["TC_1"].value > graph["TC_1"].value + 0.3
    assert any(sentence.card == "features" and sentence.kind == "Read its numbers with care"
               for sentence in walk.sentences)  # fmt: skip


def logs() -> dict[str, dict]:
    """Small logs by what they lack: columns of a csv."""
    rng = np.random.default_rng(0)
    users, items, times = np.repeat(np.arange(40), 6), rng.integers(0, 30, 240), rng.integers(1e9, 1.5e9, 240)
    few, one = np.repeat(np.arange(40), 3), np.arange(20)
    return {
        "no times": {"user": users, "item": items},
        "one time": {"user": users, "item": items, "timestamp": times * 0 + 10**9},
        "one user": {"user": one * 0, "item": one % 9, "timestamp": one + 10**9},
        "one user, no item twice": {"user": one * 0, "item": one, "timestamp": one + 10**9},
        "no item twice": {"user": users, "item": np.arange(240), "timestamp": times},
        "three events each": {"user": few, "item": items[:120], "timestamp": times[:120]},
        "no item twice and three each": {"user": few, "item": np.arange(120), "timestamp": times[:120]},
        "one item": {"user": users, "item": items * 0, "timestamp": times},
        "repeats only": {"user": users, "item": users % 15, "timestamp": times},
    }


REASONS = {
    "no times": [("data", "no timestamps"), ("splits", "no order to split by")],
    "one time": [("data", "the same time")],
    "one user": [("systems", "one test case")],
    "one user, no item twice": [("graph", "after the last item of any test case")],
    "no item twice": [("splits", "no system finds anything"), ("graph", "no target occurs in train")],
    "three events each": [("graph", "no transition in train")],
    "one item": [("data", "equally frequent"), ("splits", "no system is before another")],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", logs())
def test_what_cannot_be_measured_says_why_and_the_rest_comes(name, tmp_path):
    pd.DataFrame(logs()[name]).to_csv(tmp_path / "log.csv", index=False)
    bench = open_bench("csv", profile="smoke", options={"path": str(tmp_path / "log.csv")})
    found = audits.audit(bench)
    told = sound(found)
    assert "no item features" in found.cards["features"].unmeasured["features"]
    assert "no trained system" in found.cards["shortcuts"].unmeasured["shortcuts"]
    assert found.cards["data"]["users"].value == bench.dataset.n_users and told["verdict"]
    for card, why in REASONS.get(name, ()):
        assert any(why in reason for reason in found.cards[card].unmeasured.values()), found.cards[card].unmeasured
    inert(audit_page(found, out=tmp_path / "page.html").read_text())


def test_slips_cost_nothing(chain, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Bench, "fit", lambda *_, **__: pytest.fail("something was trained"))
    other = open_bench("synthetic-chain", profile="smoke", options=chain.bench.options,
                       protocol={"mask_history": True})  # fmt: skip
    folder = str(chain.runs[0].folder)
    slips = {"gru4recc": "did you mean 'gru4rec'", "popularity": "counted, not trained", str(tmp_path): "is not a run",
             folder: "another protocol"}  # fmt: skip
    for name, why in slips.items():
        with pytest.raises(UserError, match=why):
            audits.trained(other, ["gru4rec", name])
    with pytest.raises(UserError, match="another protocol"):
        audits.audit(other, chain.runs)
    (tmp_path / "file").write_text("old")
    for given, why in ((["--retrain", "gru4recc"], "did you mean 'gru4rec'"),

                       (["--out", str(tmp_path)], "no name for"), (["--out", str(tmp_path / "x.json")], "no name for"),
                       (["--out", str(tmp_path / "file" / "x.html")], "cannot be written")):  # fmt: skip
        assert main(["audit", "--out", str(tmp_path / "x.html"), *given]) in (1, 2)
        assert re.fullmatch(f"workbench: .*{why}.*\n", capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_audit_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    options = ["--profile", "smoke", "--seed", "7", "--option", "users=200", "items=100"]
    command = ["audit", *options, "--out", str(tmp_path / "page.html")]
    monkeypatch.setattr(audits, "smoothness", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(command) == 130 and "workbench: interrupted; " in capsys.readouterr().err
    bench = open_bench("synthetic", profile="smoke", seed=7, options={"users": 200, "items": 100})
    assert not list(bench.store.root.rglob("*.part")) and not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(audits, "data_card", None)  # measured before, so read
    assert main(command) == 0 and {path.name for path in tmp_path.iterdir()} == {"page.html", "page.json"}


@needed
def test_the_page_opens_offline(page, hostile):
    browser = Browser()
    try:
        for path in (page, hostile):
            drawn = [kind for kind, _ in Document(path.read_text()).scripts].count("application/json")
            browser.open(path, f"document.documentElement.dataset.drawn === '{drawn}'")
            assert browser.requests() == [path.resolve().as_uri()] and browser.complaints() == []
            browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
            browser.evaluate("document.querySelectorAll('main a').forEach((link) => link.click())")
            assert browser.evaluate("typeof window.PWN") == "undefined" and browser.complaints() == []
    finally:
        browser.close()
