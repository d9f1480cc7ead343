"""Reproduce audit-*.json and audits.json, the table across datasets: what each benchmark can and cannot show, with a
sasrec compared with training-free baselines.

    python reports/results/reproduce_audit.py [beauty toys ...] [--device auto]

Sasrec is compared over three training seeds; cards of one network are about seed 0. Settings of sasrec are those of
reproduce.py, except on Sports, where training stops after 20 epochs. Nothing is trained where the data has no event
order, and on RetailRocket, where an exact softmax over 30,113 items takes hours on a CPU.
"""
import json

import numpy as np
import pandas as pd
from judge import stored_runs
from reproduce import HERE, PROTOCOLS, README, TUNED, arguments

from workbench.artifacts import write_text
from workbench.diagnose.shortcuts.solvability import solvability
from workbench.evaluate.intervals import FEW_CASES
from workbench.experiment import open_bench
from workbench.experiment.audit import run_audit
from workbench.report.audit_page import replace_nonfinite

UNTRAINED = ("cds", "lastfm", "retailrocket")  # training-free baselines only
SHORT = {"sports": {"epochs": 20, "valid_every": 5}}
DIGITS = {"SSI": "{:.2f}", "AUC_f": "{:.2f}", "lead": "{:+.4f}"}  # the others in per cent
OF_NETWORK = ("HD_1", "OS keep 1", "lead")  # columns from which nothing follows if the network was cut off
BEGIN, END = "<!-- audits -->", "<!-- end of audits -->"  # of the table in reports/README.md
DATASETS = ("beauty", "toys", "sports", "office", "grocery", "cds", "movielens-small", "foursquare-nyc", "retailrocket",
            "lastfm")  # fmt: skip
COLUMNS = {  # card and figure
    "SSI": ("shortcuts", "SSI"), "CR_1": ("graph", "CR_1"), "lift_1": ("graph", "lift_1"),
    "branching": ("graph", "plug-in branching, median"), "order bits": ("graph", "order bits"),
    "AUC_f": ("features", "AUC_f"), "AUC_f beyond": ("features", "AUC_f beyond one hop"),
    "HD_1": ("history ablation: sasrec", "HD_1"), "OS full": ("history ablation: sasrec", "OS full shuffle"),
    "OS keep 1": ("history ablation: sasrec", "OS keep last 1"),
    "memory": ("history ablation: sasrec", "effective history length"), "hard": ("hard subset", "hard cases"),
    "memorized": ("memorization", "memorized"), "tie range": ("data", "tie range"),
    "leakage": ("data", "future leakage"), "from the future": ("data", "memorized from future events"),
    "repeats": ("data", "repeated test targets"),
    "lead": ("memorization", "lead on unseen transitions"), "global/own": ("splits", "global-time over leave-one-out"),
}  # fmt: skip


def study(dataset: str, device: str) -> dict:
    """The audit of a dataset as JSON values."""
    bench = open_bench(dataset, profile="paper", device=device)
    changes = TUNED.get(dataset, {}) | SHORT.get(dataset, {})
    runs = [] if dataset in UNTRAINED else [bench.fit("sasrec", **changes)]
    audit = run_audit.audit(bench, runs)
    names = ("systems", "memorization", "hard subset", "baseline ablation")
    tables = {f"{card}: {name}": json.loads(table.reset_index().round(6).to_json(orient="records"))
              for card in names for name, table in audit.cards[card].tables.items()
              if name != "random subsets"}  # fmt: skip
    return replace_nonfinite(audit.dict()) | {"tables": tables}


def across(stored: dict[str, dict]) -> pd.DataFrame:
    """One row per dataset with the figures of COLUMNS; empty where a figure could not be measured. attrs: "intervals",
    by dataset and column, of figures over too few cases; "undertrained", the datasets whose network was cut off
    in training."""
    rows, intervals, undertrained = {}, {}, set()
    for dataset, audit in stored.items():
        values = {}
        for column, (prefix, name) in COLUMNS.items():
            card = next((key for key in audit["cards"] if key.startswith(prefix)), "")
            figures = {figure["name"]: figure for figure in audit["cards"].get(card, {"figures": []})["figures"]}
            figure = figures.get(name, {})
            values[column] = figure.get("value")
            if 0 < figure.get("n", 0) < FEW_CASES and figure.get("low") is not None:
                intervals[dataset, column] = figure["low"], figure["high"], figure["n"]
        rows[dataset] = values
        if any(network["still_rising"] for network in audit.get("networks", ())):
            undertrained.add(dataset)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("dataset")
    table.attrs |= {"intervals": intervals, "undertrained": undertrained}
    return table


def solvabilities() -> dict[str, str]:
    """SSI of the datasets with ranks of sasrec from several seeds, with the interval over cases and seeds."""
    texts = {}
    for dataset in PROTOCOLS:
        runs = stored_runs(dataset, json.loads((HERE / f"{dataset}.json").read_text()))
        values = {label: np.stack([run.per_case("ndcg@10") for run in rows]) for label, rows in runs.items()}
        models = {label: array for label, array in values.items() if label.startswith("sasrec")}
        if models:
            rules = {label: array for label, array in values.items() if label not in models}
            figure = next(each for each in solvability(rules, models).figures if each.name == "SSI")
            texts[dataset] = f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"
    return texts


def markdown(table: pd.DataFrame, ssi: dict[str, str]) -> str:
    """The table of reports/README.md: a row for each dataset with at least two figures, shares in per cent. ssi: by
    dataset, where several seeds were trained."""
    columns = {
        "SSI": "SSI", "CR_1": "one step away", "hard": "beyond two steps and texts", "AUC_f": "text AUC",
        "HD_1": "last item only", "OS keep 1": "earlier items shuffled",
        "lead": "lead on unseen transitions", "leakage": "train from the future",
        "global/own": "baselines, global split",
    }  # fmt: skip
    lines = ["| | " + " | ".join(columns.values()) + " |", "|---|" + "---|" * len(columns)]
    for dataset, row in table[list(columns)].dropna(thresh=2).iterrows():
        cells = []
        for name, value in row.items():
            digits, places = DIGITS.get(name, "{:.0%}"), 4 if name in DIGITS else 2
            text = digits.format(round(value, places) + 0.0)
            if (dataset, name) in table.attrs["intervals"]:
                low, high, n = table.attrs["intervals"][dataset, name]
                text += f" [{digits.format(low)}, {digits.format(high)}] (n = {n})"
            if name in OF_NETWORK and dataset in table.attrs["undertrained"]:
                text = "no conclusion"
            cells.append(ssi.get(dataset, "") if name == "SSI" else "" if pd.isna(value) else text)
        lines.append(f"| [{dataset}](results/audit-{dataset}.json) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    options = arguments(__doc__, dict.fromkeys(DATASETS))
    for dataset in options.datasets:
        result = study(dataset, options.device)
        write_text(HERE / f"audit-{dataset}.json", json.dumps(result, indent=1, default=float))
        print(dataset, json.dumps([sentence["text"] for sentence in result["verdict"]], indent=1), flush=True)
    paths = {name: HERE / f"audit-{name}.json" for name in DATASETS if (HERE / f"audit-{name}.json").exists()}
    table = across({name: json.loads(path.read_text()) for name, path in paths.items()})
    write_text(HERE / "audits.json", json.dumps(json.loads(table.round(4).to_json(orient="index")), indent=1))
    before, rest = README.read_text().split(BEGIN)
    write_text(README, before + BEGIN + "\n" + markdown(table, solvabilities()) + "\n" + END + rest.split(END)[1])
    print(table.to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
