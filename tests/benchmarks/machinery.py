"""Sides of bench_cost.py: `machinery.py keys|help|systems|datasets|sets|phases`, `machinery.py study JOBS`."""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

ROUNDS, USERS, LENGTH = 5, 20_000, 20
STUDY = ["study", "gru4rec", "--profile", "workshop", "--seeds", "12", "--set", "epochs=40", "patience=99"]


def keys() -> dict:
    """The closure keys of all systems, from nothing."""
    from workbench import systems

    start = time.perf_counter()
    found = [systems.code(name) for name in systems.names()]
    return {"seconds": time.perf_counter() - start, "systems": len(found)}


def listing(*command: str) -> dict:
    """Processor time of a command."""
    subprocess.run([sys.executable, "-m", "workbench", *command], check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"seconds": used.ru_utime + used.ru_stime}


def sets() -> dict:
    """Every metric of sets at 10 and 20, of one to nine targets a user."""
    from workbench.evaluate import per_case

    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 10, USERS)
    ranks = np.concatenate([np.where(rng.random(n) < 0.5, rng.permutation(LENGTH)[:n] + 1, 0) for n in sizes])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    start = time.perf_counter()
    for kind in ("recall", "ndcg", "mrr", "precision", "map", "hit"):
        for k in (10, 20):
            per_case(f"{kind}@{k}", ranks, offsets=offsets)
    return {"seconds": time.perf_counter() - start}


def phases() -> dict:
    """Processor time of epochs of `sasrec` by `fit` over that of the same steps written out, in turn."""
    times = [(_epoch(bare=False), _epoch(bare=True)) for _ in range(ROUNDS + 1)][1:]
    return {"seconds": float(np.median(times, axis=0)[0]), "ratio": float(np.median([a / b for a, b in times]))}


def _epoch(*, bare: bool) -> float:
    """Processor seconds of one epoch of a fresh network, from equal weights."""
    import torch

    from workbench.experiment import open_bench
    from workbench.recommenders import vector
    from workbench.train.fit import TrainingSession, fit

    bench = open_bench("synthetic", profile="paper", options={"users": 8_000}, device="cpu")
    bench.split  # noqa: B018
    recommender, recipe = bench.build("sasrec", width=64), bench.plan("sasrec", epochs=1)[1]

    def written_out(module, batches, loss, session, **_):
        optimizer = torch.optim.AdamW(module.parameters(), lr=recipe.lr, betas=(0.9, recipe.beta2),
                                      weight_decay=recipe.weight_decay)  # fmt: skip
        module.train()
        for step, batch in enumerate(batches(0)):
            optimizer.zero_grad(set_to_none=True)
            value = loss(batch, step)
            value.backward()
            optimizer.step()
            value.item()
        return [{"epoch": 1}]

    vector.fit = written_out if bare else fit
    start = time.process_time()
    recommender.fit(bench.split, TrainingSession(recipe))
    return time.process_time() - start


def study(jobs: str) -> dict:
    """Seconds of a study in a home of its own, with its data read before."""
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {"WORKBENCH_HOME": home}
        command = [sys.executable, "-m", "workbench", *STUDY, "--jobs", jobs, "--out", f"{home}/study.json"]
        start = time.perf_counter()
        subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
        return {"seconds": time.perf_counter() - start}


if __name__ == "__main__":
    sides = {"keys": keys, "help": lambda: listing("--help"), "systems": lambda: listing("systems"),
             "datasets": lambda: listing("datasets"), "sets": sets, "phases": phases, "study": study}  # fmt: skip
    print(json.dumps(sides[sys.argv[1]](*sys.argv[2:])))
