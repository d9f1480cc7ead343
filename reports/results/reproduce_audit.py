"""Make audit-*.json here again, and audits.json, the table across datasets: what each benchmark can and cannot show,
with a sasrec beside the heuristics.

    python reports/results/reproduce_audit.py [beauty toys ...] [--device auto]

One seed. Settings of sasrec are those of reproduce.py, but for Sports, where it is stopped after 20 epochs. Nothing is
trained where the data has no order, and so no sequence to learn, and on RetailRocket, where an exact softmax over
30,113 items takes hours on a CPU.
"""
import json

import pandas as pd
from reproduce import HERE, TUNED, arguments

from workbench.artifacts import write_text
from workbench.experiment import open_bench
from workbench.experiment.audit import run_audit
from workbench.report.audit_page import finite

COUNTED = ("cds", "lastfm", "retailrocket")  # nothing is trained on these
SHORT = {"sports": {"epochs": 20, "valid_every": 5}}
DIGITS = {"SSI": "{:.2f}", "AUC_f": "{:.2f}", "lead": "{:+.4f}"}  # the others are told in per cent
BEGIN, END = "<!-- audits -->", "<!-- end of audits -->"  # of the table in README.md
DATASETS = ("beauty", "toys", "sports", "office", "grocery", "cds", "movielens-small", "foursquare-nyc", "retailrocket",
            "lastfm")  # fmt: skip
TOLD = {  # a column: card and figure
    "SSI": ("shortcuts", "SSI"), "CR_1": ("graph", "CR_1"), "lift_1": ("graph", "lift_1"),
    "branching": ("graph", "branching of the counts, median"), "order bits": ("graph", "order bits"),
    "AUC_f": ("features", "AUC_f"), "AUC_f beyond": ("features", "AUC_f beyond an edge"),
    "HD_1": ("memory of sasrec", "HD_1"), "OS full": ("memory of sasrec", "OS full shuffle"),
    "OS keep 1": ("memory of sasrec", "OS keep last 1"), "memory": ("memory of sasrec", "effective memory"),
    "hard": ("hard subset", "hard cases"), "memorised": ("strata", "memorised"), "tie range": ("data", "tie range"),
    "leakage": ("data", "future leakage"), "from the future": ("data", "memorised from the future"),
    "repeats": ("data", "repeated test targets"),
    "lead": ("strata", "lead on unseen steps"), "global/own": ("splits", "global-time over leave-one-out"),
}  # fmt: skip


def study(dataset: str, device: str) -> dict:
    """The audit of a dataset as JSON values."""
    bench = open_bench(dataset, profile="paper", device=device)
    changes = TUNED.get(dataset, {}) | SHORT.get(dataset, {})
    runs = [] if dataset in COUNTED else [bench.fit("sasrec", **changes)]
    found = run_audit.audit(bench, runs)
    tables = {name: found.cards[name].tables for name in ("systems", "strata", "hard subset", "heuristic")}
    kept = {f"{card}: {name}": json.loads(table.reset_index().round(6).to_json(orient="records"))
            for card, each in tables.items() for name, table in each.items() if name != "placebo"}  # fmt: skip
    return finite(found.dict()) | {"tables": kept}


def across(stored: dict[str, dict]) -> pd.DataFrame:
    """A row a dataset, the figures of TOLD; empty where it could not be measured."""
    rows = {}
    for dataset, found in stored.items():
        values = {}
        for column, (card, name) in TOLD.items():
            named = next((key for key in found["cards"] if key.startswith(card)), "")
            figures = {figure["name"]: figure for figure in found["cards"].get(named, {"figures": []})["figures"]}
            values[column] = figures.get(name, {}).get("value")
        rows[dataset] = values
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("dataset")


def readme(table: pd.DataFrame) -> str:
    """The table of README.md: a row a dataset of which something can be told, shares in per cent."""
    columns = {
        "SSI": "SSI", "CR_1": "one step away", "hard": "beyond two steps and texts", "AUC_f": "texts alike (AUC)",
        "HD_1": "kept from the last item", "OS keep 1": "lost if all others are shuffled",
        "lead": "lead on unseen steps", "leakage": "train from the future", "global/own": "counted, at one cut in time",
    }  # fmt: skip
    lines = ["| | " + " | ".join(columns.values()) + " |", "|---|" + "---|" * len(columns)]
    for dataset, row in table[list(columns)].dropna(thresh=2).iterrows():
        shown = []
        for name, value in row.items():
            told = DIGITS.get(name, "{:.0%}").format(round(value, 4 if name in DIGITS else 2) + 0.0)
            shown.append("" if pd.isna(value) else told)
        lines.append(f"| [{dataset}](reports/results/audit-{dataset}.json) | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    asked = arguments(__doc__, dict.fromkeys(DATASETS))
    for dataset in asked.datasets:
        found = study(dataset, asked.device)
        write_text(HERE / f"audit-{dataset}.json", json.dumps(found, indent=1, default=float))
        print(dataset, json.dumps([sentence["text"] for sentence in found["verdict"]], indent=1), flush=True)
    there = {name: HERE / f"audit-{name}.json" for name in DATASETS if (HERE / f"audit-{name}.json").exists()}
    table = across({name: json.loads(path.read_text()) for name, path in there.items()})
    write_text(HERE / "audits.json", json.dumps(json.loads(table.round(4).to_json(orient="index")), indent=1))
    path = HERE.parent.parent / "README.md"
    before, rest = path.read_text().split(BEGIN)
    write_text(path, before + BEGIN + "\n" + readme(table) + "\n" + END + rest.split(END)[1])
    print(table.to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
