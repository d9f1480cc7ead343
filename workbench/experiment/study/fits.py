"""Independent trainings, one after the other, on several processes of this machine, or on a Dask cluster."""
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

from workbench.artifacts import Store, using_store
from workbench.errors import UserError
from workbench.experiment.bench import Bench, open_bench
from workbench.progress import Progress
from workbench.train import Profile

log = logging.getLogger("workbench")
RETRIES = 2  # of a fit whose worker of a cluster died
SECONDS_TO_CONNECT = 10


class Fit(NamedTuple):
    """One training in plain values, so that another process can make it. store: folder of the artifact store, which all
    workers of a cluster share."""

    system: str
    changes: dict
    dataset: str
    options: dict
    protocol: dict
    profile: dict
    seed: int
    device: str
    store: str


class Fitted(NamedTuple):
    """folder: of the stored run, "" after an error. error: one line, "" after success."""

    folder: str
    error: str


def plan_fit(bench: Bench, system: str, changes: dict, seed: int) -> Fit:
    """The training of a system on a bench, from another seed."""
    return Fit(system, changes, bench.name, bench.options, bench.protocol_changes, asdict(bench.profile), seed,
               bench.device, str(bench.store.root))  # fmt: skip


def run_fit(fit: Fit) -> Fitted:
    """Train, or find the stored run; what goes wrong is an error of this fit alone. KeyboardInterrupt passes."""
    try:
        with using_store(Store(fit.store)):
            bench = open_bench(fit.dataset, profile=Profile(**fit.profile), seed=fit.seed, protocol=fit.protocol,
                               options=fit.options, device=fit.device)  # fmt: skip
            return Fitted(str(bench.fit(fit.system, **fit.changes).folder), "")
    except UserError as error:
        return Fitted("", str(error))
    except Exception as error:
        log.exception("%s, seed %d", fit.system, fit.seed)
        return Fitted("", f"{type(error).__name__}: {error}")


def run_fits(fits: list[Fit], *, jobs: int = 1, cluster: str = "") -> list[Fitted]:
    """The outcome of each fit, in their order. Finished runs are in the store, so an interrupted call resumes.

    jobs: processes on this machine, one thread each where there are several. cluster: address of a Dask scheduler whose
    workers share this store's folder; a fit whose worker dies is made again by another. UserError where the cluster
    cannot be reached or a process is killed.
    """
    if cluster:
        outcomes = _on_cluster(fits, cluster)
    elif jobs > 1:
        outcomes = _on_processes(fits, jobs)
    else:
        outcomes = map(run_fit, fits)
    done = []
    with Progress("study", len(fits), "fits", stages=True) as progress:
        for fit, fitted in zip(fits, outcomes, strict=True):
            done.append(fitted)
            progress.step(note=f"{fit.system}, seed {fit.seed}{': failed' * bool(fitted.error)}")
    return done


def _on_processes(fits: list[Fit], jobs: int) -> Iterator[Fitted]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    parallel = Parallel(n_jobs=jobs, return_as="generator", prefer="processes")
    try:
        yield from parallel(delayed(_quietly)(run_fit, fit) for fit in fits)
    except TerminatedWorkerError as error:
        raise UserError("a process of the study was killed, perhaps for want of memory: finished fits are kept, and "
                        f"the same call goes on; fewer jobs than {jobs} need less", code=1) from error  # fmt: skip


def _on_cluster(fits: list[Fit], address: str) -> Iterator[Fitted]:
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise UserError("--cluster needs the extra 'cluster': pip install 'workbench-recsys[cluster]'") from error
    try:
        client = Client(address, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(f"no Dask scheduler answers at {address!r}: start one with `dask scheduler` and give its "
                        "address, such as tcp://10.0.0.5:8786") from error  # fmt: skip
    with client:
        futures = client.map(_quietly, [run_fit] * len(fits), fits, pure=False, retries=RETRIES)
        for future in futures:
            error = future.exception()
            yield Fitted("", f"its worker died: {error}") if error else future.result()


def _quietly(run: Callable[[Fit], Fitted], fit: Fit) -> Any:
    """Run a fit in a worker: one thread, and no progress bar between those of others."""
    os.environ.update({"WORKBENCH_PROGRESS": "none", "OMP_NUM_THREADS": "1"})
    import torch

    torch.set_num_threads(1)
    return run(fit)
