"""Further controls than off and placebo, one setting changed each: python reports/results/reproduce_controls.py

Writes controls.json beside itself: of each system a row as it is and one for each control, on the dataset and under the
protocol of its study, with the paired difference to the system as it is. Runs are stored, so an interrupted call goes
on, and a finished system is kept.
"""
import json
from pathlib import Path

import numpy as np
import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench import systems
from workbench.evaluate.intervals import estimate_difference, estimate_mean
from workbench.experiment import Bench

STUDIES, AS_IT_IS = Path(__file__).parent / "systems", "as it is"
CONTROLS = {
    "ulmrec": {"no user codes": {"users": "none"}},
    "arag": {"no gate": {"gated": False}},
    "mllm_msr": {"mean of the history": {"pooling": "mean"}},
    "reclora": {"every adapter alike": {"gate": "uniform"}},
    "goracs": {"greedy alone": {"exchanges": 0}, "by loss": {"by": "loss"}},
    "dealrec": {"one stratum": {"strata": 1}, "highest scores": {"strata": 0}},
    "llm2rec": {"text as it is": {"tuned": False}},
    "llmrec": {"pairs by popularity": {"by": "popularity"}},
    "kcan": {"not conditioned": {"conditioned": False}},
    "ttds": {"no user codes": {"users": "none"}},
    "diger": {"no noise": {"noise": 0.0}, "noise by deviation": {"where": "deviation"}},
    "reg4rec": {"fixed order": {"order": "fixed"}, "nothing pruned": {"threshold": 0.0}},
    "unigrec": {"no teacher": {"teacher": ""}},
    "rere": {"cross-entropy": {"objective": "ce"}},
    "gream": {"cross-entropy": {"objective": "ce"}, "exact reward": {"reward": "exact"}},
}  # fmt: skip


def measured(benches: list[Bench], system: str, controls: dict[str, dict]) -> pd.DataFrame:
    """A row for the system and for each control. seconds: of the last seed's training, with what it stands on."""
    metric, arms = systems.kind(system).metric, {AS_IT_IS: {}, **controls}
    runs = {arm: [bench.fit(system, **changes) for bench in benches] for arm, changes in arms.items()}
    values = {arm: np.stack([run.per_case(metric) for run in own]) for arm, own in runs.items()}
    rows = []
    for arm, each in values.items():
        mean, difference = estimate_mean(each), estimate_difference(each, values[AS_IT_IS])
        low, high = difference.interval() if arm != AS_IT_IS else (np.nan, np.nan)
        rows.append({"control": arm, metric: mean.mean, "over as it is": difference.mean, "from": low, "to": high,
                     "cases": mean.cases, "seconds": runs[arm][-1].info["seconds"]["fit"],
                     "still rising": any(run.still_rising for run in runs[arm])})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "controls.json", systems=list(CONTROLS), seeds=2)
    for system in given.systems:
        study = json.loads((STUDIES / f"{system}.json").read_text())
        own = [wb.open_bench(study["dataset"], profile=given.profile, seed=seed, protocol=study["protocol"])
               for seed in range(given.seeds)]  # fmt: skip
        keep(given.out, f"{system}/{study['dataset']}", own[0],
             lambda system=system, own=own: measured(own, system, CONTROLS[system]), seeds=given.seeds)  # fmt: skip


if __name__ == "__main__":
    main()
