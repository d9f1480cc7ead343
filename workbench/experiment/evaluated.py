"""`bench.evaluate(...)`: scores, ranks or a model made elsewhere, evaluated by hand; compared as a run, not stored."""
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.arguments import public
from workbench.artifacts import digest
from workbench.data import Histories, datasets
from workbench.errors import UserError, is_integer
from workbench.evaluate import Evaluation, evaluate, top_k
from workbench.evaluate.metrics import DEPTH, check_depth
from workbench.experiment.own_model import check_name
from workbench.experiment.run import described
from workbench.interfaces import Recommendations, Recommender, Scorer
from workbench.recommenders.network_checks import try_out
from workbench.recommenders.own_network import OwnNetwork

EXPOSURE = ("coverage@10", "gini@10", "popularity@10")
HOW = (
    "bench.evaluate takes scores (C, I+1), one row per test case in the order of bench.split.test; ranks (C,), one per "
    "target, whole numbers, 0 for a miss; a function of Histories that scores them (B, I+1); a recommender; a trained "
    "torch module; or what workbench.evaluate.evaluate returns"
)


@public
@dataclass(frozen=True)
class EvaluatedModel:
    """What `compare` and `contrast` read of a run, for a model that was not fitted here: an `interfaces.Evaluated`."""

    info: dict
    evaluation: Evaluation

    @property
    def ranks(self) -> np.ndarray:
        """As of a run: (C,) place of each test target, 0 for a miss; (N,) where targets are sets."""
        return self.evaluation.ranks

    def __repr__(self) -> str:
        return f"Evaluation of {described(self)}; not stored"

    @property
    def system(self) -> str:
        return self.info["system"]

    @property
    def label(self) -> str:
        """The name that it was given."""
        return self.info["system"]

    @property
    def metrics(self) -> dict[str, float]:
        return self.info["metrics"]

    @property
    def curve(self) -> list[dict]:
        """No learning curve is known."""
        return []

    @property
    def still_rising(self) -> bool:
        """False: nothing is known of how it was trained."""
        return False

    def per_case(self, metric: str = "ndcg@10") -> np.ndarray:
        """(C,) values of a metric, one per test case; UserError if its cutoff exceeds the depth of the lists."""
        check_depth(metric, self.info["depth"], self.label)
        return self.evaluation.per_case(metric)


def evaluate_by_hand(bench: Any, model: Any, name: str, max_length: int = 50) -> EvaluatedModel:
    """The evaluation of a model, of scores or of ranks on the test cases of a bench; see `Bench.evaluate`."""
    check_name(name)
    split = bench.split
    evaluation = _evaluation(model, split, max_length)
    n, n_targets = len(split.test.histories), len(split.test.targets)
    if len(evaluation.ranks) != n_targets or not np.array_equal(evaluation.offsets, split.test.offsets):
        targets = "" if n == n_targets else f" with {n_targets} targets"
        raise UserError(f"{name}: an evaluation of {len(evaluation.ranks)} cases; this bench has {n} test cases"
                        f"{targets}")  # fmt: skip
    metrics = evaluation.metrics(split.test, split)
    if not evaluation.shown.any():  # ranks alone: the lists are unknown
        metrics = {key: value for key, value in metrics.items() if key not in EXPOSURE}
    info = bench.key | {
        "system": name, "family": "own", "settings": {}, "recipe": {}, "changes": {}, "depth": evaluation.depth,
        "profile": bench.profile.name, "limits": bench.profile.dict(), "cases": n, "curve": [], "metrics": metrics,
        "own": {"start": digest(evaluation.ranks.tolist())}, "paths": datasets.file_paths(bench.options),
    }  # fmt: skip
    return EvaluatedModel(info, evaluation)


def _evaluation(model: Any, split: Any, max_length: int) -> Evaluation:
    if isinstance(model, Evaluation):
        return model
    if isinstance(model, torch.Tensor):
        model = model.detach().cpu().numpy()
    if isinstance(model, list | tuple) or type(model).__name__ in ("Series", "DataFrame"):
        try:
            model = np.asarray(model)
        except ValueError:
            raise UserError(f"rows of different lengths are neither scores nor ranks. {HOW}") from None
    if isinstance(model, np.ndarray):
        return _of_array(model, split)
    if isinstance(model, type):
        raise UserError(f"{model.__name__} is a class; give an instance of it, such as {model.__name__}(...)")
    return evaluate(_recommender(model, split, max_length), split.test, split)


def _recommender(model: Any, split: Any, max_length: int) -> Any:
    if isinstance(model, Recommender):
        return model
    if isinstance(model, nn.Module):
        if not is_integer(max_length, 1):
            raise UserError(f"max_length={max_length!r} must be a positive integer: the events that are read")
        every = try_out(model, split, max_length=max_length)
        return OwnNetwork(deepcopy(model), n_items=split.n_items, every_position=every, max_length=max_length)
    if isinstance(model, Scorer):
        return Scores(model.score, split.n_items)
    if callable(model):
        return Scores(model, split.n_items)
    raise UserError(f"{HOW}; given {type(model).__name__} {model!r:.60}")


def _of_array(array: np.ndarray, split: Any) -> Evaluation:
    """Of scores (C, I+1) or ranks (C,), (N,) of sets. Ranks say nothing of the lists, so their exposure is unknown."""
    n, n_targets, width = len(split.test.histories), len(split.test.targets), split.n_items + 1
    if array.shape == (n, width):
        order = {user: row for row, user in enumerate(split.test.histories.users.tolist())}
        scores = lambda histories: array[[order[user] for user in histories.users.tolist()]]  # noqa: E731
        return evaluate(Scores(scores, split.n_items), split.test, split)
    if array.shape == (n_targets,):
        whole = np.asarray(array, np.float64) if array.dtype.kind in "iuf" else np.full(1, np.nan)
        if not (np.isfinite(whole).all() and (whole >= 0).all() and (whole == np.round(whole)).all()):
            raise UserError(f"ranks are whole numbers from 1, the best place, or 0 for a miss; given {array[:5]}")
        ranks = np.where(whole <= DEPTH, whole, 0).astype(np.int32)
        return Evaluation(ranks, None, np.zeros(width, np.int32), DEPTH, split.test.offsets)
    hint = "; one column is short: column 0 stands for padding" if array.shape == (n, width - 1) else ""
    raise UserError(f"an array of shape {array.shape}; expected scores {(n, width)} or ranks {(n_targets,)}{hint}")


@dataclass(frozen=True)
class Scores:
    """A function that scores Histories of B rows, (B, I+1) with column 0 unused, as a recommender of top-k lists."""

    score: Callable[[Histories], Any]
    n_items: int

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The top-k items by score. UserError for scores of another shape."""
        scores, expected = self.score(histories), (len(histories), self.n_items + 1)
        scores = np.array(scores.detach().cpu() if isinstance(scores, torch.Tensor) else scores)  # top_k overwrites
        if scores.shape != expected:
            short = "; one column is short: column 0 stands for padding" if scores.shape[1:] == (self.n_items,) else ""
            raise UserError(f"the scores have shape {scores.shape}; expected {expected}{short}")
        return top_k(scores, k, exclude)
