"""The topics: a page for each, with an index; one that fails stops no other, and wrong options are one error."""
import pytest
from canned import prose, save

from workbench import notebooks, report
from workbench.__main__ import main
from workbench.errors import UserError

GOOD = ["from workbench import notebooks", prose("Keep it."), "notebooks.glue(two=seed)"]


@pytest.fixture
def topics(tmp_path, monkeypatch):
    """Two topics, the first of which fails."""
    folder = tmp_path / "notebooks"
    (folder / "topics").mkdir(parents=True)
    save(folder / "topics" / "a_broken.ipynb", "1 / 0", parameters='profile = "smoke"')
    save(folder / "topics" / "b_good.ipynb", *GOOD, parameters='profile = "smoke"\nseed = 0')
    monkeypatch.setattr(notebooks.discovery, "folder", lambda: folder)
    return folder


def test_a_page_for_each_topic_and_an_index(topics, tmp_path):
    failed = report.topics_report({"profile": "smoke", "seed": 7}, out=tmp_path / "out", timeout=60)
    assert [page.name for page in failed] == ["a_broken"]
    index = (tmp_path / "out" / "index.html").read_text()
    assert "a_broken" in index and "b_good" in index and "NOT FINISHED" not in index
    assert notebooks.glued(tmp_path / "out" / "b_good.ipynb") == {"two": 7}


def test_a_topic_is_found_by_its_name(topics):
    assert notebooks.find("b_good") == topics / "topics" / "b_good.ipynb"
    with pytest.raises(UserError, match="did you mean 'b_good'"):
        notebooks.find("b_goof")


def test_wrong_options(capsys, tmp_path):
    assert main(["report", "--series", "topic", "--out", str(tmp_path / "x")]) == 2
    assert "did you mean 'topics'" in capsys.readouterr().err
    assert main(["report", "--series", "topics", "--systems", "sasrec", "--out", str(tmp_path / "x")]) == 2
    assert "--series topics takes --dataset" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
