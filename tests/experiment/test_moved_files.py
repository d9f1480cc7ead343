"""A log is known by what it holds: a copy, a new name or a new date trains nothing again, a changed row does."""
import os

import pytest

from workbench.experiment import load_run, open_bench, run_plan, stored_runs

ROWS = [f"u{u},i{(u * 7 + n) % 23},{1_600_000_000 + 100 * u + n}" for u in range(30) for n in range(6)]


def written(path, rows=ROWS, header="user,item,timestamp"):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def opened(log, **options):
    return open_bench("csv", profile="smoke", options={"path": str(log)} | options)


@pytest.fixture
def log(tmp_path):
    return written(tmp_path / "here" / "log.csv")


def test_a_copy_a_new_name_and_a_new_date_find_the_same_run(log, tmp_path, monkeypatch):
    run = opened(log).fit("item_knn")
    monkeypatch.setattr(run_plan, "train_run", None)
    os.utime(log, (1, 1))
    for move in (lambda: log, lambda: written(tmp_path / "b" / "log.csv"), lambda: log.rename(tmp_path / "new.csv")):
        place = move()
        again = opened(place).fit("item_knn")
        assert again.folder == run.folder and again.bench().options["path"] == str(place)
        assert again.bench().dataset.about["title"] == place.name
        assert again.recommender().score(again.bench().split.test.histories).shape == (30, 24)


def test_a_changed_row_or_another_option_is_another_run(log):
    run = opened(log).fit("item_knn")
    assert opened(log, core=2).fit("item_knn").folder != run.folder
    written(log, [*ROWS[:-1], "u29,i0,1700000000"])
    changed = opened(log).fit("item_knn")
    assert changed.folder != run.folder and changed.info["data_hash"] != run.info["data_hash"]


def test_a_changed_item_table_is_another_run_and_a_copy_of_it_is_not(log, tmp_path):
    tables = [written(tmp_path / name / "items.csv", [f"i{n},{title} {n}" for n in range(23)], "item,title")
              for name, title in (("a", "thing"), ("b", "thing"), ("c", "object"))]  # fmt: skip
    folders = [opened(log, items=str(table)).fit("popularity").folder for table in tables]
    assert folders[0] == folders[1] != folders[2]


def test_a_stored_run_knows_where_its_files_were(log):
    run = opened(log).fit("popularity")
    assert run.info["options"]["path"] != str(log), "part of the key is what the file holds"
    assert load_run(run.folder).bench().options == {"path": str(log)}
    assert str(log) in {stored.bench().options.get("path") for stored in stored_runs()}
