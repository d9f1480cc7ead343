"""Dataset git on a clone that is made here, and the derived histories of five projects."""
import hashlib
import json
import os
import subprocess

import numpy as np
import pandas as pd
import pytest

from workbench import experiment
from workbench.data import datasets, protocol_for, split
from workbench.data.formats.attributes.file_tree import file_tree, path_words
from workbench.data.formats.attributes.git_log import newest_paths, read_log
from workbench.data.formats.attributes.git_program import newest_commit
from workbench.errors import UserError

ADA, BOB = ("Ada", "ada@example.org"), ("Bob", "Bob@Example.org")
BOT = ("helper[bot]", "1+helper[bot]@example.org")


def digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:12]


class Clone:
    """A repository that is written by one commit after another, a minute apart."""

    def __init__(self, folder):
        self.folder, self.minute = folder, 0
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments, **environment):
        fixed = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        return subprocess.run(["git", "-C", str(self.folder), *arguments], check=True, capture_output=True,
                              env=os.environ | fixed | environment).stdout.decode().strip()  # fmt: skip

    def commit(self, author, **contents):
        """Write files (None deletes one; / is written __, . as ___) and commit everything as an author."""
        for name, content in contents.items():
            file = self.folder / name.replace("___", ".").replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink() if content is None else file.write_bytes(content)
        self.record(author)

    def record(self, author):
        self.minute += 1
        when = f"{1_600_000_000 + 60 * self.minute} +0000"
        people = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
                  for part, value in zip(("NAME", "EMAIL", "DATE"), (*author, when), strict=True)}  # fmt: skip
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change", **people)
        return people


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Two people and a bot; a file that is moved twice, one that is deleted, a merge, a large commit, odd names."""
    folder = tmp_path_factory.mktemp("clones") / "project"
    folder.mkdir()
    made = Clone(folder)
    text = "".join(f"line {n}\n" for n in range(30)).encode()
    made.commit(ADA, core__readFile___py=text, setup___py=b"setup", picture___png=b"\x89PNG\0\xff")
    (folder / 'od"d\tname').write_bytes(b"x" * 40)
    (folder / "straße").write_bytes(b"y" * 50)
    (folder / os.fsdecode(b"bad\xff")).write_bytes(b"z" * 60)
    made.record(ADA)
    (folder / "io").mkdir()
    os.rename(folder / "core" / "readFile.py", folder / "io" / "read.py")
    made.record(BOB)
    made.commit(BOB, io__read___py=text + b"more\n", setup___py=None)
    os.rename(folder / "io" / "read.py", folder / "io" / "reader.py")
    made.record(ADA)
    made.commit(ADA, core__readFile___py=b"another one\n" * 9)  # a new file where the moved one was
    made.commit(BOT, io__reader___py=text)
    made.git("checkout", "-q", "-b", "side", "HEAD~1")
    made.commit(BOB, side___py=b"aside")
    made.git("checkout", "-q", "main")
    people = made.record(BOB)  # an empty commit
    made.git("merge", "-q", "--no-ff", "-m", "merge", "side", **people)
    made.commit(BOB, **{f"many__file{n}___txt": f"{n} {n * n}".encode() for n in range(12)})
    return made


def events(dataset):
    """(author, raw id, minute) of every event, in order of the rows."""
    log = dataset.interactions.sort_values("row")
    return list(zip(dataset.users["raw_id"][log["user"]], dataset.items["raw_id"][log["item"]],
                    ((log["timestamp"] - 1_600_000_000) // 60).tolist(), strict=True))  # fmt: skip


def test_authors_change_files_at_the_time_of_the_commit(history):
    data = datasets.load("git", path=str(history.folder), largest=10)
    ada, bob = (digest(name[1].lower()) for name in (ADA, BOB))
    found = events(data)
    assert [each for each in found if each[0] == ada and "." in each[1]] == [
        (ada, "io/reader.py", 1), (ada, "picture.png", 1), (ada, "setup.py", 1), (ada, "core/readFile.py", 6)]
    assert [each for each in found if each[0] == bob] == [(bob, "io/reader.py", 3), (bob, "side.py", 8)]
    assert {data.users["raw_id"][user] for user in data.interactions["user"]} == {ada, bob}, "and no bot"
    assert data.order == "time" and (data.interactions.sort_values("row")["timestamp"].diff().dropna() >= 0).all()
    dropped = data.about["dropped"]
    assert dropped["deletions of files"] == 1 and dropped["changes in commits of more than 10 files"] == 12
    assert dropped["changes by bots"] == 1 and dropped["later changes of a file by the same author"] == 2
    assert "2 moves of files are followed" in data.about["notes"]
    assert data.about["files"] == {"project": newest_commit(history.folder)}


def test_odd_names_of_files_are_kept(history):
    names = set(datasets.load("git", path=str(history.folder), largest=10).items["raw_id"])
    assert {'od"d\tname', "straße", "bad\\xff", "picture.png"} <= names


def test_no_name_and_no_address_is_kept(history):
    data = datasets.load("git", path=str(history.folder))
    tables = (data.interactions, data.items, data.users, *data.tables.values())
    written = "".join(table.to_csv() for table in tables).lower() + json.dumps(data.about).lower()
    assert not [word for word in ("ada", "bob", "example.org", "helper") if word in written]


def test_a_file_is_called_by_its_first_or_its_newest_path(history):
    first, newest = (datasets.load("git", path=str(history.folder), names=names).items.set_index("raw_id").loc[
        "io/reader.py"] for names in ("first", "newest"))  # fmt: skip
    assert (first["title"], first["text"]) == ("core/readFile.py", "core read file py")
    assert (newest["title"], newest["text"]) == ("io/reader.py", "io reader py")


def test_every_change_is_an_event_if_wanted(history):
    data = datasets.load("git", path=str(history.folder), duplicates="keep", largest=0)
    reader = [each[2] for each in events(data) if each[1] == "io/reader.py"]
    assert reader == [1, 3, 4, 5] and sum("many/" in each[1] for each in events(data)) == 12


def test_the_tree_leads_from_every_file_to_the_clone(history):
    data = datasets.load("git", path=str(history.folder), names="newest", largest=0)
    parent = data.tables["tree"].set_index("child")["parent"]
    assert parent.index.is_unique and set(data.items["raw_id"]) <= set(parent.index)
    assert parent["io/reader.py"] == "io/" and parent["io/"] == "/" and parent["picture.png"] == "/"
    assert parent.isna().sum() == 1 and pd.isna(parent["/"]) and set(parent.dropna()) <= set(parent.index)


def test_a_bare_clone_and_the_folder_of_git_are_read_alike(history, tmp_path):
    history.git("clone", "-q", "--bare", str(history.folder), str(tmp_path / "project.git"))
    whole = datasets.load("git", path=str(history.folder))
    for path in (tmp_path / "project.git", history.folder / ".git"):
        other = datasets.load("git", path=str(path))
        assert events(other) == events(whole) and other.name == "project"


def test_a_bench_knows_a_clone_by_its_newest_commit(history, tmp_path):
    history.git("clone", "-q", str(history.folder), str(tmp_path / "copy"))
    copy = Clone(tmp_path / "copy")
    benches = [experiment.open_bench("git", options={"path": str(path)}) for path in (history.folder, copy.folder)]
    assert benches[0].files == benches[1].files and benches[1].dataset.n_items > 5
    copy.minute = 100
    copy.commit(BOB, new___py=b"new")
    again = experiment.open_bench("git", options={"path": str(copy.folder)})
    assert again.files != benches[1].files and again.dataset.n_items == benches[1].dataset.n_items + 1


def test_a_person_of_two_addresses_is_one_by_the_mailmap(tmp_path):
    made = Clone(tmp_path)
    made.commit(ADA, a___py=b"a")
    made.commit(("Ada", "old@example.org"), b___py=b"bb", ___mailmap=b"Ada <ada@example.org> <old@example.org>\n")
    assert datasets.load("git", path=str(tmp_path)).users["raw_id"].tolist() == [digest(ADA[1])]


def test_a_shallow_clone_is_said(history, tmp_path, caplog):
    history.git("clone", "-q", "--depth", "2", f"file://{history.folder}", str(tmp_path / "shallow"))
    datasets.load("git", path=str(tmp_path / "shallow"), largest=0)
    assert "a shallow clone, whose older history is missing" in caplog.text


def test_what_is_no_clone_is_one_error(history, tmp_path, monkeypatch):
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_text("x")
    inside = history.folder / "io"
    wrong = [({}, "needs a clone: path=FOLDER"), ({"path": str(tmp_path / "none")}, "no such folder"),
             ({"path": str(tmp_path / "file")}, "no such folder"), ({"path": str(inside)}, "io is no git clone"),
             ({"path": str(tmp_path / "plain")}, "plain is no git clone .not a git repository"),
             ({"path": str(history.folder), "names": "last"}, "unknown names 'last'"),
             ({"path": str(history.folder), "duplicates": "none"}, "unknown duplicates 'none'"),
             ({"path": str(history.folder), "largest": -1}, "largest must be at least 0")]  # fmt: skip
    for options, message in wrong:
        with pytest.raises(UserError, match=message):
            datasets.load("git", **options)
    with pytest.raises(UserError, match="plain is no git clone"):
        experiment.open_bench("git", options={"path": str(tmp_path / "plain")}).files  # noqa: B018
    made = Clone(tmp_path / "plain")
    with pytest.raises(UserError, match="plain: the clone has no commits"):
        datasets.load("git", path=str(made.folder))
    made.record(ADA)
    with pytest.raises(UserError, match="no commit changes a file"):
        datasets.load("git", path=str(made.folder))
    made.commit(ADA, a=b"a", b=b"b")
    with pytest.raises(UserError, match="none is left without commits of more than 1 files"):
        datasets.load("git", path=str(made.folder), largest=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="needs the program git, which cannot be run here"):
        datasets.load("git", path=str(history.folder))


def test_moves_are_followed_by_the_path_at_the_time():
    rows = [(0, "a", ""), (1, "b", "a"), (2, "a", ""), (3, "c", "b"), (3, "b", "c"), (4, "c", ""), (5, "d", "a")]
    commits, paths, old = (np.array(column, object) for column in zip(*rows, strict=True))
    found = newest_paths(commits.astype(np.int64), paths, old)
    assert found.tolist() == ["c", "c", "d", "c", "b", "c", "d"]  # commit 3 swaps b and c
    none = newest_paths(np.arange(2), np.array(["a", "b"], object), np.array(["", ""], object))
    assert none.tolist() == ["a", "b"]


def test_the_log_is_read_from_the_oldest_commit(history):
    table = read_log(history.folder)
    assert table["commit"].is_monotonic_increasing and table["timestamp"].iloc[0] == 1_600_000_060
    assert table.loc[table["status"] == "R", ["old_path", "path"]].to_numpy().tolist() == [
        ["core/readFile.py", "io/read.py"], ["io/read.py", "io/reader.py"]]  # fmt: skip


def test_words_and_folders_of_paths():
    assert path_words(pd.Series(["a/XMLFile2Html.c", "__init__.py"])).tolist() == ["a xmlfile2 html c", "init py"]
    tree = file_tree(np.array(["one", "two"]), np.array(["x/y/1", "x/y/1"]))
    assert tree.to_numpy().tolist() == [["one", "x/y/"], ["two", "x/y/"], ["x/y/", "x/"], ["x/", None]]
    assert file_tree(np.array(["1"]), np.array(["1"])).to_numpy().tolist() == [["1", None]]


def test_the_five_projects(real):
    data = datasets.load("code-sciml")
    assert (data.n_users, data.n_items, len(data.interactions), data.order) == (2_330, 5_291, 27_308, "time")
    assert data.about["dropped"] == {"deletions of files": 1_653, "later changes of a file by the same author": 50_867}
    parent = data.tables["tree"].set_index("child")["parent"]
    assert set(data.items["raw_id"]) <= set(parent.index) and set(parent.dropna()) <= set(parent.index)
    assert sorted(parent.index[parent.isna()]) == sorted(f"{name}/" for name in data.items["project"].unique())
    assert int(data.items["live"].sum()) == 2_670 and data.users["raw_id"].str.fullmatch(r"a\d+").all()
    kept, newest = datasets.load("code-sciml", duplicates="keep"), datasets.load("code-sciml", names="newest")
    assert len(kept.interactions) == 79_828 - 1_653
    assert 0.1 < (newest.items["title"] != data.items["title"]).mean() < 0.3
    cut = split(data, protocol_for(data, split="ratio", order="time"))
    assert (len(cut.train.items), len(cut.test.histories)) == (21_746, 1_033)
    by_author = pd.Series(cut.train.times).groupby(cut.train.rows()).max()
    first = pd.Series(cut.test.times[cut.test.offsets[:-1]], cut.test.histories.users)
    assert (by_author.reindex(first.index) <= first).all(), "no author's test is before his train"
