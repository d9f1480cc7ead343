"""JupyterLab itself, in a real browser: it starts by our command, every notebook runs to its end, controls answer to
the keyboard and say their names, figures can be read on a dark page, and no title runs."""
import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from chromium import needed, press
from live_lab import Lab
from show.hostile_shop import log

from workbench import notebooks
from workbench.__main__ import main

pytestmark = needed
PLOTLY = "application/vnd.plotly.v1+json"
WRITTEN = "[contenteditable=true]:not([style*=none])"
CONTROLS = f".jupyter-widgets :is(select, input, textarea, [role=slider], {WRITTEN}, .jupyter-button)"
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
SLIDER, READ = "[role=slider]", "read last (0: all events)"
QUICK = 5.0  # seconds that a control may take on a busy machine; where nothing else runs it takes a tenth of one


def on_a_hostile_log(root: Path) -> None:
    """Copies of the notebooks whose parameters name a log that is out to get us."""
    (root / "hostile").mkdir()
    options = json.dumps(log(root / "hostile"))
    for name in (name for name in CHECKS if name.startswith("hostile/")):
        text = json.loads((root / Path(name).with_suffix(".ipynb").name).read_text(encoding="utf-8"))
        cell = next(cell for cell in text["cells"] if "parameters" in cell["metadata"].get("tags", ()))
        given = "".join(cell["source"]).replace('"synthetic"', '"csv"').replace("options = {}", f"options = {options}")
        cell["source"] = given
        (root / f"{name}.ipynb").write_text(json.dumps(text), encoding="utf-8")


