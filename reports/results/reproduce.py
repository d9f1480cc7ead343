"""Reproduce the comparisons in this folder: training-free baselines and sasrec, paired by user, over three seeds.

    python reports/results/reproduce.py [beauty ...] [--device auto]

Runs are stored as they finish, so an interrupted study resumes.
"""
import argparse
import json
from pathlib import Path

from judge import save_ranks

from workbench import systems
from workbench.artifacts import write_text
from workbench.evaluate import compare, contrast
from workbench.evaluate.compare import ABOVE, BASELINE, BELOW, EVEN, UNDERTRAINED
from workbench.evaluate.intervals import FEW_CASES
from workbench.experiment import Run, open_bench
from workbench.show.svg import svg_comparison

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
MARKS = {ABOVE: "▲", BELOW: "▼", EVEN: "○", BASELINE: "◆", UNDERTRAINED: "×"}
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
SEEDS = (0, 1, 2)
MASKED, TIMED = {"mask_history": True}, {"split": "global-time"}
PROTOCOLS = {
    "beauty": ({}, MASKED, TIMED),
    "office": ({}, MASKED),
    "movielens-small": ({}, MASKED, TIMED),
    "foursquare-nyc": ({}, MASKED, TIMED),
}
TUNED = {"movielens-small": {"batch_size": 16}}  # with the paper's batch size an epoch has only 18 steps
RUN_FIELDS = ("system", "seed", "settings", "recipe", "seconds", "metrics", "cases", "device", "environment")


def runs(dataset: str, protocol: dict, device: str) -> list[Run]:
    """Every baseline once (only ties are random), and sasrec for every seed, with default and with tuned settings."""
    benches = [open_bench(dataset, profile="paper", seed=seed, protocol=protocol, device=device) for seed in SEEDS]
    settings = [{}] + ([TUNED[dataset]] if dataset in TUNED else [])
    networks = [bench.fit("sasrec", **changes) for changes in settings for bench in benches]
    return [benches[0].fit(name) for name in systems.names("baselines")] + networks


def results_tables() -> str:
    """The results tables of reports/README.md: NDCG@10 by system, a column for each evaluated dataset."""
    stored = {path.stem: json.loads(path.read_text()) for path in sorted(HERE.glob("*.json"))}
    compared = {name: values["comparison"] for name, values in stored.items() if "comparison" in values}
    suffixes = {"not masked": "", "history masked": "-masked", "split at one point in time": "-global-time"}
    tables = [(title, {d: d + end for d in PROTOCOLS if d + end in compared}) for title, end in suffixes.items()]
    tables.append(("codes, not masked", {d: f"codes-{d}" for d in PROTOCOLS if f"codes-{d}" in compared}))
    return "\n\n".join(_table(title, files, compared) for title, files in tables if files)


def _cell(row: dict) -> str:
    """Mean, spread between seeds (under 200 cases the interval instead), and the mark of the verdict."""
    if row["cases"] < FEW_CASES:
        return f"{row['mean']:.2f} [{row['low']:.2f}, {row['high']:.2f}] {MARKS[row['verdict']]}"
    spread = f" ± {row['seed_sd']:.4f}" if row["seeds"] > 1 else ""
    return f"{row['mean']:.4f}{spread} {MARKS[row['verdict']]}"


def _table(title: str, files: dict[str, str], compared: dict[str, dict]) -> str:
    rows, cases = {}, {file: next(iter(compared[file].values()))["cases"] for file in files.values()}
    for dataset, file in files.items():
        for name, row in compared[file].items():
            rows.setdefault(name, {})[dataset] = _cell(row)
    heads = [f"[{d}](results/{file}.svg), n = {cases[file]:,}" for d, file in files.items()]
    lines = [f"| {title} | " + " | ".join(heads) + " |"]
    lines.append("|---|" + "---|" * len(files))
    lines += [f"| {name} | " + " | ".join(row.get(d, "") for d in files) + " |" for name, row in rows.items()]
    return "\n".join(lines)


def arguments(description: str, datasets: dict) -> argparse.Namespace:
    """The command line: datasets, all of them by default, and a device."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=list(datasets), help=f"some of {', '.join(datasets)}")
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


def main() -> None:
    options = arguments(__doc__, PROTOCOLS)
    for dataset in options.datasets:
        by_protocol = [runs(dataset, protocol, options.device) for protocol in PROTOCOLS[dataset]]
        for protocol, evaluated in zip(PROTOCOLS[dataset], by_protocol, strict=True):
            save("-".join([dataset, *map(str, protocol.values())]).replace("True", "masked"), evaluated)
        for fields in PROTOCOLS[dataset][1:]:
            field = next(iter(fields))
            other = by_protocol[PROTOCOLS[dataset].index(fields)]
            table = contrast(by_protocol[0] + other, by=field)
            write_text(HERE / f"{dataset}-contrast-{field}.json", table.round(7).to_json(orient="index", indent=1))
    write_readme()


def write_readme() -> None:
    """Replace the results tables in reports/README.md."""
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_text(README, f"{before}{BEGIN}\n{results_tables()}\n{END}{after}")


def save(name: str, runs: list[Run], *, baseline: str = "") -> None:
    """Write a comparison of runs as JSON and as a small picture, and the ranks it can be computed from."""
    table = compare(runs, baseline=baseline)
    save_ranks(name, runs)
    about = {key: runs[0].info[key] for key in ("dataset", "data_hash", "protocol", "users", "cases")}
    rows = [{key: run.info[key] for key in RUN_FIELDS} for run in runs]
    text = {**about, "comparison": json.loads(table.round(7).to_json(orient="index")), "runs": rows}
    write_text(HERE / f"{name}.json", json.dumps(text, indent=1))
    write_text(HERE / f"{name}.svg", svg_comparison(table))
    print(table.to_string(float_format="%.4f"))


if __name__ == "__main__":
    main()
