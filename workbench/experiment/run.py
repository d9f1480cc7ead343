"""A trained and evaluated system on disk."""
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workbench.arguments import public
from workbench.artifacts import MANIFEST, digest, read_manifest, write_folder
from workbench.errors import UserError, check_names
from workbench.experiment.around_base import ROWS, inner
from workbench.experiment.named_files import contents, dataset_name
from workbench.experiment.online.measured import MEASURE
from workbench.systems.verbs import FAMILIES, RANKING
from workbench.train import Profile

FILES = ("metrics.json", "state.safetensors", "cases.npz")
HEADLINES = tuple(dict.fromkeys(family.metric for family in (RANKING, *FAMILIES.values())))  # of a run: its first
RISE = 0.02  # relative rise of the validation score in the last fifth of the epochs; what noise does there is smaller


@public
@dataclass(frozen=True)
class Run:
    """A trained and evaluated system on disk.

    info: what metrics.json says. open_bench: how to come back to the bench it was made on.
    """

    folder: Path
    info: dict
    open_bench: Callable[..., Any]

    def __repr__(self) -> str:
        return f"Run of {described(self)}; in {self.folder}"

    @staticmethod
    def load(folder: Path | str, open_bench: Callable[..., Any]) -> "Run":
        """The run in a folder. UserError if it is not one or was damaged."""
        if not isinstance(folder, str | Path):
            raise UserError(f"a run is loaded from its folder, a path; given {type(folder).__name__}")
        folder = Path(folder)
        if not (folder / "metrics.json").is_file():
            raise UserError(f"{folder} is not a run, or one whose training was stopped: it has no metrics.json, which "
                            "is written last. The command that began it goes on with it")
        try:
            read_manifest(folder)
        except ValueError as error:
            raise UserError(f"{error}; train it again", code=1) from error
        return Run(folder, json.loads((folder / "metrics.json").read_text()), open_bench)

    @property
    def system(self) -> str:
        return self.info["system"]

    @cached_property
    def key(self) -> str:
        """Digest of what the run holds, by which stages of it are stored: the name of a folder says nothing, as another
        run may be saved there."""
        return digest(read_manifest(self.folder)["files"])[:24]

    @property
    def metrics(self) -> dict[str, float]:
        return self.info["metrics"]

    @property
    def curve(self) -> list[dict]:
        return self.info["curve"]

    @property
    def still_rising(self) -> bool:
        """Whether training was cut off before it converged: the epochs ran out, and the best validation score lies in
        their last fifth, more than RISE above the best score before. Such a run is no evidence about its system."""
        monitor = self.info["recipe"]["monitor"]
        scores = [(row["epoch"], row[monitor]) for row in self.curve if monitor in row]
        if not scores or self.curve[-1]["epoch"] < self.info["recipe"]["epochs"]:
            return False  # not trained in epochs, or stopped early
        early = max((score for epoch, score in scores if epoch <= 0.8 * self.curve[-1]["epoch"]), default=0.0)
        return max(score for _, score in scores) > (1 + RISE) * early

    @property
    def training(self) -> dict[str, int | bool]:
        """What a page says beside the run's scores: epochs trained (0: none), whether it is a training-free baseline,
        whether its validation was still rising, its seed, and the number of test cases."""
        epochs = self.curve[-1]["epoch"] if self.curve else 0
        baseline = self.info.get("family") == "baselines"
        return {"epochs": epochs, "baseline": baseline, "still_rising": self.still_rising, "seed": self.info["seed"],
                "cases": self.info["cases"]}  # fmt: skip

    @property
    def label(self) -> str:
        """The system, with what was changed from its defaults."""
        changes = ", ".join(f"{key}={value}" for key, value in sorted(self.info["changes"].items()))
        return f"{self.system}({changes})" if changes else self.system

    @cached_property
    def _cases(self) -> dict[str, np.ndarray]:
        with np.load(self.folder / "cases.npz") as file:
            return dict(file)

    @property
    def ranks(self) -> np.ndarray:
        """(C,) place of each test target, 1-based; 0 where it was not in the list. (N,) where targets are sets."""
        return self._cases["ranks"]

    @property
    def groups(self) -> np.ndarray | None:
        """(C,) size of each target's code group, or None. (N,) where targets are sets."""
        return self._cases.get("groups")

    @property
    def offsets(self) -> np.ndarray | None:
        """(C+1,) where the targets of each test case lie among the ranks; None where every case has one."""
        return self._cases.get("offsets")

    @property
    def selected_rows(self) -> np.ndarray | None:
        """(n,) the events of train that a system with the verb select learned from; None for any other."""
        from safetensors import safe_open

        with safe_open(self.folder / "state.safetensors", "numpy") as state:
            return state.get_tensor(ROWS) if ROWS in state.keys() else None  # noqa: SIM118  it is no dict

    def per_case(self, metric: str = "ndcg@10") -> np.ndarray:
        """(C,) values of a metric such as "ndcg@10", one per test case, or of a measure of the episodes of a policy, or
        of the windows or the events of a stream. UserError if its cutoff exceeds the list depth that the run was
        evaluated to, or there is no such measure."""
        from workbench.evaluate.metrics import check_depth, per_case

        if measures := {name.removeprefix(MEASURE): name for name in self._cases if name.startswith(MEASURE)}:
            check_names(f"measure of {self.label}", [metric], measures)
            return self._cases[measures[metric]]
        check_depth(metric, self.info.get("depth"), self.label)
        return per_case(metric, self.ranks, self.groups, self.offsets)

    def at(self, paths: dict[str, str]) -> "Run":
        """The same run, of which the files among the dataset's options now lie at these paths."""
        return replace(self, info=self.info | {"paths": paths})

    def bench(self) -> Any:
        """The bench this run was made on."""
        info = self.info
        return self.open_bench(
            info["dataset"], profile=Profile(**info["limits"]), seed=info["seed"], protocol=info["protocol"],
            options=info["options"] | info.get("paths", {}), device=info["device"],
        )

    def recommender(self, model: Any = None):
        """The recommender as it was when it was evaluated. UserError if the data under it changed.

        model: for a run of a model of one's own, an instance of its class with any weights, once in a Python session
        that has not trained it.
        """
        from safetensors.numpy import load_file

        recommender = self._build(model, exactly=False)
        recommender.load_state(load_file(self.folder / "state.safetensors"))
        return inner(recommender)

    def untrained(self):
        """The recommender before training, a control. UserError as `recommender`."""
        return inner(self._build(None, exactly=True))

    def model(self):
        """A copy of a model of one's own as it was before training, to be fitted again. UserError as `recommender`."""
        from workbench.experiment import own_model

        return own_model.model_of(self)

    def _build(self, model: Any, *, exactly: bool) -> Any:
        """The recommender without what it learned. exactly: with the weights that training started from."""
        from workbench.experiment import own_model

        if model is not None:
            own_model.remember(self, model)
        bench = self.bench()
        if bench.split.data_hash != self.info["data_hash"]:
            raise UserError(f"{self.folder}: {bench.dataset.name} is no longer the data this run was made on", code=3)
        if "own" not in self.info and contents(self.info["settings"]) != self.info.get("files", {}):
            raise UserError(f"{self.folder}: the files in its settings are no longer those it was made with", code=3)
        if "own" not in self.info:
            return bench.build(self.system, **self.info["settings"])
        model = own_model.model_of(self, exactly=exactly)
        return own_model.assemble(model, self.info["own"], self.info["settings"], bench.split.n_items)

    def copy(self, out: Path) -> "Run":
        """The same run in a folder of the user's, which may hold an older run. UserError as `check_out`."""
        out = Path(out)
        check_out(out)
        write_folder(out, lambda new: [shutil.copyfile(self.folder / name, new / name) for name in FILES], replace=True)
        return Run(out, self.info, self.open_bench)


