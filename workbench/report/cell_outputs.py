"""One output of a cell as HTML that needs no network and no kernel: figures as inert data, widgets as tables."""
import base64
import json
import re
from html import escape, unescape
from typing import Any

import mistune
import nh3

from workbench.report.sanitize_html import align, clean

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
LONG = {"stderr": 3}  # lines that are shown by kind of print, 30 of the others; more are folded
STILL = "Controls as they stood when this page was made; they move in the notebook."
markdown = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])


def joined(text: Any) -> str:
    """A text of the notebook format, which may be a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def data_block(value: Any) -> str:
    """JSON that can stand inside a script element: no <, >, & in it, and no NaN."""
    finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
    text = json.dumps(finite, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plain_title(spec: dict) -> str:
    """The title of a plotly figure as text, without its tags; "figure" where it has none."""
    title = spec.get("layout", {}).get("title", "")
    title = title.get("text", "") if isinstance(title, dict) else title
    return unescape(nh3.clean(str(title or "figure").replace("<br>", " "), tags=set()))


def figure(spec: dict) -> str:
    """A plotly figure as data; the page's script draws it."""
    layout = spec.get("layout", {})
    label = escape(plain_title(spec), quote=True)
    height = layout.get("height") if isinstance(layout.get("height"), int | float) else 450
    block = data_block({key: spec[key] for key in ("data", "layout", "frames") if key in spec})
    return (
        f'<div class="plot" role="img" aria-label="{label}" style="min-height:{height:.0f}px">'
        f'<script type="application/json">{block}</script></div>'
    )


def drawn(figures: list[Any]) -> str:
    """Figures of `workbench.show` one below the other."""
    return "".join(figure(json.loads(each.to_json())) for each in figures)


def wide(table: Any) -> str:
    """A table of `workbench.show` with its numbers aligned; where a page is too narrow for it, it can be moved."""
    return f'<div class="wide">{align(table._repr_html_())}</div>'


def log(text: str, kind: str) -> str:
    """What a cell printed; a long print is folded under its last line, which is where the progress of a work ends."""
    lines = text.rstrip("\n").splitlines()
    block = f'<pre class="{kind}">{escape(chr(10).join(lines))}</pre>'
    if len(lines) <= LONG.get(kind, 30):
        return block
    summary = f"{len(lines)} lines of log, the last: {escape(lines[-1][:100])}"
    return f'<details class="log"><summary>{summary}</summary>{block}</details>'


def _shown(state: dict) -> str | None:
    """The value of a control in words; None for what has none, such as a button."""
    if "_options_labels" in state:
        index = state.get("index")
        chosen = index if isinstance(index, list) else [index] if index is not None else []
        return ", ".join(str(state["_options_labels"][i]) for i in chosen) or "nothing"
    if "value" not in state:
        return None
    value = state["value"]
    if str(state.get("_model_name", "")).endswith("ProgressModel"):
        return f"{value:g} of {state.get('max', 100):g}"
    if isinstance(value, bool):
        return "on" if value else "off"
    return " to ".join(map(str, value)) if isinstance(value, list) else str(value)


def widget(model_id: str, states: dict[str, dict]) -> str:
    """A widget and all inside it as a table of its values, followed by what it had printed or drawn."""
    rows, shown = [], []

    def visit(reference: str) -> None:
        state = states.get(reference.removeprefix("IPY_MODEL_"), {}).get("state", {})
        for child in state.get("children") or []:
            visit(child)
        shown.extend(output(captured, states) for captured in state.get("outputs") or [])
        if state.get("_model_name") in ("HTMLModel", "HTMLMathModel"):
            shown.append(clean(str(state.get("value", ""))))
            return
        value = _shown(state)
        if value is not None:
            rows.append(f"<tr><th>{escape(str(state.get('description', '')))}</th><td>{escape(value)}</td></tr>")

    visit(model_id)
    if not rows:
        return "".join(shown) or f'<p class="quiet">{STILL}</p>'
    table = f"<table>{''.join(rows)}</table>"
    return f'<figure class="controls">{table}<figcaption>{STILL}</figcaption></figure>{"".join(shown)}'


def _image(kind: str, content: str) -> str:
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    return f'<img alt="" src="data:{kind};base64,{escape(re.sub(chr(92) + "s", "", content), quote=True)}">'


def output(out: dict, states: dict[str, dict]) -> str:
    """The richest safe form of an output."""
    kind = out["output_type"]
    if kind == "stream":
        return log(joined(out["text"]), out["name"])
    if kind == "error":
        trace = escape("\n".join(out.get("traceback", [])))
        return (
            f'<div class="error"><strong>{escape(out["ename"])}</strong>: {escape(out["evalue"])}'
            f"<details><summary>traceback</summary><pre>{trace}</pre></details></div>"
        )
    data = out.get("data", {})
    if PLOTLY in data:
        return figure(data[PLOTLY])
    if WIDGET in data:
        return widget(data[WIDGET].get("model_id", ""), states)
    if "text/html" in data and (html := clean(joined(data["text/html"]))).strip():
        return html
    for image in ("image/svg+xml", "image/png", "image/jpeg"):
        if image in data:
            return _image(image, joined(data[image]))
    if "text/markdown" in data:
        return clean(markdown(joined(data["text/markdown"])))
    return log(joined(data["text/plain"]), "result") if "text/plain" in data else ""
