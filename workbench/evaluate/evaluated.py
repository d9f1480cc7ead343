"""What may be compared: runs, and evaluations made by hand that read like one."""
from typing import Any

from workbench.errors import UserError
from workbench.interfaces import Evaluated


def evaluated_list(runs: Any, verb: str = "compare") -> list[Evaluated]:
    """The runs as a list; one run stands for itself. UserError where something else is among them, or where two models
    of one's own have the same name."""
    runs = [runs] if isinstance(runs, Evaluated) else runs
    if not isinstance(runs, list | tuple):
        raise UserError(f"{verb} takes a list of runs, such as [bench.fit('popularity')]; given {_text(runs)}")
    if not runs:
        raise UserError(f"{verb} needs at least one run")
    for run in runs:
        if isinstance(run, str):
            raise UserError(f"{verb} takes runs, not names: bench.fit({run!r}) gives one")
        if not isinstance(run, Evaluated):
            raise UserError(f"{verb} takes runs; given {_text(run)}. bench.fit(model, name='mynet') makes a run of a "
                            "model of one's own, bench.evaluate(scores, name='mine') what is compared like one")
    _check_names(runs)
    return list(runs)


def _text(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.60}" if isinstance(value, int | float | str) else type(value).__name__


def _check_names(runs: list[Evaluated]) -> None:
    """Runs of one label are averaged as seeds of one system, so they must be of one model, a seed of it each."""
    models: dict[str, Any] = {}
    starts: dict[tuple, Any] = {}
    for run in runs:
        own = run.info.get("own", {})
        model = {name: value for name, value in own.items() if name != "start"}
        if models.setdefault(run.label, model) != model:
            raise UserError(f"two models are called {run.label}, but their classes or attributes differ; give each a "
                            "name of its own")  # fmt: skip
        place = (run.label, run.info["seed"], str(run.info["protocol"]))
        if starts.setdefault(place, own.get("start")) != own.get("start"):
            raise UserError(f"two different runs are called {run.label} and have seed {run.info['seed']}: open a bench "
                            "for each seed, wb.open_bench(..., seed=1), or give each a name of its own")  # fmt: skip
