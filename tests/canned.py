"""Small notebooks generated for the tests of running and exporting."""
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TITLE = "# Does it run?\n\nA canned notebook."
PARAMETERS = 'name = "a"\nseed = 0\nratio = 0.5\nfast = True\nextra = None'


def code(source: str, *tags: str) -> dict:
    """A code cell with tags."""
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def folded(source: str, tag: str) -> dict:
    """A code cell whose source is folded."""
    return new_code_cell(source, metadata={"tags": [tag], "jupyter": {"source_hidden": True}})


def prose(source: str) -> dict:
    """A markdown cell."""
    return new_markdown_cell(source)


def save(path: Path, *cells: dict | str, parameters: str | None = PARAMETERS) -> Path:
    """Write a notebook with a title, a parameters cell (unless None) and `cells`; a string is a code cell."""
    head = [prose(TITLE)] + ([code(parameters, "parameters")] if parameters is not None else [])
    body = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=head + body), path)
    return path


PAYLOADS = [
    "<script>window.PWN=1</script>",
    '<img src=x onerror="window.PWN=2">',
    '<svg onload="window.PWN=3"><script>window.PWN=3</script></svg>',
    "\"><iframe srcdoc=\"<script>parent.PWN=4</script>\"></iframe>",
    '<a href="javascript:window.PWN=5" class="trap">a title</a>',
    "</script></style></title><script>window.PWN=6</script><style>@import url(http://elsewhere.test/x.css);</style>",
]


def hostile(path: Path) -> Path:
    """A notebook that shows malicious titles in every kind of output."""
    return save(
        path,
        "import ipywidgets as W, pandas as pd, plotly.graph_objects as go\nfrom IPython.display import HTML, Markdown",
        f"titles = {PAYLOADS!r}\ntable = pd.DataFrame({{'title': titles, 'score': range(6)}})\ntable",
        "table.style.format(precision=1)",
        "HTML(''.join(f'<p>{title}</p>' for title in titles))",
        "Markdown('\\n\\n'.join(titles))",
        "go.Figure(go.Bar(x=titles, y=[1] * 6, text=titles), {'title': {'text': ' '.join(titles)}})",
        "W.VBox([W.HTML(title, description=title) for title in titles] + [W.Dropdown(options=titles)])",
        "print(titles[0])",
        "raise ValueError(titles[0] + titles[5])",
        prose("\n\n".join(PAYLOADS)),
        parameters=f"title = {PAYLOADS[5]!r}",
    )


def rich(path: Path, figures: int = 2) -> Path:
    """A notebook with prose, tables, `figures` figures, widgets, an image and a long log."""
    return save(
        path,
        prose("Numbers in a *table* first, a link to [another](01_next.ipynb)."),
        "import ipywidgets as W, pandas as pd, plotly.graph_objects as go\nfrom IPython.display import SVG, display",
        prose("## What does the table say?\n\n| k | recall |\n|---|---:|\n| 5 | 0.1 |\n| 10 | 0.25 |"),
        "pd.DataFrame({'system': ['popularity', 'item <b>knn</b>'], 'ndcg@10': [0.0053, 0.0421], 'users': [22363, 5]})",
        prose("## How does it look?\n\nWe expect a line that rises."),
        f"for n in range({figures}):\n"
        "    lines = [go.Scatter(x=list(range(50)), y=[i ** (1 + n / 9) for i in range(50)], name=f'system {i}')"
        " for i in range(2)]\n"
        "    display(go.Figure(lines, {'title': {'text': f'Curve {n}'}, 'xaxis': {'title': {'text': 'epoch'}}}))",
        prose("### A picture and a log"),
        "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"60\" height=\"20\"><rect width=\"60\" height=\"20\""
        " fill=\"teal\"/></svg>')",
        "import sys\nprint('\\n'.join(f'epoch {i}' for i in range(40)))\nprint('a warning', file=sys.stderr)",
        prose("## What can be moved?"),
        "box = W.Output()\nwith box:\n    print('drawn inside')\n"
        "W.VBox([W.IntSlider(7, description='top k'), W.Dropdown(options=[('all users', 1), ('new users', 2)],"
        " description='who'), W.Button(description='Press me'), W.Checkbox(True, description='masked'), box])",
        "from workbench.notebooks import glue\nglue(data_hash='ab12cd34', ndcg=0.0421)",
    )
