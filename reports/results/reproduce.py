"""Make every file of this folder again: floors and sasrec on real data, paired by user, over three seeds.

    python reports/results/reproduce.py [beauty ...] [--device auto]

Runs are stored as they finish, so an interrupted study goes on where it stopped.
"""
import argparse
import json
from pathlib import Path

from workbench import systems
from workbench.artifacts import write_text
from workbench.evaluate import compare, contrast
from workbench.experiment import Run, open_bench
from workbench.show import svg_comparison

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
SEEDS = (0, 1, 2)
MASKED, TIMED = {"mask_history": True}, {"split": "global-time"}
PROTOCOLS = {
    "beauty": ({}, MASKED, TIMED),
    "office": ({}, MASKED),
    "movielens-small": ({}, MASKED, TIMED),
    "foursquare-nyc": ({}, MASKED, TIMED),
}
TUNED = {"movielens-small": {"batch_size": 16}}  # what the paper's batch leaves untrained: 18 steps an epoch
KEPT = ("system", "seed", "settings", "recipe", "seconds", "metrics", "cases", "device", "environment")


def runs(dataset: str, protocol: dict, device: str) -> list[Run]:
    """Every floor once (nothing in them is drawn but ties) and sasrec for every seed, also as tuned where it is."""
    benches = [open_bench(dataset, profile="paper", seed=seed, protocol=protocol, device=device) for seed in SEEDS]
    settings = [{}] + [TUNED[dataset]] * (dataset in TUNED)
    networks = [bench.fit("sasrec", **changes) for changes in settings for bench in benches]
    return [benches[0].fit(name) for name in systems.names("baselines")] + networks


def readme() -> str:
    """The results tables of README.md: NDCG@10 a system, a column for each dataset that was measured."""
    stored = {path.stem: json.loads(path.read_text()) for path in sorted(HERE.glob("*.json"))}
    compared = {name: found["comparison"] for name, found in stored.items() if "comparison" in found}
    kinds = {"not masked": "", "history masked": "-masked", "split at one point in time": "-global-time"}
    tables = [(title, {d: d + end for d in PROTOCOLS if d + end in compared}) for title, end in kinds.items()]
    tables.append(("codes, not masked", {d: f"codes-{d}" for d in PROTOCOLS if f"codes-{d}" in compared}))
    return "\n\n".join(_table(title, files, compared) for title, files in tables if files)


def _table(title: str, files: dict[str, str], compared: dict[str, dict]) -> str:
    rows = {}
    for dataset, file in files.items():
        for name, row in compared[file].items():
            spread = f" ± {row['seed_sd']:.4f}" if row["seeds"] > 1 else ""
            rows.setdefault(name, {})[dataset] = f"{row['mean']:.4f}{spread}"
    lines = [f"| {title} | " + " | ".join(f"[{d}](reports/results/{file}.svg)" for d, file in files.items()) + " |"]
    lines.append("|---|" + "---|" * len(files))
    lines += [f"| {name} | " + " | ".join(row.get(d, "") for d in files) + " |" for name, row in rows.items()]
    return "\n".join(lines)


def arguments(about: str, known: dict) -> argparse.Namespace:
    """What was asked for: datasets, all that are known by default, and a device."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=list(known), help=f"some of {', '.join(known)}")
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


def main() -> None:
    asked = arguments(__doc__, PROTOCOLS)
    for dataset in asked.datasets:
        by_protocol = [runs(dataset, protocol, asked.device) for protocol in PROTOCOLS[dataset]]
        for protocol, found in zip(PROTOCOLS[dataset], by_protocol, strict=True):
            save("-".join([dataset, *map(str, protocol.values())]).replace("True", "masked"), found)
        for fields in PROTOCOLS[dataset][1:]:
            field = next(iter(fields))
            other = by_protocol[PROTOCOLS[dataset].index(fields)]
            table = contrast(by_protocol[0] + other, by=field)
            write_text(HERE / f"{dataset}-contrast-{field}.json", table.round(7).to_json(orient="index", indent=1))
    write_readme()


def write_readme() -> None:
    """Put the tables where README.md has its results."""
    text = (ROOT / "README.md").read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_text(ROOT / "README.md", f"{before}{BEGIN}\n{readme()}\n{END}{after}")


def save(name: str, found: list[Run]) -> None:
    """The comparison as JSON and as a small picture."""
    table = compare(found)
    about = {key: found[0].info[key] for key in ("dataset", "data_hash", "protocol", "users", "cases")}
    rows = [{key: run.info[key] for key in KEPT} for run in found]
    text = {**about, "comparison": json.loads(table.round(7).to_json(orient="index")), "runs": rows}
    write_text(HERE / f"{name}.json", json.dumps(text, indent=1))
    write_text(HERE / f"{name}.svg", svg_comparison(table))
    print(table.to_string(float_format="%.4f"))


if __name__ == "__main__":
    main()
