"""The dashboard of a dictionary: literal, small, offline, with errors for tables and sites that do not match."""
import json
import re
from html import escape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import torch
from canned import PAYLOADS
from hostile_titles import log

from workbench import experiment
from workbench.errors import UserError
from workbench.experiment.probing import feature_dashboard as atlases
from workbench.experiment.probing import feature_table, train_sae
from workbench.experiment.probing.compare_dictionaries import compare_dictionaries
from workbench.probing.activations.hooks import Site
from workbench.probing.interventions import dose_response
from workbench.show.dashboard import feature_card, svg_charts
from workbench.show.dashboard.page import dashboard_html, write_dashboard

SMALL = {"k": 4, "latents": 64, "epochs": 20, "batch": 256}
SIZES = {"latents": 6, "sample": 5, "users": 12}
TAGS = set(
    "html head meta link title style noscript body header h1 h2 h3 h4 dl dt dd div p b br span details summary nav "
    "label input button ol li a main section table thead tbody tr th td i figure figcaption svg path circle text "
    "output script".split()
)  # fmt: skip


class Page(HTMLParser):
    """Tags, attributes and script texts of a page, as a browser reads them."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.inside, self.words = [], [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside != "style":
            self.words.append(data)


def probed(bench, site="blocks.0.out", **fitted):
    run = bench.fit("sasrec", **(fitted or {"epochs": 2, "width": 32, "layers": 1}))
    activations = train_sae.read_activations(run, Site(site))
    sae = train_sae.train_dictionary(run, activations, **SMALL)
    return run, activations, sae, train_sae.concept_table(run, activations, sae)


@pytest.fixture(scope="module")
def hostile(bench):
    return probed(bench)


@pytest.fixture(scope="module")
def atlas(hostile):
    return atlases.feature_dashboard(*hostile, **SIZES)


@pytest.fixture(scope="module")
def world():
    return experiment.open_bench("synthetic", profile="smoke", options={"users": 1500, "items": 300})


@pytest.fixture(scope="module")
def known(world):
    return probed(world, epochs=12)


def test_every_title_is_literal_and_nothing_is_fetched(bench, atlas):
    html = dashboard_html(bench, atlas)
    page = Page(html)
    assert {tag for tag, _ in page.tags} - {"title"} <= TAGS
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on") or name in ("src", "action")]
    assert {attrs["href"][0] for tag, attrs in page.tags if "href" in attrs} <= {"#", "d"}  # a latent; the empty icon
    assert len(page.scripts) == 2 and "window.PWN" not in page.scripts[1]
    assert any(payload[:20] in word for payload in PAYLOADS for word in page.words), "titles are shown as they are"
    assert max(map(len, page.words)) < 600
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv"))
    assert "default-src 'none'" in policy and "connect-src 'none'" in policy and "unsafe-eval" not in policy
    assert not re.search(r"https?://", re.sub(r"http://elsewhere\.test", "", html))


def test_a_page_without_significant_latents_says_so(bench, hostile, atlas):
    assert not hostile[3]["significant"].any() and atlas.about["significant"] == 0
    html = dashboard_html(bench, atlas)
    assert "No latent is significant" in html and "No rival dictionary was compared" in html and "best guess" in html
    assert atlas.dose_response["share"].isna().all() and "<b>effect</b>" not in html, "no concept, no share of it"
    assert "<b>cost</b>" in html


def test_the_stage_is_stored_and_shows_significant_first_and_a_random_sample(known, monkeypatch):
    made = atlases.feature_dashboard(*known, **SIZES)
    monkeypatch.setattr(dose_response, "steer_latents", None)
    again = atlases.feature_dashboard(*known, **SIZES)
    pd.testing.assert_frame_equal(made.dose_response, again.dose_response)
    table, features = made.latents, known[3]
    passed = table["significant"].to_numpy()
    assert passed.any() and (np.diff(passed.astype(int)) <= 0).all()
    assert table["effect"][table["significant"]].is_monotonic_decreasing
    best = features[features["significant"]]["effect"].nlargest(3).index.tolist()
    assert table.index[:3].tolist() == best and table["sampled"].sum() == SIZES["sample"]
    shares = made.dose_response.set_index(["latent", "strength"])["share"]
    assert shares.xs(0.0, level="strength").between(0, 1).any()
    at_zero = made.example_lists[made.example_lists["strength"] == 0]
    assert (at_zero["rank_before"] == at_zero["rank"]).all(), "strength 0 changes no list"
    held_out = set(atlases.held_out_positions(known[1], known[2])[0].user.tolist())
    assert set(made.example_lists["user"]) <= held_out and set(made.positions["user"]) <= held_out


def test_the_page_holds_what_was_measured(world, known, tmp_path):
    atlas = atlases.feature_dashboard(*known, **SIZES)
    latent, table = int(atlas.latents.index[0]), known[3]
    richer = table.assign(precision=0.123, name="<i>hand creams</i>", flag="looks odd", brand_new=0.625)
    more = atlases.feature_dashboard(*known[:3], richer, **SIZES)
    sides = {"topk": known[2], "pca": train_sae.train_dictionary(*known[:2], kind="pca", k=4)}
    comparison = compare_dictionaries(known[0], {name: [(known[1], one)] for name, one in sides.items()}, draws=199)
    path = write_dashboard(world, more, tmp_path / "new" / "page.html", comparison=comparison)
    page = Page(path.read_text())
    words = " ".join(page.words)
    assert comparison.attrs["caption"] in words
    assert f"{comparison.loc['pca', 'activation in significant latents']:.1%}, pca" in page.words
    assert {"precision ↑", "0.123", "<i>hand creams</i>", "looks odd", "brand_new", "0.625"} <= \
        set(map(str.strip, page.words))  # fmt: skip
    data = json.loads(page.scripts[0])
    shown, curve = data["latents"][str(latent)], atlas.of_latent(latent)["dose_response"]
    assert shown["ndcg"] == pytest.approx(curve["ndcg"].round(4).tolist())
    rows = atlas.example_lists[(atlas.example_lists["latent"] == latent) & (atlas.example_lists["strength"] == 4)]
    assert [line[0] for line in shown["lists"][-1]] == rows["item"].tolist() and len(shown["lists"]) == 8
    assert all(str(item) in data["titles"] for item in rows["item"])
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == [f"latent-{one}" for one in more.latents.index]


def test_a_hundred_latents_take_less_than_five_megabytes(known, world):
    atlas = atlases.feature_dashboard(*known, latents=20, sample=20, users=12)
    assert len(dashboard_html(world, atlas).encode()) / len(atlas.latents) < 5e6 / 100


@pytest.mark.filterwarnings("error")
def test_without_a_random_sample_there_is_no_band(world, known):
    atlas = atlases.feature_dashboard(*known, latents=2, sample=0, users=12)
    html = dashboard_html(world, atlas)
    assert atlas.dose_response["low"].isna().all() and "Grey" not in html and 'class="band"' not in html
    assert 'class="band"' in dashboard_html(world, atlases.feature_dashboard(*known, **SIZES))


def test_without_titles_raw_ids_are_shown(tmp_path):
    options = log(tmp_path)
    bare = experiment.open_bench("csv", profile="smoke", options={"path": options["path"]})
    run, activations, sae, features = probed(bare)
    page = Page(dashboard_html(bare, atlases.feature_dashboard(run, activations, sae, features, **SIZES)))
    assert any("<i>12</i>" in word for word in page.words)


@pytest.mark.slow
def test_codes_get_a_profile_and_a_decoder_is_steered_in_generation(world):
    run = world.fit("tiger", epochs=1, layers=1, width=32)
    activations = train_sae.read_activations(run, Site("blocks.0.out"))
    sae = train_sae.train_dictionary(run, activations, **SMALL)
    table = feature_table.feature_table(run, activations, sae, draws=19)
    atlas = atlases.feature_dashboard(run, activations, sae, table, latents=2, sample=2, users=6)
    codes = atlas.profiles[atlas.profiles["family"] == "code 1"]
    assert codes["share"].between(0, 1).all() and len(codes) and not atlas.about["algebraic"]
    html = dashboard_html(world, atlas)
    assert "by first code of the last item" in html and "code 2 of next" in html
    columns = feature_card.COLUMNS | feature_card.MORE_COLUMNS
    for column, (label, _) in columns.items():
        assert column not in table or escape(label) in html, "every column of the concept dictionary is shown"
    assert set(table) <= {*columns, *feature_card.HIDDEN_COLUMNS}, "and explained"


def test_the_last_site_is_labelled_algebraic(world, known):
    run, activations, sae, features = probed(world, "norm", epochs=12)
    atlas = atlases.feature_dashboard(run, activations, sae, features, **SIZES)
    assert "algebraic: only a dot product follows" in dashboard_html(world, atlas)
    assert "algebraic" not in dashboard_html(world, atlases.feature_dashboard(*known, **SIZES))


def test_refusals(hostile):
    run, activations, sae, features = hostile
    other = train_sae.read_activations(run, Site("norm"))
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        atlases.feature_dashboard(run, other, sae, features)
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        atlases.steering_of(run, other, sae)
    with pytest.raises(UserError, match="64 latents"):
        atlases.feature_dashboard(run, activations, sae, features.iloc[:5])
    dead = type(sae)(sae.encoder, sae.bias, sae.decoder, sae.center, torch.full((64,), 1e9), 4,
                       sae.fingerprint)  # fmt: skip
    with pytest.raises(UserError, match="none of 64 latents is active"):
        atlases.feature_dashboard(run, activations, dead, features)


def test_charts_draw_to_scale():
    base = np.array([0.25, 0.25])
    drawn = svg_charts.bar_chart(np.array([1.0, 0.5]), ["<a>", "b"], label="<l>", x="x & y", base=base)
    assert "&lt;a&gt;" in drawn and "x &amp; y" in drawn and "<title>&lt;l&gt;</title>" in drawn
    heights = [float(h) for h in re.findall(r"v-([\d.]+)h", drawn)]
    assert heights[0] == pytest.approx(2 * heights[1])
    strengths, values = np.array([-1.0, 0, 3]), np.array([0.0, 0.5, 1.0])
    curve = svg_charts.line_chart(strengths, values, values, values, label="l", x="x")
    dots = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', curve)]
    assert [x for x, _ in dots] == pytest.approx(svg_charts.x_positions(strengths).tolist(), abs=0.1)
    assert (dots[2][0] - dots[1][0]) == pytest.approx(3 * (dots[1][0] - dots[0][0]), abs=0.3)
    assert (dots[0][1] - dots[1][1]) == pytest.approx(dots[1][1] - dots[2][1], abs=0.1)
    many = svg_charts.bar_chart(np.ones(40), [f"name {n}" for n in range(40)], label="l", x="x")
    shown = [float(x) for x in re.findall(r'x="([\d.]+)" y="130"', many)]
    assert len(shown) < 20 and min(np.diff(shown)) > 6 * svg_charts.CHARACTER
