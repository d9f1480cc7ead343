"""Outputs of any size: time linear in them, long ones are cut with their size said, and time-outs hold."""
import json
import os
import re
import time

import pytest
from canned import save

from workbench import notebooks
from workbench.notebooks.anonymize import BINARY, anonymizer
from workbench.notebooks.printed_text import MAX_TEXT, PrintedText, cut, overwritten
from workbench.report import notebook_page
from workbench.report.cell_outputs import output_html
from workbench.report.sanitize_html import sanitize

NOISY = "import sys\nfor k in range(2000):\n    sys.stdout.write('0' * 500); sys.stdout.flush()\nprint('hi')"
NUMBERS = "print(list(range(30_000)))"
PICTURE = (
    "import base64, json, os\nfrom IPython.display import display\n"
    "display({'image/png': base64.b64encode(b'\\xff' * 480_000).decode()}, raw=True)"
)
# slashes, then what the patterns of the clean-up look for: each was quadratic in one of them, or might be
REPEATED = ("/", "/a", "/home/", "0", "1, ", " ", "\x1b[", "<", "-", "a@", "<td>", "1 [", "\r", "a\r", "\n", "\b")


def clean(text):
    cleaned = anonymizer()(text)
    output_html({"output_type": "stream", "name": "stdout", "text": cleaned}, {})
    return sanitize(cleaned)


def seconds(work, size, unit):
    text = unit * (size // len(unit))
    started = time.process_time()
    work(text)
    return time.process_time() - started


@pytest.mark.parametrize("work", [clean, overwritten, cut])
@pytest.mark.parametrize("unit", REPEATED, ids=repr)
def test_the_time_is_linear_in_the_output(work, unit):
    """Eight times the size takes sixty-four times as long where a pattern is quadratic; half of that is allowed, as are
    two seconds, in which a quadratic pattern does not get through either."""
    small = seconds(work, 25_000, unit)
    assert seconds(work, 200_000, unit) < max(2, 32 * small)


def test_pictures_are_not_scrubbed():
    home = os.path.expanduser("~")
    outputs = {kind: f"{home}/a" for kind in ("image/png", "application/pdf", "image/svg+xml", "text/html")}
    kept = {kind for kind, text in anonymizer()(outputs).items() if text == f"{home}/a"}
    assert kept == {"image/png", "application/pdf"} <= set(BINARY)


@pytest.mark.parametrize("text, expected", [
    ("File /tmp/ipykernel_12/345.py:3", "File cell:3"), ("at:/tmp/ipykernel_12/345.py", "at:cell"),
    ("'/tmp/ipykernel_1/2.py' /tmp/ipykernel_3/4.py", "'cell' cell"), ("/ipykernel_1/2.py", "/ipykernel_1/2.py"),
    ("/tmp/ipykernel_x/2.py", "/tmp/ipykernel_x/2.py"),
])  # fmt: skip
def test_paths_of_cells_are_short(text, expected):
    assert anonymizer()(text) == expected


def test_overwritten_text_is_dropped_as_the_client_of_papermill_did():
    old = re.compile(r".*\r(?=[^\n])")
    for text in ("a\rb", "a\r", "a\r\nb", "a\r\r\nb", "ab\rc\rd\ne\rf\n", "\r", "\r\r", "a\n\rb", "x\r\n\r\ny\rz"):
        assert overwritten(text) == old.sub("", text), text


@pytest.mark.parametrize("size", [1, 7, 5_000])
def test_printed_text_is_joined_and_cut_in_the_middle(size):
    whole = "".join(f"{n:09d}\n" for n in range(100_000))
    printed = PrintedText()
    for start in range(0, len(whole), size):
        printed.add(whole[start : start + size])
    head, note, tail = re.split(r"\n(\[.*\])\n", printed.text())
    assert whole.startswith(head) and whole.endswith(tail) and len(head) == len(tail) == MAX_TEXT // 2
    assert note == f"[1,000,000 characters, of which {1_000_000 - MAX_TEXT:,} are left out here]"
    assert cut(whole[:MAX_TEXT]) == whole[:MAX_TEXT]


def test_a_progress_bar_of_any_length_is_its_last_line():
    printed = PrintedText()
    for n in range(50_000):
        printed.add(f"\r{n} of 50000")
    assert printed.text() == "49999 of 50000"


def test_noisy_cells_and_pictures_become_a_page(tmp_path):
    path = save(tmp_path / "nb.ipynb", NOISY, NUMBERS, PICTURE, "'x' * 300_000", "raise ValueError('y' * 300_000)")
    result = notebook_page(path, parameters={}, out=tmp_path / "out", timeout=60)
    assert result.cell == 6 and result.code == 1
    cells = [cell for cell in json.loads(result.executed.read_text())["cells"] if cell["cell_type"] == "code"]
    noisy, numbers, picture, long, error = (cell["outputs"] for cell in cells[1:])
    assert len(result.error) < 2_000
    assert "[1,000,003 characters" in "".join(noisy[0]["text"]) and "".join(noisy[0]["text"]).endswith("hi\n")
    assert "".join(numbers[0]["text"]) == f"{list(range(30_000))}\n"
    assert len("".join(picture[0]["data"]["image/png"])) == 640_000
    assert "are left out here" in "".join(long[0]["data"]["text/plain"]) and "are left out" in error[0]["evalue"]
    assert "1,000,003 characters" in result.html.read_text()


def test_a_time_out_holds_while_outputs_pour_in(tmp_path):
    path = save(tmp_path / "nb.ipynb", "while True:\n    print('x' * 1000, flush=True)")
    result = notebooks.run(path, parameters={}, out=tmp_path / "out", timeout=2)
    assert result.code == 124 and result.executed.stat().st_size < 3 * MAX_TEXT
