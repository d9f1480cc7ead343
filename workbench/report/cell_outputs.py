"""The outputs of a cell as HTML without network or kernel: figures as JSON data, widgets as tables of their values."""
import base64
import json
import re
from html import escape, unescape
from typing import Any

import mistune
import nh3

from workbench.report.sanitize_html import align_numbers, sanitize
from workbench.show.theme import Notice

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
COVER = " data-cover"  # attribute of the figure from which the thumbnail of the page is drawn
UNFOLDED_LINES = {"stderr": 3}  # lines of a stream shown unfolded; 30 for the others
WIDGET_CAPTION = "Values of the controls when this page was made; they are interactive in the notebook."
markdown = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])


def joined_lines(text: Any) -> str:
    """A text of the notebook format as one string; the format also allows a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def json_block(value: Any) -> str:
    """JSON that is safe inside a script element: <, > and & escaped, NaN and infinity as null."""
    finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
    text = json.dumps(finite, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plain_title(spec: dict) -> str:
    """The title of a plotly figure as text without tags; "figure" where it has none."""
    title = spec.get("layout", {}).get("title", "")
    title = title.get("text", "") if isinstance(title, dict) else title
    return unescape(nh3.clean(str(title or "figure").replace("<br>", " "), tags=set()))


def figure_html(spec: dict) -> str:
    """A plotly figure as JSON data, which the script of the page draws."""
    layout = spec.get("layout", {})
    label = escape(plain_title(spec), quote=True)
    height = layout.get("height") if isinstance(layout.get("height"), int | float) else 450
    block = json_block({key: spec[key] for key in ("data", "layout", "frames") if key in spec})
    return (
        f'<div class="plot" role="img" aria-label="{label}" style="min-height:{height:.0f}px">'
        f'<script type="application/json">{block}</script></div>'
    )


def figures_html(figures: list[Any]) -> str:
    """Figures of `workbench.show`, one below the other; one line for each that has nothing to draw."""
    return "".join(each.line() if isinstance(each, Notice) else figure_html(json.loads(each.to_json()))
                   for each in figures)  # fmt: skip


def mark_cover(outputs: str) -> str:
    """The HTML of outputs with their first figure, if any, marked as the cover of the page."""
    return outputs.replace('<div class="plot"', f'<div class="plot"{COVER}', 1)


def table_html(table: Any) -> str:
    """A table of `workbench.show` with aligned numbers; it scrolls sideways where the page is too narrow."""
    return f'<div class="wide">{align_numbers(table._repr_html_())}</div>'


def log_html(text: str, kind: str) -> str:
    """The printed text of a cell; a long text is folded under its last line, which shows the final progress."""
    lines = text.rstrip("\n").splitlines()
    block = f'<pre class="{kind}">{escape(chr(10).join(lines))}</pre>'
    if len(lines) <= UNFOLDED_LINES.get(kind, 30):
        return block
    summary = f"{len(lines)} lines of log, the last: {escape(lines[-1][:100])}"
    return f'<details class="log"><summary>{summary}</summary>{block}</details>'


def _value_text(state: dict) -> str | None:
    """The value of a control as text; None for a control without a value, such as a button."""
    if "_options_labels" in state:
        index = state.get("index")
        selected = index if isinstance(index, list) else [index] if index is not None else []
        return ", ".join(str(state["_options_labels"][i]) for i in selected) or "nothing"
    if "value" not in state:
        return None
    value = state["value"]
    if str(state.get("_model_name", "")).endswith("ProgressModel"):
        return f"{value:g} of {state.get('max', 100):g}"
    if isinstance(value, bool):
        return "on" if value else "off"
    return " to ".join(map(str, value)) if isinstance(value, list) else str(value)


def widget_html(model_id: str, states: dict[str, dict]) -> str:
    """A widget and its children as a table of their values, followed by their captured outputs."""
    rows, outputs = [], []

    def visit(reference: str) -> None:
        state = states.get(reference.removeprefix("IPY_MODEL_"), {}).get("state", {})
        for child in state.get("children") or []:
            visit(child)
        outputs.extend(output_html(captured, states) for captured in state.get("outputs") or [])
        if state.get("_model_name") in ("HTMLModel", "HTMLMathModel"):
            outputs.append(sanitize(str(state.get("value", ""))))
            return
        value = _value_text(state)
        if value is not None:
            rows.append(f"<tr><th>{escape(str(state.get('description', '')))}</th><td>{escape(value)}</td></tr>")

    visit(model_id)
    if not rows:
        return "".join(outputs) or f'<p class="quiet">{WIDGET_CAPTION}</p>'
    table = f"<table>{''.join(rows)}</table>"
    return f'<figure class="controls">{table}<figcaption>{WIDGET_CAPTION}</figcaption></figure>{"".join(outputs)}'


def _image(kind: str, content: str) -> str:
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    return f'<img alt="" src="data:{kind};base64,{escape(re.sub(chr(92) + "s", "", content), quote=True)}">'


def output_html(out: dict, states: dict[str, dict]) -> str:
    """The richest safe HTML form of an output; states: of the widgets of the notebook, by model id."""
    kind = out["output_type"]
    if kind == "stream":
        return log_html(joined_lines(out["text"]), out["name"])
    if kind == "error":
        trace = escape("\n".join(out.get("traceback", [])))
        return (
            f'<div class="error"><strong>{escape(out["ename"])}</strong>: {escape(out["evalue"])}'
            f"<details><summary>traceback</summary><pre>{trace}</pre></details></div>"
        )
    data = out.get("data", {})
    if PLOTLY in data:
        return figure_html(data[PLOTLY])
    if WIDGET in data:
        return widget_html(data[WIDGET].get("model_id", ""), states)
    if "text/html" in data and (html := sanitize(joined_lines(data["text/html"]))).strip():
        return html
    for image in ("image/svg+xml", "image/png", "image/jpeg"):
        if image in data:
            return _image(image, joined_lines(data[image]))
    if "text/markdown" in data:
        return sanitize(markdown(joined_lines(data["text/markdown"])))
    return log_html(joined_lines(data["text/plain"]), "result") if "text/plain" in data else ""
