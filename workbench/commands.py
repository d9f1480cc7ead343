"""The commands, a function each, whose signatures are the options. They import what they need when they are called."""
import json
import sys
from collections.abc import Callable
from pathlib import Path

from workbench import cli_arguments
from workbench.errors import STOPPED, UserError, unknown


def datasets() -> None:
    """List the datasets, one a line with a description."""
    from workbench.data import datasets as registry

    cli_arguments.listing({name: registry.describe(name) for name in registry.names()})


def systems(*, family: str = "*", form: str = "lines") -> None:
    """List the systems, one a line with a description. --family: only one family, such as floors. --form: lines, or
    markdown for the table of README.md, with papers, off switches and placebos."""
    from workbench import systems as registry

    if form not in ("lines", "markdown"):
        raise unknown("form", form, ("lines", "markdown"))
    if form == "markdown":
        from workbench.systems.catalogue import markdown

        print(markdown(), end="")
        return
    cli_arguments.listing(
        {name: f"{registry.family(name)}: {registry.describe(name)}" for name in registry.names(family)}
    )


def fit(
    system: str, *, dataset: str = "synthetic", set: list = (), protocol: list = (), option: list = (),
    profile: str = "workshop", seed: int = 0, device: str = "auto", out: str = "",
) -> None:
    """Train a system, evaluate it and save the run. --set: build keywords and recipe fields, such as width=128 lr=5e-4.
    --protocol: protocol fields, such as mask_history=True. --option: dataset options, such as path=log.csv."""
    from workbench.experiment import check_out

    if out:
        check_out(Path(out))
    run = cli_arguments.bench(dataset, profile, seed, protocol, option, device).fit(system, **cli_arguments.pairs(set))
    run = run.copy(Path(out)) if out else run
    print(json.dumps({name: round(value, 5) for name, value in run.metrics.items()}, indent=1))
    print(f"run: {run.folder}")


def predict(run: str, *, users: list = (), k: int = 10) -> None:
    """Top-k with titles from a saved run. --users: raw user ids; none means the first three."""
    import numpy as np
    import pandas as pd

    from workbench.evaluate import lists
    from workbench.experiment import load_run

    run = load_run(run)
    bench = run.bench()
    known, histories = bench.dataset.users["raw_id"], bench.split.test.histories
    index = pd.Index(known).get_indexer(list(users) or known.iloc[histories.users[:3]])
    if (index < 0).any():
        raise unknown(f"user of {bench.name}", users[int(np.flatnonzero(index < 0)[0])], known.iloc[:20])
    rows = pd.Index(histories.users).get_indexer(index)
    if (rows < 0).any():
        raise UserError(f"user {users[int(np.flatnonzero(rows < 0)[0])]!r} has no test history under this protocol")
    asked = histories.take(rows)
    found = lists(run.recommender(), asked, k, masked=bench.protocol.mask_history)
    table = pd.DataFrame({
        "user": np.repeat(known.iloc[index].to_numpy(), k), "rank": np.tile(np.arange(1, k + 1), len(index)),
        "item": bench.dataset.items["raw_id"].to_numpy()[found.items.ravel() - 1],
        "title": bench.dataset.titles(found.items.ravel()), "score": found.scores.ravel(),
    })
    print(table.to_csv(index=False, float_format="%.5f"), end="")


def probe(
    run: str, *, path: str = "", kind: str = "topk", k: int = 8, seeds: int = 3, latents: int = 100, namer: str = "",
    out: str = "reports/latest/latents.html",
) -> None:
    """The page of a saved run's latents: what they stand for and what they do. --path: the place in the network to
    read; --kind, --k, --seeds: of the autoencoder; --latents: how many are shown; --namer: words, or the folder of a
    local language model, for names made of titles alone, judged on other users and items."""
    from workbench.experiment import load_run
    from workbench.report import latents_page

    print(latents_page(load_run(run), out=Path(out), path=path, kind=kind, k=k, seeds=seeds, shown=latents,
                       namer=namer))  # fmt: skip


def audit(
    *, dataset: str = "synthetic", systems: list = (), retrain: list = (), tune: bool = False, protocol: list = (),
    option: list = (), profile: str = "paper", seed: int = 0, out: str = "reports/latest/audit.html",
) -> None:
    """Ask what a dataset can and cannot show: a page, and the same as JSON beside it. --systems: names, trained if they
    are not stored, or folders of saved runs. --retrain: names of systems to train anew on less, five trainings each.
    --tune: choose the heuristic among 24 settings on validation. Both say how long they will take."""
    from workbench.experiment.audit import run_audit as audits
    from workbench.report import audit_page, check_page
    from workbench.systems import keywords

    check_page(Path(out))
    bench = cli_arguments.bench(dataset, profile, seed, protocol, option, "auto")
    names, again = cli_arguments.names(systems), cli_arguments.names(retrain)
    for name in again:
        keywords(name)  # before anything is trained, so that a slip costs nothing
    found = audits.audit(bench, audits.trained(bench, names), retrain=tuple(again), tune=tune)
    for sentence in found.sentences:
        print(f"{sentence.kind}: {sentence.text}")
    page = audit_page(found, out=Path(out))
    print(f"audit: {page}, {page.with_suffix('.json')}")


