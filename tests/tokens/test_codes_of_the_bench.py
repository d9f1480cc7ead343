"""Codes by kind or from a folder, as returned by the bench and stored with a run."""
import numpy as np
import pytest
from toys import raw_ids

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.tokens import item_codes

BENCH = {"profile": "smoke", "options": {"users": 120}}
QUICK = {"epochs": 1, "layers": 1, "width": 32, "policy": "dedup"}


def test_the_bench_takes_a_kind_or_a_folder(tmp_path):
    bench = open_bench("synthetic", **BENCH)
    made = bench.codes("rq-kmeans", levels=2, size=8)
    assert made.sizes[:2] == (8, 8) and made.n_items == bench.dataset.n_items
    made.save(tmp_path)
    assert np.array_equal(bench.codes(str(tmp_path)).codes, made.codes)
    fake = bench.codes(str(tmp_path), permuted=True)
    assert np.array_equal(fake.codes, bench.codes("rq-kmeans", levels=2, size=8, permuted=True).codes)
    assert not np.array_equal(fake.codes, made.codes)
    item_codes(made.codes[1:], made.sizes, raw_ids(made.n_items)).save(tmp_path)
    with pytest.raises(UserError, match="another dataset"):
        bench.codes(str(tmp_path))


def test_a_run_knows_the_codes_and_not_their_path_alone(tmp_path):
    bench, folder = open_bench("synthetic", **BENCH), tmp_path / "mine"
    bench.codes("random", levels=3, size=16).save(folder)
    first = bench.fit("tiger", codes=str(folder), **QUICK)
    assert bench.fit("tiger", codes=str(folder), **QUICK).folder == first.folder
    assert first.recommender().codes.sizes[:3] == (16, 16, 16)
    bench.codes("hash", levels=3, size=16).save(folder)
    with pytest.raises(UserError, match="no longer those it was made with"):
        first.recommender()
    assert bench.fit("tiger", codes=str(folder), **QUICK).folder != first.folder


@pytest.mark.parametrize(("kind", "settings", "complaint"), [
    ("no/such/folder", {}, "no such folder of item codes, and no kind of that name: .*rq-kmeans"),
    ("rq-kmean", {}, "did you mean 'rq-kmeans'"),
    ("a" * 5000, {}, "unknown kind of item codes"),
    ("", {}, "unknown kind of item codes ''"),
    ("random", {"size": 10**7}, "more codes per level than items"),
    ("random", {"levels": 2.5}, "levels must be an integer, not 2.5"),
])  # fmt: skip
def test_codes_that_cannot_be(kind, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        open_bench("synthetic", **BENCH).codes(kind, **settings)


def test_a_folders_codes_are_made_already(tmp_path):
    bench = open_bench("synthetic", **BENCH)
    bench.codes("random").save(tmp_path)
    for settings in ({"levels": 2}, {"policy": "none"}, {"normalize": True}, {"size": 8}):
        with pytest.raises(UserError, match="holds finished codes"):
            bench.codes(str(tmp_path), **settings)


def test_a_beam_too_narrow_for_the_evaluation_is_refused_before_training():
    with pytest.raises(UserError, match="beam=19: lists of 20 are evaluated"):
        open_bench("synthetic", **BENCH).fit("tiger", beam=19, **QUICK)


def catalogue(folder, same, items=60):
    """A bench on a log in which `same` of the items have one title."""
    rows = "".join(f"u{u},i{(3 * u + n) % items},{100 * u + n}\n" for u in range(40) for n in range(6))
    (folder / "log.csv").write_text("user,item,timestamp\n" + rows)
    titles = "".join(f"i{n},{'Gift card' if n < same else f'{chr(97 + n % 26)} thing {n}'}\n" for n in range(items))
    (folder / "items.csv").write_text("item,title\n" + titles)
    return open_bench("csv", profile="smoke", options={name: str(folder / f"{file}.csv")
                                                       for name, file in (("path", "log"), ("items", "items"))})


@pytest.mark.parametrize(("same", "said"), [(59, True), (40, True), (20, False)])
def test_collapsed_codes_are_said_each_time_they_are_used(tmp_path, caplog, same, said):
    for codes in ("rq-kmeans", "rq-kmeans", "folder"):  # made, from the store, and from a folder of the user's
        bench = catalogue(tmp_path, same)
        caplog.clear()
        made = bench.codes(str(tmp_path / "mine") if codes == "folder" else codes)
        assert (f"{same} of 60 items share one code" in caplog.text) == said
        made.save(tmp_path / "mine")
    caplog.clear()
    bench.fit("tiger", **QUICK)
    assert ("items share one code" in caplog.text) == said