def described(run: Any) -> str:
    """What was evaluated, on what, and its score, in words; of a run or of what `bench.evaluate` returns."""
    info, metric = run.info, next((name for name in HEADLINES if name in run.metrics), "")
    cases = "windows" if metric == "auc" else "test cases"
    scored = f", {metric} {run.metrics[metric]:.4f} over {info['cases']:,} {cases}" if metric else ""
    data = dataset_name(info["dataset"], info.get("options", {}) | info.get("paths", {}))
    return f"{run.label} on {data} (profile {info['profile']}, seed {info['seed']}){scored}"


def run_list(runs: Any) -> list[Run]:
    """The runs as a list; one run stands for itself. UserError where something else is among them."""
    runs = [runs] if isinstance(runs, Run) else runs
    if not isinstance(runs, list | tuple) or not all(isinstance(run, Run) for run in runs):
        given = ", ".join(sorted({type(run).__name__ for run in runs})) if isinstance(runs, list | tuple) else runs
        raise UserError(f"runs is a list of runs, such as [bench.fit('popularity')]; given {given!r:.60}. Only a run, "
                        "as bench.fit makes it, can be asked for its lists and its network")  # fmt: skip
    return list(runs)


def check_out(out: Path) -> None:
    """UserError unless `out` is free: not there, empty, or a run with nothing beside it, which may be replaced."""
    try:
        there = {path.name for path in out.iterdir()}
    except (FileNotFoundError, NotADirectoryError):  # not there, or just being replaced
        there = set()
    if not out.name or (out.exists() and not out.is_dir()) or (there and there != {*FILES, MANIFEST}):
        raise UserError(f"{out} exists and is not a run alone; name another folder")