def score(
    file: str, *, dataset: str = "synthetic", protocol: list = (), option: list = (), profile: str = "paper",
    out: str = "",
) -> None:
    """Evaluate predictions made elsewhere under our protocol. FILE: a CSV with the columns user, item (raw ids) and
    rank (1 is best) or score (higher is better)."""
    from workbench.artifacts import MANIFEST, write_text
    from workbench.evaluate import predictions

    if out and (Path(out) / MANIFEST).exists():
        raise UserError(f"{out} holds a run; name another folder")
    bench = cli_arguments.bench(dataset, profile, 0, protocol, option, "auto")
    table = predictions.read(Path(file))
    part = bench.split
    found = predictions.evaluate_table(table, bench.dataset, part, name=file)
    info = {"predictions": Path(file).name, "dataset": dataset, "protocol": part.protocol.dict(),
            "data_hash": part.data_hash, "cases": len(part.test.targets),
            "covered": predictions.covered(table, bench.dataset, part), "metrics": found.metrics(part.test, part)}
    if out:
        write_text(Path(out) / "metrics.json", json.dumps(info, indent=1))
    print(json.dumps(info, indent=1))


def runs(*, compare: list = (), reproduce: str = "", metric: str = "ndcg@10") -> None:
    """List stored runs. --compare: folders of two or more runs, set side by side with intervals. --reproduce: the
    folder of a run, made again from scratch and held against what it says."""
    from workbench import evaluate, experiment

    if compare:
        table = evaluate.compare([experiment.load_run(folder) for folder in compare], metric=metric)
        print(table.to_string(float_format="%.4f"))
    elif reproduce:
        print(experiment.reproduce(experiment.load_run(reproduce)).to_string(float_format="%.6f"))
    else:
        for run in experiment.stored_runs():
            protocol, value = run.info["protocol"], run.metrics.get(metric, float("nan"))
            masked = "masked" if protocol["mask_history"] else "unmasked"
            print(f"{run.label}  {run.info['dataset']}  {protocol['split']} {masked}  seed {run.info['seed']}  "
                  f"{metric} {value:.4f}  {run.folder}")


def run(
    notebook: str, *, set: list = (), profile: str = "", out: str = "reports/latest", timeout: int = 600
) -> None:
    """Run one notebook headlessly and export it. NOTEBOOK: a path, or a name such as 01_explore_dataset. --set: its
    parameters; --profile is one of them."""
    from workbench.report import page

    parameters = cli_arguments.pairs(set) | ({"profile": profile} if profile else {})
    cli_arguments.place(Path(out), timeout)
    result = page(notebook, parameters=parameters, out=Path(out), timeout=timeout)
    print(f"{'done' if result.ok else 'FAILED'} in {result.seconds:.0f} s: {result.html}")
    if result.code == 130:
        raise UserError(STOPPED, code=130)
    if not result.ok:
        place = f"{result.name}, code cell {result.cell}: " if result.cell else f"{result.name}: "
        raise UserError(place + result.error, code=result.code)


def report(
    *, dataset: str = "", system: str = "", datasets: list = (), systems: list = (), option: list = (),
    profile: str = "smoke", seed: int = 0, out: str = "reports/latest", timeout: int = 600,
) -> None:
    """Run the whole series on a dataset and leave one page a notebook, an audit, index.html and metrics.json in DIR.
    --system: whose network is probed. --datasets with --systems: a matrix in its place, a page for each system beside
    the floors on each dataset; the same command again goes on where it stopped. --option: dataset options, such as
    path=log.csv."""
    from workbench import systems as known
    from workbench.data import datasets as registry
    from workbench.report import matrix, series
    from workbench.train.recipe import profile as limits

    limits(profile)
    options = registry.located(cli_arguments.pairs(option))
    if datasets or systems:
        if dataset or system:
            raise UserError("--dataset and --system ask for one report, --datasets and --systems for a matrix")
        rows, columns = cli_arguments.names(datasets), cli_arguments.names(systems)
        cli_arguments.place(Path(out), timeout)
        failed = matrix(rows, columns, profile=profile, seed=seed, options=options, out=Path(out))
    else:
        name = dataset or limits(profile).dataset
        registry.check(name, options)
        if system and known.family(system) == "baselines":
            raise UserError(f"{system} is counted, not trained: there is no network to probe; choose sasrec, tiger ...")
        cli_arguments.place(Path(out), timeout)
        cli_arguments.readable(name, profile, seed, option)
        failed = series(
            name, profile=profile, seed=seed, options=options, system=system, out=Path(out), timeout=timeout
        )
    print(f"report: {Path(out) / 'index.html'}")
    if any(made.code == 130 for made in failed):
        raise UserError(STOPPED, code=130)
    if failed:
        names = ", ".join(made.name for made in failed)
        raise UserError(f"{len(failed)} pages are without a result: {names}", code=max(made.code for made in failed))


def handout(*, notebooks: list = (), out: str = "handout") -> None:
    """Write copies of notebooks without their solutions into a folder, for a class. --notebooks: names or paths; none
    means the classes of the workshop. A copy on which somebody has worked is never replaced."""
    from workbench.notebooks import find, workshop
    from workbench.notebooks import handout as copies

    paths = [find(name) for name in cli_arguments.names(notebooks)] or workshop()
    if not paths:
        raise UserError("there are no classes here: run from a checkout, or name notebooks with --notebooks")
    for path, number in copies(paths, Path(out)).items():
        print(f"{path}: {number} exercise{'s' * (number > 1)}")


def reference(*, out: str = "reports/reference") -> None:
    """Write the reference of every public function and class, made from their docstrings: one offline page in DIR."""
    from workbench.report.api_reference import reference_page

    print(f"reference: {reference_page(Path(out))}")


def lab(*, folder: str = "") -> None:
    """Open JupyterLab in the folder of the notebooks. --folder: another one, such as the copies of a class."""
    import os

    from workbench import notebooks

    place = Path(folder) if folder else notebooks.folder()
    if not place.is_dir():
        raise UserError(f"{place}: no such folder; --folder names the one to open")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", str(place)])  # a signal is for the server, not for us


COMMANDS: dict[str, Callable] = {
    f.__name__: f
    for f in (report, run, fit, predict, probe, audit, score, runs, systems, datasets, handout, reference, lab)
}
