"""What a language model adds to re-rankers, and its cost: python reports/results/reproduce_language_models.py

Writes language_models.json beside itself. Runs are stored, so an interrupted call goes on, and a finished system is
kept. --model: one that `workbench model` downloads, or a folder. --cases: of test whose target is among --n candidates.
"position bias" among --only is how often each position is chosen where candidates are shuffled, of --users of test;
--model "" leaves out the language model there.
"""
from pathlib import Path

from kept_tables import keep, options

import workbench as wb
from workbench import systems
from workbench.experiment.study.language_models import added_by_language_model
from workbench.experiment.study.position_bias import chosen_positions

READERS = [name for name in systems.names("rerank") if "model" in systems.keywords(name)]
POSITIONS = "position bias"


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "language_models.json", dataset="office", model="smollm2",
                    cases=40, n=10, users=100, only=[*READERS, POSITIONS])  # fmt: skip
    bench = wb.open_bench(given.dataset, profile=given.profile)
    for name in given.only:
        if name == POSITIONS:
            keep(given.out, f"{given.dataset}/{name}", bench,
                 lambda: chosen_positions(bench, given.model, users=given.users, n=given.n), model=given.model,
                 candidates=given.n, users=given.users)  # fmt: skip
            continue
        keep(given.out, f"{given.dataset}/{name}", bench,
             lambda name=name: added_by_language_model(bench, given.model, [name], cases=given.cases, n=given.n),
             model=given.model, candidates=given.n)  # fmt: skip


if __name__ == "__main__":
    main()
