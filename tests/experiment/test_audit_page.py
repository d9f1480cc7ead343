"""The page of an audit and the JSON beside it: complete, linked, dated, and alone in a browser."""
import json

import numpy as np
import pytest
from audits import checked
from chromium import needed
from html_document import Document, inert

from workbench.report.audit_page import _anchor


def test_the_json_holds_every_figure(chain, page):
    checked(chain)
    stored = json.loads(page.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert set(stored["cards"]) == set(chain.cards) <= set(stored["seconds"])
    for name, card in chain.cards.items():
        assert stored["cards"][name]["unmeasured"] == card.unmeasured
        for one, figure in zip(stored["cards"][name]["figures"], card.figures, strict=True):
            ends = [None if np.isnan(end) else end for end in (figure.low, figure.high, figure.null)]
            assert [one["name"], one["value"], one["low"], one["high"], one["null"]] == [*figure[:2], *ends]
    assert [one["text"] for one in stored["verdict"]] == [sentence.text for sentence in chain.sentences]
    expected = {"dataset": "synthetic-chain", "data_hash": chain.bench.split.data_hash, "seed": 0}
    assert expected.items() <= stored.items() and stored["systems"] == [run.label for run in chain.runs]


def test_the_links_of_the_page_have_targets(chain, page, hostile):
    for path in (page, hostile):
        tags = inert(path.read_text()).tags
        ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
        links = [attributes["href"] for tag, attributes in tags if tag == "a"]
        assert links and {link.removeprefix("#") for link in links} <= ids
    sections = [a.get("id") for tag, a in Document(page.read_text()).tags if tag == "section"]
    assert sections == ["verdict", *map(_anchor, chain.cards)] and len(set(sections)) == len(sections)
    for sentence in chain.sentences:
        assert set(sentence.figures) <= {figure.name for figure in chain.cards[sentence.card].figures}


def test_the_page_says_when_and_how_it_was_made(chain, page):
    text, run = Document(page.read_text()).text, chain.runs[0]
    epochs = run.training["epochs"]
    for words in ("made", "UTC", "torch", "profile", "smoke", f"seed 0 after {epochs} of at most 25 epochs",
                  "shortcut solvability index (SSI)", "targets 1 hop from the last item (CR_1)"):  # fmt: skip
        assert words in text, words
    stored = json.loads(page.with_suffix(".json").read_text())
    assert stored["networks"] == [{"system": run.label, "seed": 0, "profile": "smoke", "epochs": epochs, "at_most": 25,
                                   "still_rising": False}]  # fmt: skip


@needed
def test_the_page_opens_offline(browser, page, hostile):
    for path in (page, hostile):
        drawn = [kind for kind, _ in Document(path.read_text()).scripts].count("application/json")
        browser.open(path, f"document.documentElement.dataset.drawn === '{drawn}'")
        assert browser.requests() == [path.resolve().as_uri()] and browser.console_messages() == []
        browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        browser.evaluate("document.querySelectorAll('main a').forEach((link) => link.click())")
        assert browser.evaluate("typeof window.PWN") == "undefined" and browser.console_messages() == []
