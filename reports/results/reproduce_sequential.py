"""What sequential systems claim beside their studies: python reports/results/reproduce_sequential.py --profile paper

Writes sequential.json beside itself: `dtrec`'s score by mean steps, what random items in test histories cost `igr_sr`,
`desmil` where every target counts as much as any other, `llm_edt` beside networks of one domain (smoke), and what
contrast is worth in units of the range over orders of tied events. Runs are stored, so an interrupted call goes on, and
a finished table is kept.
"""
import json
from pathlib import Path

import numpy as np
import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench.diagnose.data.event_order import tie_sensitivity
from workbench.evaluate.by_item_group import item_groups, ranks_within
from workbench.evaluate.intervals import estimate_difference, estimate_mean
from workbench.evaluate.metrics import per_case
from workbench.evaluate.noise import noise_drop
from workbench.experiment import Bench
from workbench.systems.sequential.dtrec import halting_curve

METRIC, THRESHOLDS, CONTRASTIVE = "ndcg@10", [0.05, 0.1, 0.2, 0.3, 0.4], ("mclrec", "sra_cl")
DOMAINS = ("food-kitchen", "beauty-electronics")
STUDIES = Path(__file__).parent / "systems"


def halting(benches: list[Bench]) -> pd.DataFrame:
    """Fixed depths and thresholds of `dtrec`, mean over seeds."""
    tables = [halting_curve(bench.fit("dtrec").recommender(), bench.split.test, bench.split, THRESHOLDS)
              for bench in benches]  # fmt: skip
    return pd.concat(tables).groupby(["rule", "setting"], sort=False).mean().reset_index()


def noise(benches: list[Bench]) -> pd.DataFrame:
    """A fifth of random items in test histories: `sasrec`, `igr_sr`, and that without consistency."""
    arms = {"sasrec": {}, "igr_sr": {}, "igr_sr, consistency=0": {"consistency": 0.0}}
    return noise_drop({arm: [bench.fit(arm.partition(",")[0], **changes).recommender() for bench in benches]
                       for arm, changes in arms.items()}, benches[0].split)  # fmt: skip


def shifted(benches: list[Bench]) -> pd.DataFrame:
    """The test cases as they are, and weighed so that every target item counts as much as any other: `desmil`, its
    interests with all samples alike, and `sasrec`. The difference is to the samples alike, paired."""
    targets = benches[0].split.test.targets
    weight = 1 / np.bincount(targets)[targets]
    weight *= len(weight) / weight.sum()
    settings = {"desmil": ("desmil", {}), "desmil, steps=0": ("desmil", {"steps": 0}), "sasrec": ("sasrec", {})}
    values = {name: np.stack([bench.fit(system, **changes).per_case(METRIC) for bench in benches])
              for name, (system, changes) in settings.items()}  # fmt: skip
    rows = []
    for test, scale in (("as it is", 1.0), ("every item alike", weight)):
        for name, each in values.items():
            difference = estimate_difference(each * scale, values["desmil, steps=0"] * scale)
            low, high = difference.interval() if name != "desmil, steps=0" else (np.nan, np.nan)
            rows.append({"test": test, "system": name, METRIC: (each * scale).mean(), "over steps=0": difference.mean,
                         "from": low, "to": high})  # fmt: skip
    return pd.DataFrame(rows)


def domains_alone(benches: list[Bench]) -> pd.DataFrame:
    """`llm_edt`, phase 1 alone, and a network that reads and learns one domain: targets among the items of theirs."""
    groups, of_case = item_groups(benches[0].dataset), benches[0].split.test.targets
    names, rows = sorted(set(groups[1:].tolist())), []
    arms = {"llm_edt": {}, "phase 1 alone": {"bottleneck": 0}, **{f"{name} alone": {"alone": name} for name in names}}
    for arm, changes in arms.items():
        ranks = [ranks_within(bench.fit("llm_edt", **changes).recommender(), bench.split.test, groups)
                 for bench in benches]  # fmt: skip
        for name in [changes["alone"]] if "alone" in changes else names:
            values = np.stack([per_case(METRIC, own[groups[of_case] == name], None) for own in ranks])
            low, high = estimate_mean(values).interval()
            rows.append({"network": arm, "domain": name, f"{METRIC} within": values.mean(), "from": low, "to": high,
                         "cases": values.shape[1]})  # fmt: skip
    return pd.DataFrame(rows)


def studies() -> list[Path]:
    """The stored ones of contrastive systems."""
    return sorted(path for name in CONTRASTIVE for path in STUDIES.glob(f"{name}*.json"))


def contrast() -> pd.DataFrame:
    """The stored studies of contrastive systems against `sasrec` with the whole cross-entropy, and their difference in
    units of the range of NDCG@10 of item transitions over orders of tied events, nan for a log without times."""
    rows, ranges = [], {}
    for path in studies():
        study = json.loads(path.read_text(encoding="utf-8"))
        dataset, profile = which = study["dataset"], study["profile"]
        if which not in ranges:
            bench = wb.open_bench(dataset, profile=profile, protocol=study["protocol"])
            known = bench.dataset.has_times
            ranges[which] = tie_sensitivity(bench.dataset, bench.split)["tie range"].value if known else np.nan
        difference = study["differences"]["on - off"]
        rows.append({"system": study["system"], "dataset": dataset, "profile": profile,
                     "on": study["rows"]["on"]["mean"], "sasrec": study["rows"]["off"]["mean"], **difference,
                     "tie range": ranges[which], "in tie ranges": difference["mean"] / ranges[which],
                     "verdict": study["verdict"]})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "sequential.json", dataset="office", seeds=2)
    benches = [wb.open_bench(given.dataset, profile=given.profile, seed=seed) for seed in range(given.seeds)]
    for table in (halting, noise, shifted):
        keep(given.out, f"{given.dataset}/{table.__name__}", benches[0], lambda table=table: table(benches),
             seeds=given.seeds)  # fmt: skip
    for dataset in DOMAINS:
        own = [wb.open_bench(dataset, profile="smoke", seed=seed) for seed in range(given.seeds)]
        keep(given.out, f"{dataset}/domains alone", own[0], lambda own=own: domains_alone(own), seeds=given.seeds)
    codes = {path.name: json.loads(path.read_text(encoding="utf-8"))["code"] for path in studies()}
    keep(given.out, "contrast", benches[0], contrast, studies=codes)


if __name__ == "__main__":
    main()
