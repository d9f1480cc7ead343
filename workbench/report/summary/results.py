"""The table of results on the index: systems with their intervals, the baseline marked, and n."""
from typing import Any

from workbench.evaluate.intervals import decimals

CAPTION = (
    "◆ marks the best training-free baseline, which the conclusion compares with. The 95 % bounds are over "
    "test users, and over seeds where a system has several; n is the number of test users."
)


def result_rows(metrics: dict[str, dict], glued: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows of the table by system: what it is, its metrics, their 95 % bounds, and n.

    metrics: by system, with the bounds of metric m named "m from" and "m to". glued: values of every notebook by its
    name, of which `training` and `comparison` are read.
    """
    training = {name: each for values in glued.values() for name, each in values.get("training", {}).items()}
    compared = next((values["comparison"] for values in glued.values() if values.get("comparison")), [])
    baseline = compared[0]["baseline"] if compared else ""
    return {
        name: {"": _kind(name, training.get(name), baseline)}
        | {_column(column): _rounded(value, training.get(name)) for column, value in row.items()}
        | ({"n": training[name]["cases"]} if name in training else {})
        for name, row in metrics.items()
    }  # fmt: skip


def _kind(name: str, training: dict[str, Any] | None, baseline: str) -> str:
    if name == baseline:
        return "◆ best baseline"
    if training is None:
        return ""
    kind = "training-free" if training["baseline"] else "trained"
    return f"{kind}, validation still rising" if training["still_rising"] else kind


def _rounded(value: Any, training: dict[str, Any] | None) -> Any:
    """A score as text, with two decimals where there are too few test users for more; otherwise as it is."""
    if not training or decimals(training["cases"]) > 2 or not isinstance(value, float):
        return value
    return f"{value:.2f}"


def _column(name: str) -> str:
    """The heading of a column of metrics.

    >>> _column("ndcg@10"), _column("ndcg@10 from"), _column("ndcg@10 to")
    ('ndcg@10', '95 % from', '95 % to')
    """
    return {"from": "95 % from", "to": "95 % to"}.get(name.rpartition(" ")[2], name)
