"""Independent trainings, one after the other, on several processes of this machine, or on a Dask cluster."""
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

from workbench.artifacts import Store, using_store
from workbench.errors import UserError
from workbench.experiment.bench import Bench, open_bench
from workbench.places import disk_is_full
from workbench.progress import Progress
from workbench.train import Profile

log = logging.getLogger("workbench")
RETRIES = 2  # of a fit whose worker of a cluster died
SECONDS_TO_CONNECT = 10
UNREADABLE = 3  # the code of an error of the data


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
    """folder: of the stored run, "" after an error. error: one line, "" after success. code: exit code, 0 success.
    seconds: it took. trace: the traceback, "" for a UserError. full: the error number of a disk that is full."""

    folder: str
    error: str = ""
    code: int = 0
    seconds: float = 0.0
    trace: str = ""
    full: int = 0


def plan_fit(bench: Bench, system: str, changes: dict, seed: int) -> Fit:
    """The training of a system on a bench, from another seed."""
    return Fit(system, changes, bench.name, bench.options, bench.protocol_changes, asdict(bench.profile), seed,
               bench.device, str(bench.store.root))  # fmt: skip


def run_fit(fit: Fit) -> Fitted:
    """Train, or find the stored run; what goes wrong is an error of this fit alone. KeyboardInterrupt passes."""
    started, folder, error, code, trace, full = time.monotonic(), "", "", 0, "", 0
    try:
        with using_store(Store(fit.store)):
            bench = open_bench(fit.dataset, profile=Profile(**fit.profile), seed=fit.seed, protocol=fit.protocol,
                               options=fit.options, device=fit.device)  # fmt: skip
            folder = str(bench.fit(fit.system, **fit.changes).folder)
    except UserError as exception:
        error, code = str(exception), exception.code
        full = exception.__cause__.errno if disk_is_full(exception) else 0
    except Exception as exception:  # a fit may fail in any way; the others still run
        log.exception("%s on %s, seed %d", fit.system, fit.dataset, fit.seed)
        error, code = f"{type(exception).__name__}: {exception}".strip().removesuffix(":"), 1
        trace = traceback.format_exc()
    return Fitted(folder, error, code, round(time.monotonic() - started, 2), trace, full)


def run_fits(fits: list[Fit], *, jobs: int = 1, cluster: str = "", readable: bool = False) -> list[Fitted]:
    """The outcome of each fit, in their order. Finished runs are in the store, so an interrupted call resumes.

    jobs: processes on this machine, one thread each where there are several. cluster: address of a Dask scheduler whose
    workers share this store's folder; a fit whose worker dies is made again by another. readable: the first
    fit must be able to read the data. UserError where it cannot, the cluster cannot be reached, a process is killed or
    the disk is full.
    """
    done = []
    with Progress("study", len(fits), "fits", stages=True) as progress:
        for fit, fitted in zip(fits, each_fit(fits, jobs=jobs, cluster=cluster), strict=True):
            if readable and not done and fitted.code == UNREADABLE:
                raise UserError(fitted.error, code=UNREADABLE)
            done.append(fitted)
            progress.step(note=f"{fit.system}, seed {fit.seed}{': failed' * bool(fitted.error)}")
    return done


def each_fit(fits: list[Fit], *, jobs: int = 1, cluster: str = "") -> Iterator[Fitted]:
    """The outcomes of `run_fits`, each as soon as it and those before it are there; what is wrong with the cluster is
    an error of the first."""
    if cluster:
        outcomes = _on_cluster(fits, cluster)
    elif jobs > 1:
        outcomes = _on_processes(fits, jobs)
    else:
        outcomes = map(run_fit, fits)
    for fitted in outcomes:
        if fitted.full:  # the next fit would fail in the same way
            raise UserError(fitted.error, code=1) from OSError(fitted.full, os.strerror(fitted.full))
        yield fitted


def _on_processes(fits: list[Fit], jobs: int) -> Iterator[Fitted]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    parallel = Parallel(n_jobs=jobs, return_as="generator", prefer="processes")
    try:
        yield from parallel(delayed(_quietly)(run_fit, fit) for fit in fits)
    except TerminatedWorkerError as error:
        raise UserError("a process that trains was killed, perhaps for want of memory: finished fits are kept, and "
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
        try:
            client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
        except TimeoutError as error:
            raise UserError(f"the scheduler at {address!r} has no worker: start one with `dask worker {address}`",
                            code=1) from error  # fmt: skip
        futures = client.map(_quietly, [run_fit] * len(fits), fits, pure=False, retries=RETRIES)
        for future in futures:
            error = future.exception()
            yield Fitted("", f"its worker died: {error}", code=1) if error else future.result()


def _quietly(run: Callable[[Fit], Fitted], fit: Fit) -> Any:
    """Run a fit in a worker: one thread, and no progress bar between those of others."""
    os.environ.update({"WORKBENCH_PROGRESS": "none", "OMP_NUM_THREADS": "1"})
    import torch

    torch.set_num_threads(1)
    return run(fit)
