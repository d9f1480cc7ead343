"""What a notebook in JupyterLab is checked for: that it runs, that controls respond and have names, that figures are
readable, and that no title runs as code."""
import time
from pathlib import Path

from chromium import press
from live_lab import Lab

PLOTLY = "application/vnd.plotly.v1+json"
EDITABLE = "[contenteditable=true]:not([style*=none])"
CONTROLS = f".jupyter-widgets :is(select, input, textarea, [role=slider], {EDITABLE}, .jupyter-button)"
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
SLIDER, READ = "[role=slider]", "last events (0: all)"
TABLE = "widget-html-content"
MAX_SECONDS = 5.0  # for a control on a busy machine; on an idle one it takes 0.1 s


def control(name: str, kind: str = "select") -> str:
    """JavaScript for the control with an accessible name; kind: select, input or [role=slider]."""
    return (f"[...panel.node.querySelectorAll('.jupyter-widgets {kind}')].find((one) => (one.ariaLabel || "
            f"one.labels?.[0]?.textContent) === '{name}')")  # fmt: skip


WATCH = """(() => {
  window.steered = CONTROL;
  const areas = steered.closest(".jp-OutputArea-child").getElementsByClassName("WITHIN");
  window.shown = () => [...areas].at(-1)?.querySelector("PART")?.innerHTML;
  const before = shown(), since = performance.now();
  clearInterval(window.watch);
  window.took = 0;
  window.watch = setInterval(() => { if (!took && shown() !== before) took = performance.now() - since; }, 5);
  steered.focus();
})()"""


def press_until_changed(
    lab: Lab, control_js: str, key: str, *, times: int = 1, within: str = TABLE, part: str = "tbody"
) -> float:
    """Press a key on a control and wait until a part of the last table below it changes, or of the last element of
    another class; returns the seconds this took. What is not drawn yet is waited for first."""
    lab.browser.wait(f"{control_js}?.closest('.jp-OutputArea-child').querySelector('.{within} {part}')")
    lab.browser.evaluate(WATCH.replace("CONTROL", control_js).replace("WITHIN", within).replace("PART", part))
    for _ in range(times):
        press(lab.browser, key)
    lab.browser.wait("took")
    lab.browser.evaluate("clearInterval(watch)")
    return lab.browser.evaluate("took") / 1000


def completes(lab: Lab) -> None:
    """Every cell ran without error, every figure is drawn, no console errors and no requests to other hosts."""
    cells = lab.cells()
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    figures = sum(PLOTLY in output.get("data", {}) for output in outputs)
    drawn = "[...panel.node.querySelectorAll('.js-plotly-plot')].filter((one) => one.querySelector('.main-svg')).length"
    lab.browser.wait(f"{drawn} >= {figures}")
    assert lab.errors() == [] and lab.external_requests() == []
    buttons = "[...panel.node.querySelectorAll('.modebar-btn')].map((one) => one.dataset.title).join()"
    assert "Share" not in lab.browser.evaluate(buttons), "plotly.js offers to upload the chart unless told not to"


def runs(lab: Lab) -> None:
    """It completes without a warning."""
    completes(lab)
    assert [output for cell in lab.cells() for output in cell["outputs"] if output.get("name") == "stderr"] == []


def has_accessible_names(lab: Lab) -> None:
    """Every control has an accessible name, as computed by Chromium, and can take the focus."""
    root = lab.browser.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    nodes = lab.browser.call("DOM.querySelectorAll", nodeId=root, selector=f".jp-Notebook {CONTROLS}")["nodeIds"]
    assert nodes
    for node in nodes:
        lab.browser.call("DOM.focus", nodeId=node)
        accessible = lab.browser.call("Accessibility.getPartialAXTree", nodeId=node, fetchRelatives=False)["nodes"][0]
        states = {one["name"]: one["value"].get("value") for one in accessible["properties"]}
        assert accessible["name"]["value"] and states["focused"], lab.browser.call("DOM.getOuterHTML", nodeId=node)