@pytest.fixture(scope="module")
def lab(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    lab = Lab(folder, home)
    try:
        on_a_hostile_log(lab.root)
        lab.enter()
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def opened(lab):
    """A function that opens a notebook and runs it, unless it is the one that is open."""
    now = []

    def show(name: str) -> Lab:
        if now != [name]:
            lab.leave()
            now[:] = [name]
            print(f"{name}: {lab.run_all(name):.1f} s")
        return lab

    return show


def control(name: str, kind: str = "select") -> str:
    """JavaScript for the control of a name and a kind: select, input or [role=slider]."""
    return (f"[...panel.node.querySelectorAll('.jupyter-widgets {kind}')].find((one) => (one.ariaLabel || "
            f"one.labels?.[0]?.textContent) === '{name}')")  # fmt: skip


WATCH = """(() => {
  window.steered = CONTROL;
  const tables = steered.closest(".jp-OutputArea-child").getElementsByClassName("widget-html-content");
  window.shown = () => [...tables].at(-1).querySelector("PART")?.innerHTML;
  const before = shown(), since = performance.now();
  clearInterval(window.watch);
  window.took = 0;
  window.watch = setInterval(() => { if (!took && shown() !== before) took = performance.now() - since; }, 5);
  steered.focus();
})()"""


def moved(lab: Lab, one: str, key: str, *, times: int = 1, part: str = "tbody") -> float:
    """Press a key on a control until the last table below it is another; returns the seconds that this took."""
    lab.browser.evaluate(WATCH.replace("CONTROL", one).replace("PART", part))
    for _ in range(times):
        press(lab.browser, key)
    lab.browser.wait("took")
    lab.browser.evaluate("clearInterval(watch)")
    return lab.browser.evaluate("took") / 1000


def ends(lab: Lab) -> None:
    """Every cell was run and none failed, every figure is drawn, nobody complains and nobody else was asked."""
    cells = lab.cells()
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    figures = sum(PLOTLY in output.get("data", {}) for output in outputs)
    drawn = "[...panel.node.querySelectorAll('.js-plotly-plot')].filter((one) => one.querySelector('.main-svg')).length"
    lab.browser.wait(f"{drawn} >= {figures}")
    assert lab.errors() == [] and lab.strangers() == []
    buttons = "[...panel.node.querySelectorAll('.modebar-btn')].map((one) => one.dataset.title).join()"
    assert "Share" not in lab.browser.evaluate(buttons), "plotly.js offers to upload the chart unless told not to"


def runs(lab: Lab) -> None:
    """It ends, and without a warning."""
    ends(lab)
    assert [output for cell in lab.cells() for output in cell["outputs"] if output.get("name") == "stderr"] == []


def says_its_names(lab: Lab) -> None:
    """Every control has a name for a screen reader, as Chromium itself computes it, and takes the focus."""
    root = lab.browser.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    found = lab.browser.call("DOM.querySelectorAll", nodeId=root, selector=f".jp-Notebook {CONTROLS}")["nodeIds"]
    assert found
    for node in found:
        lab.browser.call("DOM.focus", nodeId=node)
        told = lab.browser.call("Accessibility.getPartialAXTree", nodeId=node, fetchRelatives=False)["nodes"][0]
        states = {one["name"]: one["value"].get("value") for one in told["properties"]}
        assert told["name"]["value"] and states["focused"], lab.browser.call("DOM.getOuterHTML", nodeId=node)


def keeps_its_keys(lab: Lab) -> None:
    """What is typed in a control is none of JupyterLab's shortcuts, two of which delete a cell; with Ctrl it is."""
    lab.browser.evaluate(f"window.cells = panel.content.widgets.length; {control('user')}.focus()")
    press(lab.browser, "d")
    press(lab.browser, "d")
    lab.browser.call("Input.dispatchKeyEvent", type="rawKeyDown", key="s", code="KeyS", windowsVirtualKeyCode=83,
                     modifiers=2)  # fmt: skip
    lab.browser.wait("!panel.context.model.dirty")
    assert lab.browser.evaluate("panel.content.widgets.length === cells && document.activeElement.tagName") == "SELECT"


def can_be_read(lab: Lab) -> None:
    """Text of figures, tables and controls against what lies behind it, on a light page and on a dark one."""
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        read = lab.browser.evaluate(CONTRAST)
        assert read["faint"] == [] and read["texts"] > 50, theme
        assert read["dark"] == (theme == "Dark"), "figures follow the page"


def lists_follow_a_case(lab: Lab) -> None:
    lab.browser.evaluate(f"{control('stratum')}.focus()")
    for kind in ("INPUT", "DIV"):  # its number, its slider
        press(lab.browser, "Tab")
        assert lab.browser.evaluate("document.activeElement.tagName") == kind, "controls come in order"
    assert lab.browser.evaluate("document.activeElement.ariaLabel") == "case"
    for name, kind, key in (("case", SLIDER, "ArrowRight"), (READ, SLIDER, "ArrowRight"), (READ, "input", "ArrowUp")):
        took = moved(lab, control(name, kind), key)
        print(f"{kind} {name!r}: {took:.2f} s")
        assert took < QUICK
    assert lab.browser.evaluate(f"{control(READ, SLIDER)}.ariaValueText") == "2", "a number moves its slider"


def a_list_follows_the_dial(lab: Lab) -> None:
    took = moved(lab, control("strength", SLIDER), "ArrowRight", part="p")
    print(f"slider 'strength': {took:.2f} s")
    assert took < QUICK
    moved(lab, control("strength", SLIDER), "ArrowRight", times=20)
    lab.browser.wait("shown().includes('▲')")
    assert lab.browser.evaluate("steered.ariaValueText") == "4"


def menu(*names: str):
    """The check that each of these menus, opened at two further choices, changes the table below it."""

    def a_table_follows_the_menu(lab: Lab) -> None:
        for name in names:
            took = moved(lab, control(name), "ArrowDown", times=2)
            print(f"menu {name!r}: {took:.2f} s")
            assert took < QUICK

    return a_table_follows_the_menu


def letters_find_items(lab: Lab) -> None:
    took = moved(lab, control("search", "input"), "q", times=3)
    print(f"line 'search': {took:.2f} s")
    assert took < QUICK
    lab.browser.wait("shown() === undefined && steered.value === 'qqq'")  # no item has them


def no_title_runs(lab: Lab) -> None:
    lab.browser.evaluate("panel.node.querySelectorAll('.jp-OutputArea :is(a, td, text, option)').forEach((one) => "
                         "one.dispatchEvent(new MouseEvent('click', {bubbles: true})))")  # fmt: skip
    time.sleep(0.5)
    assert lab.browser.evaluate("typeof window.PWN") == "undefined"
    assert lab.browser.evaluate("document.querySelectorAll('.jp-OutputArea iframe').length") == 0
    assert not [event for event in lab.browser.events if event["method"] == "Page.javascriptDialogOpening"]
    assert lab.strangers() == []


CHECKS = {
    "00_start_here": (runs, menu("user"), says_its_names, can_be_read),
    "01_explore_dataset": (runs, menu("user"), letters_find_items, says_its_names, keeps_its_keys, can_be_read),
    "02_train_tokenizer": (runs, menu("code 2", "code 1"), says_its_names, can_be_read),
    "03_train_recommender": (runs, menu("the beam after", "user"), says_its_names, can_be_read),
    "04_probe_with_sae": (runs, a_list_follows_the_dial, menu("user"), says_its_names, can_be_read),
    "05_diagnose_benchmark": (runs, lists_follow_a_case, menu("stratum"), says_its_names, can_be_read),
    "06_compare_systems": (runs, menu("found by", "first system"), says_its_names, can_be_read),
    "workshop/1_spell_an_item": (runs, can_be_read),
    "workshop/2_what_a_sasrec_knows": (runs, can_be_read),
    "workshop/3_solvable_by_a_shortcut": (runs, can_be_read),
    "hostile/01_explore_dataset": (ends, menu("user"), no_title_runs),
    "hostile/02_train_tokenizer": (ends, menu("code 1"), no_title_runs),
    "hostile/05_diagnose_benchmark": (ends, menu("stratum"), no_title_runs),
}

SLOW = {"hostile/05_diagnose_benchmark"}


@pytest.mark.parametrize("name, check", [
    pytest.param(name, check, marks=[pytest.mark.slow] if name in SLOW else [])
    for name, checks in CHECKS.items() for check in checks
])  # fmt: skip
def test_notebook(opened, name, check):
    check(opened(name))


def test_every_notebook_is_tried():
    named = {str(path.relative_to(notebooks.folder()).with_suffix("")) for path in
             (*notebooks.series(), *notebooks.workshop())}  # fmt: skip
    assert named == {name for name in CHECKS if not name.startswith("hostile/")}


def test_the_server_answers_those_who_know_its_token(lab):
    with urllib.request.urlopen(f"{lab.address}api/contents?token={lab.token}") as answer:
        names = {entry["name"] for entry in json.load(answer)["content"]}
    assert {path.name for path in notebooks.series()} | {"workshop"} <= names
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{lab.address}api/contents")


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["lab", "--folder", str(tmp_path / "nowhere")]) == 2
    assert "no such folder; --folder names the one to open" in capsys.readouterr().err
