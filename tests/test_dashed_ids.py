"""Ids that begin with a dash or an underscore, and numbers that must be at least one, on the command line."""
import pandas as pd
import pytest

from workbench.__main__ import main, parser
from workbench.cli.arguments import mark_values, unmark_values

IDS = ["-01abXY", "_00abXY", "-9", "-h2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashes")
    users = [*IDS, *(f"u{n}" for n in range(20))]
    rows = [(user, f"-i{(n + m) % 25}", 100 * n + m) for n, user in enumerate(users) for m in range(5)]
    pd.DataFrame(rows, columns=["user", "item", "timestamp"]).to_csv(folder / "log.csv", index=False)
    arguments = ["--dataset", "csv", "--profile", "smoke", "--option", f"path={folder / 'log.csv'}"]
    assert main(["fit", "popularity", *arguments, "--out", str(folder / "run")]) == 0
    return str(folder / "run")


@pytest.mark.parametrize("given", [["--users", *IDS], ["--users", "--", *IDS], ["--k", "2", "--users", *IDS]])
def test_ids_may_begin_with_a_dash(run, capsys, given):
    assert main(["predict", run, *given]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert list(dict.fromkeys(line.partition(",")[0] for line in lines)) == IDS


@pytest.mark.parametrize(("arguments", "message"), [
    (["--k", "-3"], "argument --k: must be at least 1, not -3"), (["--k", "0"], "at least 1, not 0"),
    (["--k", "-a"], "argument --k: invalid int value: '-a'"), (["--usr", "-1"], "did you mean '--users'"),
    (["-x"], "unknown option '-x'"), (["--users", "-nobody"], "unknown user of log '-nobody'"),
])  # fmt: skip
def test_slips_are_answered_in_words(run, capsys, arguments, message):
    assert main(["predict", run, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_what_is_marked_is_unmarked_and_options_are_not_marked():
    argv = ["predict", "r", "--users", "-1", "-h2", "-", "--k", "3"]
    options, rest = parser().parse_known_args(mark_values(argv))
    assert unmark_values(options.users) == ["-1", "-h2", "-"] and options.k == 3 and not rest
    assert mark_values(["fit", "-h"]) == ["fit", "-h"]
    assert mark_values(["lab", "--", "--port", "1"]) == ["lab", "--", "--port", "1"]
