"""A small log with hostile titles and ids, and a table of results, for the tests of figures and tables."""
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from canned import PAYLOADS

BASELINES = ("popularity", "item_knn", "item_transitions")
TITLES = [*PAYLOADS, "<b>x</b>", "long " * 1000, "", "\u202egnp.exe", "$\\alpha$ & co", "<i>", "%{x}", "NaN"]
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}
PLOTLY_OWN = re.compile(r"<br>|<extra></extra>")


def log(folder, timed: bool = True) -> dict:
    """A small csv with hostile titles and ids, and the options that open it."""
    rng = np.random.default_rng(0)
    users, items = np.repeat(np.arange(80), 6), rng.integers(0, 30, 480)
    frame = pd.DataFrame({"user": [f"<u>{user}" for user in users], "item": [f"<i>{item}</i>" for item in items]})
    if timed:
        frame["timestamp"] = 1_400_000_000 + rng.integers(0, 300, 480) * 86_400
    titles = pd.DataFrame({"item": [f"<i>{n}</i>" for n in range(30)], "title": (TITLES * 3)[:30]})
    frame.to_csv(folder / "log.csv", index=False)
    titles.to_csv(folder / "items.csv", index=False)
    return {"path": str(folder / "log.csv"), "items": str(folder / "items.csv")}


def frame(**changes) -> pd.DataFrame:
    """A table as evaluate.compare returns it: a clear winner, a tie, the baseline, a loser."""
    names = ["<b>new</b>", "like", "base", "bad"]
    rows = {
        "mean": [0.5, 0.31, 0.3, 0.1], "low": [0.45, 0.26, 0.25, 0.05], "high": [0.55, 0.36, 0.35, 0.15],
        "baseline": ["base"] * 4, "difference": [0.2, 0.01, 0.0, -0.2], "diff_low": [0.15, -0.04, 0.0, -0.25],
        "diff_high": [0.25, 0.06, 0.0, -0.15], "p": [0.001, 0.7, np.nan, 0.001],
        "minimum_detectable_effect": [0.05, 0.06, np.nan, 0.07], "cases": [4_905] * 4, "seeds": [3, 1, 1, 1],
        "verdict": ["above the baseline", "no difference shown", "baseline", "below the baseline"], "note": [""] * 4,
    }  # fmt: skip
    return pd.DataFrame(rows | changes, index=pd.Index(names, name="system"))


class Cells(HTMLParser):
    """Tags and texts of a table, as a browser reads them."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def texts(value) -> list[str]:
    """Every text inside a JSON value."""
    if isinstance(value, dict):
        return [text for key, inner in value.items() if key != "bdata" for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def check_literal(figure: go.Figure) -> None:
    """Check that no text of a figure is markup, except what plotly itself needs, and that none is long."""
    parsed = json.loads(figure.to_json())
    for text in texts({key: parsed[key] for key in ("data", "layout")}):
        assert "<" not in PLOTLY_OWN.sub("", text), text
        assert len(text) < 400, text[:80]
