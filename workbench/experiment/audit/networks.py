"""The networks behind an audit: their training seeds, how long they were trained, and whether training was cut off."""
from collections.abc import Sequence
from dataclasses import replace

from workbench.diagnose.verdict.card import Card
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run
from workbench.progress import track

SEEDS = 3  # training seeds of a network whose score is compared with that of a heuristic
ONE_SEED = "smoke"  # the profile in which one has to do


def with_seeds(bench: Bench, runs: Sequence[Run], seeds: int = 0) -> list[Run]:
    """The runs, and each network among them trained again until it has so many training seeds; each training is stored.

    seeds: 0 for three, or for one in smoke. Added seeds are the smallest that the network lacks.
    """
    wanted = seeds or (1 if bench.profile.name == ONE_SEED else SEEDS)
    plans = []
    for own in by_label(runs).values():
        present = [run.info["seed"] for run in own]
        spare = (seed for seed in range(wanted + len(present)) if seed not in present)
        plans += [(own[0], next(spare)) for _ in range(wanted - len(set(present))) if own[0].curve]
    if not plans:
        return list(runs)
    more = []
    for run, seed in track(plans, "train with other seeds", unit="networks", stages=True):
        more.append(_fit_again(bench, run, seed))
    return [*runs, *more]


def _fit_again(bench: Bench, run: Run, seed: int) -> Run:
    """The run of the same system, settings and limits from another seed, on the data of this bench."""
    return replace(bench.variant(seed=seed), profile=run.bench().profile).fit(run.system, **run.info["changes"])


def by_label(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The training seeds of each system, first those that were given first."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    return groups


def seeds_text(runs: Sequence[Run]) -> str:
    """Which training seeds stand behind the figures of each system; "" for systems that are not trained in epochs."""
    texts = []
    for label, own in by_label([run for run in runs if run.curve]).items():
        seeds = ", ".join(str(run.info["seed"]) for run in own)
        texts.append(f"{label}: mean over training seeds {seeds}" if len(own) > 1 else
                     f"{label}: one training seed, {seeds}")  # fmt: skip
    return "; ".join(texts)


def training_text(runs: Sequence[Run]) -> str:
    """How the seeds of one system were trained: profile, seeds, and epochs of at most how many."""
    each = ", ".join(f"seed {run.info['seed']} {_epochs(run)}" for run in runs)
    return f"profile {runs[0].info['profile']}, {each}"


def undertrained(runs: Sequence[Run]) -> dict[str, str]:
    """By system, why nothing follows from its scores: the seeds whose validation still rose when the epochs ran out."""
    reasons = {}
    for label, own in by_label(runs).items():
        if rising := [run for run in own if run.still_rising]:
            each = ", ".join(f"seed {run.info['seed']} {_epochs(run)}" for run in rising)
            reasons[label] = (f"validation still rose when training stopped ({each}); train longer (a larger profile, "
                              "or --set epochs=...)")  # fmt: skip
    return reasons


def name_seeds(card: Card, runs: Sequence[Run]) -> Card:
    """The card, saying which training seeds of the runs it quotes, and which of them were cut off in training."""
    return replace(card, about=card.about or seeds_text(runs), undertrained=card.undertrained | undertrained(runs))


def facts(runs: Sequence[Run]) -> list[dict]:
    """One row per trained run, as plain JSON values: system, seed, profile, epochs, at_most, still_rising."""
    return [{"system": run.label, "seed": run.info["seed"], "profile": run.info["profile"],
             "epochs": run.curve[-1]["epoch"], "at_most": run.info["recipe"]["epochs"],
             "still_rising": run.still_rising} for run in runs if run.curve]  # fmt: skip


def _epochs(run: Run) -> str:
    if not run.curve:
        return "not trained in epochs"
    return f"after {run.curve[-1]['epoch']} of at most {run.info['recipe']['epochs']} epochs"
