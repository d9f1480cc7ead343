"""A gallery: a page that reads each system, with an index; a wrong name is answered before anything is trained."""
import pytest

from workbench import report
from workbench.__main__ import main
from workbench.errors import UserError

SMALL = {"users": 150}


def test_a_page_for_each_system_and_an_index(home, tmp_path):
    chosen = ["popularity"]
    assert report.gallery_report(chosen, "synthetic", profile="smoke", options=SMALL, out=tmp_path) == []
    index = (tmp_path / "index.html").read_text()
    for name in chosen:
        page = (tmp_path / name / "07_read_a_system.html").read_text()
        assert f"{name} on synthetic: no parent to compare with" in page
        assert f"{name}/07_read_a_system.html" in index and "../index.html" in page
    assert "NOT FINISHED" not in index


def test_without_a_dataset_a_system_is_read_on_one_that_has_what_it_needs(home, tmp_path, capsys):
    systems = ["category_popularity", "popular_set"]
    assert main(["report", "--systems", *systems, "--profile", "smoke", "--out", str(tmp_path)]) == 0
    for name, world in zip(systems, ("synthetic", "synthetic-visits")):
        assert f"{name} on {world}: " in (tmp_path / name / "07_read_a_system.html").read_text()


def test_an_unknown_system(tmp_path, capsys):
    with pytest.raises(UserError, match="did you mean 'popularity'"):
        report.gallery_report(["popularit"], "synthetic", profile="smoke", out=tmp_path)
    assert not list(tmp_path.iterdir())
    assert main(["report", "--systems", "sasrek", "--out", str(tmp_path / "x")]) == 2
    assert "did you mean 'sasrec'" in capsys.readouterr().err
