"""What a language model adds to re-rankers, and its cost: python reports/results/reproduce_language_models.py

Writes language_models.json beside itself. Runs are stored, so an interrupted call goes on, and a finished system is
kept. --model: one that `workbench model` downloads, or a folder. --cases: of test whose target is among --n candidates.
"""
from pathlib import Path

from kept_tables import keep, options

import workbench as wb
from workbench import systems
from workbench.experiment.study.language_models import added_by_language_model

READERS = [name for name in systems.names("rerank") if "model" in systems.keywords(name)]


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "language_models.json", dataset="office", model="smollm2",
                    cases=40, n=10, only=READERS)  # fmt: skip
    bench = wb.open_bench(given.dataset, profile=given.profile)
    for name in given.only:
        keep(given.out, f"{given.dataset}/{name}", bench,
             lambda name=name: added_by_language_model(bench, given.model, [name], cases=given.cases, n=given.n),
             model=given.model, candidates=given.n)  # fmt: skip


if __name__ == "__main__":
    main()
