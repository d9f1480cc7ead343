"""The page of a dictionary: literal, small, offline, honest where nothing passed, refused where it cannot be true."""
import json
import re
from html import escape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import torch
from canned import PAYLOADS
from hostile_shop import log

from workbench import experiment, show
from workbench.errors import UserError
from workbench.experiment.probing import feature_dashboard as atlases
from workbench.experiment.probing import feature_table, train_sae
from workbench.experiment.probing.compare_dictionaries import claims
from workbench.probing.activations.hooks import Site
from workbench.probing.interventions import dose_response
from workbench.show.dashboard import feature_card, svg_charts

SMALL = {"k": 4, "latents": 64, "epochs": 20, "batch": 256}
SIZES = {"latents": 6, "sample": 5, "users": 12}
OURS = set(
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
    read = train_sae.read(run, Site(site))
    found = train_sae.dictionary(run, read, **SMALL)
    return run, read, found, train_sae.certified(run, read, found)


@pytest.fixture(scope="module")
def hostile(bench):
    return probed(bench)


@pytest.fixture(scope="module")
def atlas(hostile):
    return atlases.atlas(*hostile, **SIZES)


@pytest.fixture(scope="module")
def world():
    return experiment.open_bench("synthetic", profile="smoke", options={"users": 1500, "items": 300})


@pytest.fixture(scope="module")
def known(world):
    return probed(world, epochs=12)


def test_every_title_is_literal_and_nothing_is_fetched(bench, atlas):
    html = show.dashboard_page(bench, atlas)
    page = Page(html)
    assert {tag for tag, _ in page.tags} - {"title"} <= OURS
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on") or name in ("src", "action")]
    assert {attrs["href"][0] for tag, attrs in page.tags if "href" in attrs} <= {"#", "d"}  # a latent; the empty icon
    assert len(page.scripts) == 2 and "window.PWN" not in page.scripts[1]
    assert any(payload[:20] in word for payload in PAYLOADS for word in page.words), "titles are shown as they are"
    assert max(map(len, page.words)) < 600
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv"))
    assert "default-src 'none'" in policy and "connect-src 'none'" in policy and "unsafe-eval" not in policy
    assert not re.search(r"https?://", re.sub(r"http://elsewhere\.test", "", html))


def test_what_nothing_passed_says_so(bench, hostile, atlas):
    assert not hostile[3]["certified"].any() and atlas.about["certified"] == 0
    html = show.dashboard_page(bench, atlas)
    assert "No latent is certified" in html and "No rival was tested" in html and "best guess" in html
    assert atlas.curves["share"].isna().all() and "what it does</b>" not in html, "no concept, no share of it"
    assert "what it costs</b>" in html


def test_the_stage_is_stored_and_shows_certified_first_and_a_random_sample(known, monkeypatch):
    made = atlases.atlas(*known, **SIZES)
    monkeypatch.setattr(dose_response, "steer", None)
    again = atlases.atlas(*known, **SIZES)
    pd.testing.assert_frame_equal(made.curves, again.curves)
    table, certified = made.latents, known[3]
    passed = table["certified"].to_numpy()
    assert passed.any() and (np.diff(passed.astype(int)) <= 0).all()
    assert table["effect"][table["certified"]].is_monotonic_decreasing
    best = certified[certified["certified"]]["effect"].nlargest(3).index.tolist()
    assert table.index[:3].tolist() == best and table["sampled"].sum() == SIZES["sample"]
    shares = made.curves.set_index(["latent", "strength"])["share"]
    assert shares.xs(0.0, level="strength").between(0, 1).any()
    at_zero = made.lists[made.lists["strength"] == 0]
    assert (at_zero["before"] == at_zero["place"]).all(), "a list at 0 is the list as it is"
    held_out = set(atlases.unseen(known[1], known[2])[0].user.tolist())
    assert set(made.lists["user"]) <= held_out and set(made.units["user"]) <= held_out


def test_the_page_holds_what_was_measured(world, known, tmp_path):
    atlas = atlases.atlas(*known, **SIZES)
    latent, table = int(atlas.latents.index[0]), known[3]
    richer = table.assign(precision=0.123, name="<i>hand creams</i>", flag="looks odd", brand_new=0.625)
    more = atlases.atlas(*known[:3], richer, **SIZES)
    sides = {"topk": known[2], "pca": train_sae.dictionary(*known[:2], kind="pca", k=4)}
    told = claims(known[0], {name: [(known[1], one)] for name, one in sides.items()}, draws=199)
    path = show.dashboard(world, more, tmp_path / "new" / "page.html", told=told)
    page = Page(path.read_text())
    words = " ".join(page.words)
    assert show.verdict(told).caption in words
    assert f"{told.loc['pca', 'certified activation']:.1%}, pca" in page.words
    assert {"precision ↑", "0.123", "<i>hand creams</i>", "looks odd", "brand_new", "0.625"} <= \
        set(map(str.strip, page.words))  # fmt: skip
    data = json.loads(page.scripts[0])
    told, curve = data["latents"][str(latent)], atlas.of(latent)["curves"]
    assert told["ndcg"] == pytest.approx(curve["ndcg"].round(4).tolist())
    rows = atlas.lists[(atlas.lists["latent"] == latent) & (atlas.lists["strength"] == 4)]
    assert [line[0] for line in told["lists"][-1]] == rows["item"].tolist() and len(told["lists"]) == 8
    assert all(str(item) in data["titles"] for item in rows["item"])
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == [f"latent-{one}" for one in more.latents.index]


def test_a_hundred_latents_take_less_than_five_megabytes(known, world):
    atlas = atlases.atlas(*known, latents=20, sample=20, users=12)
    assert len(show.dashboard_page(world, atlas).encode()) / len(atlas.latents) < 5e6 / 100


@pytest.mark.filterwarnings("error")
def test_nothing_drawn_at_random_leaves_no_band(world, known):
    atlas = atlases.atlas(*known, latents=2, sample=0, users=12)
    html = show.dashboard_page(world, atlas)
    assert atlas.curves["low"].isna().all() and "Grey" not in html and 'class="band"' not in html
    assert 'class="band"' in show.dashboard_page(world, atlases.atlas(*known, **SIZES))


def test_without_titles_raw_ids_stand_in(tmp_path):
    options = log(tmp_path)
    bare = experiment.open_bench("csv", profile="smoke", options={"path": options["path"]})
    run, read, found, certified = probed(bare)
    page = Page(show.dashboard_page(bare, atlases.atlas(run, read, found, certified, **SIZES)))
    assert any("<i>12</i>" in word for word in page.words)


def test_codes_get_a_profile_and_a_speller_is_pushed_in_generation(world):
    run = world.fit("tiger", epochs=1, layers=1, width=32)
    read = train_sae.read(run, Site("blocks.0.out"))
    found = train_sae.dictionary(run, read, **SMALL)
    table = feature_table.latents(run, read, found, draws=19)
    atlas = atlases.atlas(run, read, found, table, latents=2, sample=2, users=6)
    codes = atlas.profiles[atlas.profiles["family"] == "code 1"]
    assert codes["share"].between(0, 1).all() and len(codes) and not atlas.about["algebraic"]
    html = show.dashboard_page(world, atlas)
    assert "on which first codes" in html and "code 2 of next" in html
    columns = feature_card.COLUMNS | feature_card.MORE
    for column, (label, _) in columns.items():
        assert column not in table or escape(label) in html, "every column of the concept dictionary is shown"
    assert set(table) <= {*columns, *feature_card.APART}, "and explained"


def test_the_last_site_is_labelled_algebraic(world, known):
    run, read, found, certified = probed(world, "norm", epochs=12)
    atlas = atlases.atlas(run, read, found, certified, **SIZES)
    assert "algebraic: only a dot product follows" in show.dashboard_page(world, atlas)
    assert "algebraic" not in show.dashboard_page(world, atlases.atlas(*known, **SIZES))


def test_refusals(hostile):
    run, read, found, certified = hostile
    other = train_sae.read(run, Site("norm"))
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        atlases.atlas(run, other, found, certified)
    with pytest.raises(UserError, match="the site, weights or data here are others"):
        atlases.steering(run, other, found)
    with pytest.raises(UserError, match="64 latents"):
        atlases.atlas(run, read, found, certified.iloc[:5])
    dead = type(found)(found.encoder, found.bias, found.decoder, found.center, torch.full((64,), 1e9), 4,
                       found.fingerprint)  # fmt: skip
    with pytest.raises(UserError, match="all are dead"):
        atlases.atlas(run, read, dead, certified)


def test_charts_draw_to_scale():
    drawn = svg_charts.bars(np.array([1.0, 0.5]), ["<a>", "b"], label="<l>", x="x & y", base=np.array([0.25, 0.25]))
    assert "&lt;a&gt;" in drawn and "x &amp; y" in drawn and "<title>&lt;l&gt;</title>" in drawn
    heights = [float(h) for h in re.findall(r"v-([\d.]+)h", drawn)]
    assert heights[0] == pytest.approx(2 * heights[1])
    strengths, values = np.array([-1.0, 0, 3]), np.array([0.0, 0.5, 1.0])
    curve = svg_charts.dose(strengths, values, values, values, label="l", x="x")
    dots = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', curve)]
    assert [x for x, _ in dots] == pytest.approx(svg_charts.places(strengths).tolist(), abs=0.1)
    assert (dots[2][0] - dots[1][0]) == pytest.approx(3 * (dots[1][0] - dots[0][0]), abs=0.3)
    assert (dots[0][1] - dots[1][1]) == pytest.approx(dots[1][1] - dots[2][1], abs=0.1)
    many = svg_charts.bars(np.ones(40), [f"name {n}" for n in range(40)], label="l", x="x")
    shown = [float(x) for x in re.findall(r'x="([\d.]+)" y="130"', many)]
    assert len(shown) < 20 and min(np.diff(shown)) > 6 * svg_charts.CHARACTER
