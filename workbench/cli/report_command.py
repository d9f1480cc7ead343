"""The command that writes reports: the notebook series, the topics, a gallery of systems, or a matrix with datasets."""
from pathlib import Path

from workbench.cli import arguments
from workbench.errors import INTERRUPTED, UserError, unknown_name

SERIES = ("main", "topics")  # of notebooks, that a report runs


def report(
    *, dataset: str = "", system: str = "", datasets: list = (), systems: list = (), option: list = (),
    profile: str = "smoke", seed: int = 0, out: str = "reports/latest",
    work: arguments.WorkOptions = arguments.USUAL_WORK, cover: arguments.CoverOptions = arguments.NO_COVER,
) -> None:
    """Run the notebook series on a dataset and write a full report. The folder --out then holds one page per notebook,
    an audit, index.html and metrics.json. --system: the system whose network is probed. --datasets with --systems:
    a matrix report instead, with one page per system and dataset that compares the system to the baselines;
    --jobs: trainings of the matrix at a time; --cluster: address of a Dask scheduler for them, as in study.
    --systems alone: a gallery, notebook 07 for each of them. --series topics: the notebooks about families of systems
    instead, on their own datasets unless --dataset is given. The same command resumes an interrupted one. --option:
    dataset options, such as path=log.csv. --title, --author, --note: of the report, shown on the index and at the
    head of every page."""
    from workbench import systems as system_registry
    from workbench.data import datasets as dataset_registry
    from workbench.report import Cover, gallery_report, matrix_report, series_report, topics_report
    from workbench.train.recipe import get_profile

    limits, cover, (jobs, cluster, timeout, series) = get_profile(profile), Cover(*cover), work
    if not (datasets and systems) and (jobs > 1 or cluster):
        raise UserError("--jobs and --cluster are for a matrix: --datasets with --systems")
    if series not in SERIES:
        raise unknown_name("series of notebooks", series, SERIES)
    names = arguments.split_names(datasets) or [dataset or limits.dataset]
    options = dataset_registry.resolve_paths(arguments.parse_options(names, option))
    if series == "topics":
        if datasets or systems or system:
            raise UserError("--series topics takes --dataset, and none of --datasets, --systems and --system")
        arguments.check_output(Path(out), timeout)
        chosen = {"dataset": dataset, "options": options} if dataset else {}
        failed = topics_report(chosen | {"profile": profile, "seed": seed}, out=Path(out), timeout=timeout, cover=cover)
    elif systems and not datasets and not system:
        columns = arguments.split_names(systems)
        arguments.check_output(Path(out), timeout)
        settings = {"profile": profile, "seed": seed, "options": options, "timeout": timeout}
        failed = gallery_report(columns, dataset, out=Path(out), cover=cover, **settings)
    elif datasets or systems:
        if dataset or system:
            raise UserError("--dataset and --system are for one report, --datasets and --systems for a matrix")
        rows, columns = arguments.split_names(datasets), arguments.split_names(systems)
        arguments.check_output(Path(out), timeout)
        failed = matrix_report(rows, columns, profile=profile, seed=seed, options=options, out=Path(out), cover=cover,
                               jobs=jobs, cluster=cluster)  # fmt: skip
    else:
        name = dataset or limits.dataset
        dataset_registry.check_options(name, options)
        if system and system_registry.family(system) == "baselines":
            raise UserError(f"{system} is training-free: there is no network to probe; choose sasrec, tiger ...")
        arguments.check_output(Path(out), timeout)
        arguments.check_dataset(name, profile, seed, option)
        settings = {"profile": profile, "seed": seed, "options": options, "system": system, "timeout": timeout}
        failed = series_report(name, out=Path(out), cover=cover, **settings)
    print(f"report: {Path(out) / 'index.html'}")
    if any(page.code == 130 for page in failed):
        raise UserError(INTERRUPTED, code=130)
    if failed:
        names = ", ".join(page.name for page in failed)
        raise UserError(f"{len(failed)} pages failed: {names}", code=max(page.code for page in failed))