def captures_its_keys(lab: Lab) -> None:
    """Keys typed in a control do not trigger shortcuts of JupyterLab such as "d d"; with Ctrl they do."""
    lab.browser.evaluate(f"window.cells = panel.content.widgets.length; {control('user')}.focus()")
    press(lab.browser, "d")
    press(lab.browser, "d")
    lab.browser.call("Input.dispatchKeyEvent", type="rawKeyDown", key="s", code="KeyS", windowsVirtualKeyCode=83,
                     modifiers=2)  # fmt: skip
    lab.browser.wait("!panel.context.model.dirty")
    assert lab.browser.evaluate("panel.content.widgets.length === cells && document.activeElement.tagName") == "SELECT"


def is_readable(lab: Lab) -> None:
    """Contrast of the text of figures, tables and controls, in the light and the dark theme."""
    for theme in ("Dark", "Light"):
        lab.theme(theme)
        contrast = lab.browser.evaluate(CONTRAST)
        assert contrast["faint"] == [] and contrast["texts"] > 50, theme
        assert contrast["dark"] == (theme == "Dark"), "figures follow the theme"


def lists_follow_the_case(lab: Lab) -> None:
    lab.browser.evaluate(f"{control('stratum')}.focus()")
    for kind in ("INPUT", "DIV"):  # the number field, the slider
        press(lab.browser, "Tab")
        assert lab.browser.evaluate("document.activeElement.tagName") == kind, "controls come in order"
    assert lab.browser.evaluate("document.activeElement.ariaLabel") == "case"
    for name, kind, key in (("case", SLIDER, "ArrowRight"), (READ, SLIDER, "ArrowRight"), (READ, "input", "ArrowUp")):
        took = press_until_changed(lab, control(name, kind), key)
        print(f"{kind} {name!r}: {took:.2f} s")
        assert took < MAX_SECONDS
    assert lab.browser.evaluate(f"{control(READ, SLIDER)}.ariaValueText") == "2", "a number moves its slider"


def a_list_follows_the_slider(lab: Lab) -> None:
    took = press_until_changed(lab, control("strength", SLIDER), "ArrowLeft", part="p")
    print(f"slider 'strength': {took:.2f} s")
    assert took < MAX_SECONDS
    press_until_changed(lab, control("strength", SLIDER), "ArrowRight", times=40)
    lab.browser.wait("shown().includes('▲')")
    assert lab.browser.evaluate("steered.ariaValueText") == "4"


def menu(*names: str, within: str = TABLE, part: str = "tbody"):
    """The check that each of these menus, opened at two further choices, changes what is shown below it."""

    def what_is_shown_follows_the_menu(lab: Lab) -> None:
        for name in names:
            took = press_until_changed(lab, control(name), "ArrowDown", times=2, within=within, part=part)
            print(f"menu {name!r}: {took:.2f} s")
            assert took < MAX_SECONDS

    return what_is_shown_follows_the_menu


def letters_find_items(lab: Lab) -> None:
    took = press_until_changed(lab, control("search", "input"), "q", times=3)
    print(f"line 'search': {took:.2f} s")
    assert took < MAX_SECONDS
    lab.browser.wait("shown() === undefined && steered.value === 'qqq'")  # no item matches
    lab.browser.wait("panel.node.innerText.includes('No item matches “qqq”')")
    outputs = "[...panel.node.querySelectorAll('.jp-OutputArea-child:has(.workbench-twin)')]"
    assert lab.browser.evaluate(f"{outputs}.length") == 4, "a figure, a table, and a note before each"
    assert not lab.browser.evaluate(f"{outputs}.some((one) => one.offsetHeight)"), "an old item stands as the answer"


def no_title_runs(lab: Lab) -> None:
    lab.browser.evaluate("panel.node.querySelectorAll('.jp-OutputArea :is(a, td, text, option)').forEach((one) => "
                         "one.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true})))")  # fmt: skip
    time.sleep(0.5)
    assert lab.browser.evaluate("typeof window.PWN") == "undefined"
    assert lab.browser.evaluate("document.querySelectorAll('.jp-OutputArea iframe').length") == 0
    assert not [event for event in lab.browser.events if event["method"] == "Page.javascriptDialogOpening"]
    assert lab.external_requests() == []
