"""The API reference holds every public name; README, CHANGELOG and CITATION agree with the code."""
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from html_document import Document

import workbench
from workbench import systems
from workbench.__main__ import main
from workbench.errors import UserError
from workbench.report import page_template
from workbench.report.api_reference import public_entries, reference_page
from workbench.systems import catalogue, evidence, evidence_tables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return reference_page(tmp_path_factory.mktemp("reference")).read_text(encoding="utf-8")


def test_every_public_name_is_in_the_reference(reference):
    """Independent of the implementation: names are found line by line instead of in the syntax tree."""
    anchors = set(re.findall(r'id="([\w.]+)"', reference))
    for path in sorted((ROOT / "workbench").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for name in re.findall(r"(?m)^(?:async )?(?:def|class) ([A-Za-z]\w*)", path.read_text(encoding="utf-8")):
            assert f"{module}.{name}" in anchors, f"{module}.{name}"
    assert "workbench.data.schema.Dataset.titles" in anchors
    assert not [anchor for anchor in anchors if "._" in anchor.replace("__main__", "main")]


def test_the_reference_shows_signatures_and_docstrings(reference):
    assert reference.startswith("<!doctype html>") and reference.count("<h1>") == 1
    assert "<code>unknown_name(kind: str, name: str, allowed: Iterable[str]) -&gt; UserError</code>" in reference
    assert "Raise <code>unknown_name</code> for the first of" in reference
    own = {page_template._file(name) for name in ("folds.js", "search.js")}
    assert {script for _, script in Document(reference).scripts} == own
    assert "src=" not in reference and len(reference) < 3_000_000


def test_the_reference_is_parsed_without_importing(tmp_path):
    """A file that would fail on import is listed, and its docstrings are shown as text, not run."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "broken.py").write_text(
        '"""Broken <script>."""\nimport no_such_package\n\n\ndef ask(x: int = 3) -> str:\n    """What <b>x</b> is.\n\n'
        '    >>> ask(1)\n    """\n\n\ndef _hidden(): ...\n\n\n'
        'class Kept:\n    """A class."""\n\n    def __init__(self, a): ...\n'
        '    def go(self) -> None:\n        """On."""\n'
    )
    by_name = {entry.name: entry for entry in public_entries(package)}
    assert set(by_name) == {"ask", "Kept", "Kept.go"} and by_name["ask"].signature == "(x: int=3) -> str"
    assert by_name["Kept"].signature == "(a)" and "shop.broken" not in sys.modules
    page = reference_page(tmp_path / "out", package).read_text()
    assert "What &lt;b&gt;x&lt;/b&gt; is." in page and "Broken &lt;script&gt;" in page and "&gt;&gt;&gt; ask(1)" in page
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="name a folder"):
        reference_page(tmp_path / "file")


def test_the_command_writes_the_reference(tmp_path, capsys):
    assert main(["reference", "--out", str(tmp_path / "docs")]) == 0
    assert str(tmp_path / "docs" / "reference.html") in capsys.readouterr().out
    assert (tmp_path / "docs" / "reference.html").stat().st_size > 10_000


@pytest.mark.parametrize("form, page", [("markdown", "systems.md"), ("evidence", "evidence.md")])
def test_the_page_of_systems_is_up_to_date(form, page, capsys):
    """After a change: workbench systems --form FORM > reports/PAGE."""
    assert main(["systems", "--form", form]) == 0
    assert capsys.readouterr().out == (ROOT / "reports" / page).read_text(encoding="utf-8")


def test_all_that_find_sets_of_targets_stand_in_one_table_under_their_baselines():
    first, *others = evidence_tables.markdown_page().split("\n## ")[1:]
    sets = {each.path.name: each.study for name in systems.names() for each in evidence.stored(name)
            if each.study["protocol"]["split"] == "ratio"}  # fmt: skip
    assert first.startswith("Sets of targets") and len(sets) > 10 and "split=ratio" not in "".join(others)
    rows = [line for line in first.splitlines() if line.startswith("| [")]
    assert sorted(re.search(r"systems/(.*?\.json)", row)[1] for row in rows) == sorted(sets)
    for row in rows:
        study = sets[re.search(r"systems/(.*?\.json)", row)[1]]
        best, cells = study["best_baseline"], row.split(" | ")
        assert study["dataset"] in cells[1] and cells[8] == f"`{best}` {study['rows'][best]['mean']:.4f}"
        assert cells[9].startswith(f"{study['differences']['on - baseline']['mean']:+.4f}")
    assert first.index("`item_knn`") < first.index(rows[0])


def test_an_unknown_form_is_an_error():
    assert main(["systems", "--form", "html"]) == 2


def test_a_catalogue_entry_agrees_with_its_module():
    for name in systems.names():
        found, module = catalogue.entry(name), systems.load(name)
        assert (found.off, found.placebo, found.family) == (module.OFF, module.PLACEBO, systems.family(name))
        assert found.verb == systems.verb(name)
        assert found.paper and found.description
    assert catalogue.entry("tiger").off == {"prefixes": False}
    assert catalogue.entry("sasrec").paper == "Self-Attentive Sequential Recommendation, ICDM 2018, arXiv:1808.09781."
    table = catalogue.markdown_table().splitlines()
    assert len(table) == 2 + len(systems.names()) and all(line.count("|") == 9 for line in table)
    assert "[arXiv:2305.05065](https://arxiv.org/abs/2305.05065)" in catalogue.markdown_table()


def test_the_system_shown_in_contributing_is_the_real_one():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"`(workbench/systems/\S+\.py)` in full:\n\n```python\n(.*?)```", text, re.S)
    assert shown and shown[2] == (ROOT / shown[1]).read_text(encoding="utf-8")


def test_links_in_the_documents_exist():
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text):
            target = link[0] or link[1]
            assert target.startswith("http") or (ROOT / target).exists(), f"{page}: {target}"


def test_the_gallery_is_small():
    pictures = sorted((ROOT / "reports" / "gallery").glob("*.png"))
    assert pictures and all(f"reports/gallery/{path.name}" in README for path in pictures)
    for path in pictures:
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size < 150_000, path.name


def test_citation_and_changelog_name_this_version():
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert about["version"] == workbench.__version__ and about["license"] == project["license"]
    assert {"cff-version", "message", "title", "authors", "type"} <= set(about) and about["type"] == "software"
    assert f"## {workbench.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_commands_in_readme_exist():
    from workbench.cli.commands import COMMANDS

    commands = set(re.findall(r"(?m)^workbench (\w+)", README))
    assert "report" in commands and commands <= set(COMMANDS)
