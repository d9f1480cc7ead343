"""Times as users bring them: finer than a second, or in the notation of a country."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import protocol_for, split
from workbench.data.datasets.csv import load
from workbench.data.lint import lint
from workbench.data.presets import apply_preset, get_preset
from workbench.diagnose.data.event_order import tie_sensitivity
from workbench.errors import UserError

FINE = {
    "milliseconds": lambda us: f"{us // 1000}",
    "microseconds": lambda us: f"{us}",
    "nanoseconds": lambda us: f"{us}000",
    "float seconds": lambda us: f"{us / 1e6:.6f}",
    "float milliseconds": lambda us: f"{us / 1e3:.3f}",
    "dates": lambda us: f"{pd.Timestamp(us, unit='us').isoformat()}Z",
}


def chain(folder, write, *, step=1000, users=40, items=30):
    """A log in which user u sees items u, u + 1, ... (modulo `items`), eight in one second, in shuffled rows."""
    rows = [f"u{u},i{(u + n) % items},{write(1_700_000_000_000_000 + 1_000_000 * u + step * n)}"
            for u in range(users) for n in range(8)]  # fmt: skip
    np.random.default_rng(0).shuffle(rows)
    path = folder / "log.csv"
    path.write_text("\n".join(["user,item,timestamp", *rows]) + "\n")
    return path


@pytest.mark.parametrize("name", FINE)
def test_the_order_within_a_second_is_kept(tmp_path, name):
    data = load(path=str(chain(tmp_path, FINE[name])))
    cut = split(data, protocol_for(data))
    raw = data.items.loc[cut.test.histories.items, "raw_id"].str[1:].astype(int).to_numpy().reshape(40, 7)
    assert (np.diff(raw, axis=1) % 30 == 1).all()
    assert set(data.interactions["timestamp"]) == {1_700_000_000 + u for u in range(40)}, "whole seconds as before"
    assert sorted(set(data.interactions["microsecond"])) == [1000 * n for n in range(8)]
    assert data.about["read"]["timestamp"].endswith("to the millisecond")
    data.save(tmp_path)
    again = type(data).load(tmp_path)
    assert split(again, protocol_for(again)).data_hash == cut.data_hash


def test_rows_a_microsecond_apart_are_in_order_and_the_precision_is_said(tmp_path, caplog):
    with caplog.at_level("INFO", "workbench"):
        data = load(path=str(chain(tmp_path, FINE["float seconds"], step=1)))
    assert "log.csv: timestamps are seconds, 2023-11-14 to 2023-11-14, to the microsecond" in caplog.text
    assert sorted(set(data.interactions["microsecond"])) == list(range(8))
    whole = load(path=str(chain(tmp_path, lambda us: f"{us // 10**6}")))
    assert "microsecond" not in whole.interactions and whole.about["read"]["timestamp"].endswith("to the second")


def test_what_asks_for_ties_sees_none_within_a_second(tmp_path):
    data = load(path=str(chain(tmp_path, FINE["milliseconds"])))
    found = lint(data).findings.set_index("check")["value"]
    assert found["events with tied timestamps"] == 0 and found["test targets tied with the previous item"] == 0
    assert found["exact duplicates"] == 0 and found["item transitions"] > 0.9
    figures = {figure.name: figure.value for figure in tie_sensitivity(data, split(data, protocol_for(data))).figures}
    assert figures["events with tied timestamps"] == figures["tie range"] == 0


def test_filters_and_repeats_go_by_the_time_within_a_second(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item,timestamp,stars\nu,a,1.9,1\nu,a,1.1,2\nu,a,1.5,3\n")
    kept = {policy: load(path=str(path), rating="stars", duplicates=policy).interactions["rating"].tolist()
            for policy in ("first", "last", "drop-exact")}  # fmt: skip
    assert kept == {"first": [2], "last": [1], "drop-exact": [1, 2, 3]}
    events = pd.DataFrame({"user": np.repeat(range(5), 300), "item": np.tile(range(300), 5), "timestamp": 5})
    events["microsecond"] = 999 - events["item"]
    assert set(apply_preset(get_preset("movielens-1m"), events)["item"]) == set(range(100)), "the last hundred"


NOTATIONS = {  # as of 2019-11-25 16:22:32, and the format
    "compact": ("20191125T162232", "%Y%m%dT%H%M%S"), "german": ("25.11.2019 16:22", "%d.%m.%Y %H:%M"),
    "american": ("11/25/2019 04:22:32 PM", "%m/%d/%Y %I:%M:%S %p"), "slashes": ("2019/11/25 16:22", "%Y/%m/%d %H:%M"),
    "twitter": ("Mon Nov 25 16:22:32 +0000 2019", "%a %b %d %H:%M:%S %z %Y"), "british": ("25-Nov-2019", "%d-%b-%Y"),
    "words": ("November 25, 2019", "%B %d, %Y"),
    "mail": ("Mon, 25 Nov 2019 18:22:32 +0200", "%a, %d %b %Y %H:%M:%S %z"),
}  # fmt: skip


def dated(folder, *times):
    path = folder / "log.csv"
    path.write_text("user,item,timestamp\n" + "".join(f'u,i{n},"{time}"\n' for n, time in enumerate(times)))
    return path


@pytest.mark.parametrize("name", NOTATIONS)
def test_the_error_shows_the_format_that_reads_them(tmp_path, name):
    text, expected = NOTATIONS[name]
    path = dated(tmp_path, *[text] * 3)
    with pytest.raises(UserError) as error:
        load(path=str(path))
    assert f'time_format="{expected}" fits 3 of 3 rows tried' in str(error.value)
    times = load(path=str(path), time_format=expected).interactions["timestamp"]
    day = pd.Timestamp("2019-11-25").timestamp()
    assert times.nunique() == 1 and times[0] - day in (0, 58_920, 58_952)


def test_day_and_month_are_never_guessed(tmp_path):
    path = dated(tmp_path, "01/11/2019", "02/11/2019")
    with pytest.raises(UserError, match="day or month first: the values do not say") as error:
        load(path=str(path))
    assert 'time_format="%d/%m/%Y" and time_format="%m/%d/%Y" fit 2 of 2' in str(error.value)
    for time_format, days in (("%d/%m/%Y", 1), ("%m/%d/%Y", 31)):
        assert np.diff(load(path=str(path), time_format=time_format).interactions["timestamp"]) == [86_400 * days]
    path = dated(tmp_path, "01/11/2019", "13/11/2019", "03/11/2019")
    with pytest.raises(UserError, match='time_format="%d/%m/%Y" fits 3 of 3 rows tried$'):
        load(path=str(path))


def test_a_time_outside_the_format_is_named_and_a_format_checked(tmp_path):
    path = dated(tmp_path, "25.11.2019", "26.11.2019", "2019")
    with pytest.raises(UserError, match="line 4, column 'timestamp': '2019' is not a time as time_format='%d.%m.%Y'"):
        load(path=str(path), time_format="%d.%m.%Y")
    for wrong in ("dd.mm.yyyy", "%Q", "ISO8601"):
        with pytest.raises(UserError, match="not a format of strptime, such as"):
            load(path=str(path), time_format=wrong)
    with pytest.raises(UserError, match="is not a timestamp; .* the year first$"):
        load(path=str(dated(tmp_path, "tomorrow", "soon")))
    path = dated(tmp_path, "20191125", "20191126")
    assert np.diff(load(path=str(path), time_format="%Y%m%d").interactions["timestamp"]) == [86_400]
