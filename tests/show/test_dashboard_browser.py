"""The dashboard in a real, offline browser: by mouse and keyboard, no title runs as code, nothing is fetched."""
import time

import numpy as np
import pandas as pd
import pytest
from chromium import needed

from workbench.experiment.probing import feature_dashboard as atlases
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site
from workbench.show.dashboard.page import write_dashboard
from workbench.show.theme import shorten

pytestmark = needed
SHOWN = "document.documentElement.dataset.shown"
CARD = "document.querySelector('.latent:not([hidden])')"


@pytest.fixture(scope="module")
def atlas(bench):
    run = bench.fit("sasrec", epochs=2, width=32, layers=1)
    activations = train_sae.read_activations(run, Site("blocks.0.out"))
    sae = train_sae.train_dictionary(run, activations, k=4, latents=64, epochs=20, batch=256)
    features = train_sae.concept_table(run, activations, sae, draws=19)
    return atlases.feature_dashboard(run, activations, sae, features, latents=6, sample=5, users=12)


@pytest.fixture(scope="module")
def page(bench, atlas, tmp_path_factory):
    return write_dashboard(bench, atlas, tmp_path_factory.mktemp("page") / "latents.html")


def press(browser, key: str) -> None:
    """A key, pressed where the focus is."""
    browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key if len(key) == 1 else "")
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key)


def test_it_opens_on_the_first_latent_and_fetches_nothing(browser, atlas, page):
    first = atlas.latents.index[0]
    browser.open(page, f"{SHOWN} === '{first}'")
    assert browser.requests() == [page.resolve().as_uri()] and browser.console_messages() == []
    assert browser.evaluate("document.querySelectorAll('.latent:not([hidden])').length") == 1
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.evaluate(f"{CARD}.querySelectorAll('.list tbody tr').length") == 10
    light = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.wait(f"getComputedStyle(document.body).backgroundColor !== '{light}'")
    browser.call("Emulation.setEmulatedMedia", features=[])


def test_the_list_of_latents_saves_itself_with_all_numbers(browser, atlas, page, tmp_path):
    """In the order of the list; the tables of the page have buttons too, the pictures in the cards have none."""
    order = atlas.latents.index.tolist()
    browser.open(page, f"{SHOWN} === '{order[0]}'")
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.evaluate("document.getElementById('save').click()")
    file, deadline = tmp_path / "latents.csv", time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline, list(tmp_path.iterdir())
        time.sleep(0.05)
    saved = pd.read_csv(file, index_col="latent", keep_default_na=False, na_values=[""])
    assert saved.index.tolist() == order and saved.columns.tolist() == atlas.latents.columns.tolist()
    np.testing.assert_allclose(saved["effect"], atlas.latents["effect"])
    buttons = browser.evaluate("document.querySelectorAll('button.save').length")
    assert buttons == page.read_text().count("<table><thead>")
    assert browser.console_messages() == []


def test_keys_move_filter_and_choose_at_random(browser, atlas, page):
    order, drawn = atlas.latents.index.tolist(), set(atlas.latents.index[atlas.latents["sampled"]])
    browser.open(page, f"{SHOWN} === '{order[0]}'")
    press(browser, "ArrowRight")
    browser.wait(f"{SHOWN} === '{order[1]}'")
    press(browser, "ArrowLeft")
    browser.wait(f"{SHOWN} === '{order[0]}'")
    press(browser, "ArrowLeft")
    browser.wait(f"{SHOWN} === '{order[-1]}'")
    press(browser, "/")
    browser.wait("document.activeElement.id === 'filter'")
    for letter in str(order[2]):
        press(browser, letter)
    matching = sum(str(order[2]) in str(one) for one in order)
    visible = "[...document.querySelectorAll('#latents li:not([hidden])')]"
    browser.wait(f"document.getElementById('count').textContent === '{matching} of {len(order)} match'")
    assert browser.evaluate(f"{visible}.length") == matching
    press(browser, "Escape")
    browser.evaluate("document.getElementById('on').click()")
    browser.wait(f"{visible}.some((line) => line.querySelector('a').getAttribute('aria-current'))")
    for _ in range(4):
        here = browser.evaluate(SHOWN)
        press(browser, "r")
        browser.wait(f"{SHOWN} !== '{here}'")
        assert int(browser.evaluate(SHOWN)) in drawn
    assert browser.evaluate("document.getElementById('filter').value") == "" and browser.console_messages() == []


def test_the_slider_moves_the_list_and_the_lines(browser, bench, atlas, page):
    latent = int(atlas.latents.index[1])
    browser.open(page, SHOWN)
    browser.evaluate(f"location.hash = '#latent-{latent}'")
    browser.wait(f"{SHOWN} === '{latent}'")
    titles = f"[...{CARD}.querySelectorAll('.list td:nth-child(2)')].map((cell) => cell.firstChild.textContent)"
    at_zero = browser.evaluate(titles)
    moved = f"[...{CARD}.querySelectorAll('.list td:last-child')].map((cell) => cell.textContent).join('')"
    assert browser.evaluate(moved) == ""
    browser.evaluate(f"{CARD}.querySelector('.dial input').focus()")
    for _ in range(8):  # from 0 to 4, and against the stop
        browser.call("Input.dispatchKeyEvent", type="rawKeyDown", key="ArrowRight", windowsVirtualKeyCode=39)
    browser.wait(f"{CARD}.querySelector('output').textContent.startsWith('+4 ')")
    assert browser.evaluate(SHOWN) == str(latent), "arrows move the slider and not the page"
    rows = atlas.example_lists[(atlas.example_lists["latent"] == latent) & (atlas.example_lists["strength"] == 4)]
    wanted = [shorten(title, 80) for title in bench.dataset.titles(rows["item"].to_numpy())]
    assert browser.evaluate(titles) == wanted != at_zero
    assert "in, from" in browser.evaluate(moved)
    assert browser.evaluate(f"{CARD}.querySelector('.now').getAttribute('transform')") != "translate(0.0 0)"


def test_no_title_runs(browser, page):
    browser.open(page, SHOWN)
    browser.evaluate("document.querySelectorAll('.latent').forEach((card) => { location.hash = '#' + card.id; })")
    browser.evaluate("document.querySelectorAll('.strip li, .list td, #latents a').forEach((one) => one.click())")
    browser.wait(SHOWN)
    assert browser.evaluate("typeof window.PWN") == "undefined"
    assert browser.evaluate("document.querySelectorAll('main img, main iframe, main script').length") == 0
    assert {url.split("#")[0] for url in browser.requests()} == {page.resolve().as_uri()}
