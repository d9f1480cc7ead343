"""Which likelihood a log of shown items speaks for: of a click among what was shown, or among all items.

The comparison of Eide, Leslie and Frigessi, arXiv:2104.15046, on logs whose items were really shown to somebody. A
likelihood over all items takes what was shown seldom for what is liked seldom; one over the slate does not.
"""
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workbench.data.schema import Dataset
from workbench.errors import UserError, unknown_name
from workbench.evaluate.intervals import estimate_difference
from workbench.evaluate.sampled import pooled_auc
from workbench.nets.slates.click_model import BIAS, ClickModel
from workbench.recommenders.slates.logged import LoggedSlates

LIKELIHOODS = {"slate": False, "all-items": True}
NEEDED = ("slate", "position", "item", "timestamp", "clicked")
STEPS = 60  # of L-BFGS


def shown_slates(dataset: Dataset, *, source: str = "") -> LoggedSlates:
    """The slates of the table `slates` of a dataset in order of time, (n, 1, k) of one step each; a slot of which
    nothing is published is empty. source: where the table has such a column, the one to take. UserError for a dataset
    without the table, another source, or two clicks in a slate."""
    table = dataset.tables.get("slates")
    if table is None or not set(NEEDED) <= set(table):
        raise UserError(f"{dataset.name} has no table of slates with {', '.join(NEEDED)}; open-bandit has", code=3)
    if source:
        known = sorted(table["source"].unique()) if "source" in table else []
        if source not in known:
            raise unknown_name("source of slates", source, known)
        table = table[table["source"] == source]
    first = table.groupby("slate")["timestamp"].min().sort_values(kind="stable")
    row = pd.Series(np.arange(len(first)), first.index).loc[table["slate"]].to_numpy()
    slot = table["position"].to_numpy(np.int64) - 1
    shown, clicked = np.zeros((len(first), 1, slot.max() + 1), np.int64), np.zeros((len(first), 1), np.int64)
    shown[row, 0, slot] = table["item"].to_numpy()
    hit = table["clicked"].to_numpy(bool)
    if np.bincount(row[hit], minlength=1).max() > 1:
        raise UserError(f"{dataset.name}: a slate has two clicks; the model is of one click or none", code=3)
    clicked[row[hit], 0] = slot[hit] + 1
    return LoggedSlates(shown, clicked)


def compare_likelihoods(learned: LoggedSlates, tested: LoggedSlates, n_items: int) -> pd.DataFrame:
    """Click models without users, of items, slots and no click, learned by both likelihoods, on slates of one step.

    Columns, of the slates of `tested`: outcome, the log loss in nats of what was clicked or that nothing was, for which
    a likelihood over all items gives probability to what was not shown; shown, the same given what was shown, which
    leaves that out; auc, of a click in a slot among all filled ones. Their low and high are those of outcome and shown
    less those of the likelihood of the slate. constant: one chance for every slot. UserError without a click in both.
    """
    if not learned.clicked.any() or not tested.clicked.any() or tested.clicked.all():
        raise UserError("likelihoods are compared by slates with a click and slates without; there are none such")
    found = {}
    for name, over_all in LIKELIHOODS.items():
        module = fitted(learned, n_items, over_all=over_all)
        with torch.no_grad():
            p = _log_probs(module, tested, over_all).exp().double().numpy()
        found[name] = p, p / p.sum(axis=1, keepdims=True)
    rate = (learned.clicked > 0).sum() / (learned.shown > 0).sum()
    filled = np.column_stack([np.ones(len(tested.shown)), (tested.shown[:, 0] > 0) * rate / (1 - rate)])
    found["constant"] = (filled / filled.sum(axis=1, keepdims=True),) * 2
    losses = {name: [-np.log(np.take_along_axis(p, tested.clicked, 1)[:, 0]) for p in both]
              for name, both in found.items()}  # fmt: skip
    rows = {}
    for name, (_, p) in found.items():
        row = {"outcome": losses[name][0].mean(), "shown": losses[name][1].mean(), "auc": _auc(p, tested)}
        for column, own, slate in zip(("outcome", "shown"), losses[name], losses["slate"], strict=True):
            row[f"{column} low"], row[f"{column} high"] = estimate_difference(own, slate).interval()
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def fitted(log: LoggedSlates, n_items: int, *, over_all: bool) -> ClickModel:
    """The most probable biases of items, logits of slots and of no click, by all slates at once (L-BFGS); a bias has
    the prior of `ClickModel`, and users are 0, so vectors say nothing."""
    category = np.zeros(n_items + 1, np.int64)
    module = ClickModel(1, category, slots=log.shown.shape[2], width=1)
    filled = (log.shown > 0).sum(axis=2)
    rate = max((log.clicked > 0).mean(), 1e-6)
    parameters = [module.bias.weight, module.place, module.none]
    with torch.no_grad():
        module.none[0] = float(np.log((1 - rate) / rate) + np.log(n_items if over_all else max(filled.mean(), 1)))
    optimizer = torch.optim.LBFGS(parameters, max_iter=STEPS, line_search_fn="strong_wolfe")
    clicked = torch.from_numpy(log.clicked)

    def loss() -> Tensor:
        optimizer.zero_grad()
        surprise = -_log_probs(module, log, over_all).gather(1, clicked).mean()
        value = surprise + (module.bias.weight / BIAS).square().sum() / 2 / len(clicked)
        value.backward()
        return value

    optimizer.step(loss)
    return module


def _log_probs(module: ClickModel, log: LoggedSlates, over_all: bool) -> Tensor:
    """(n, 1 + k) of no click and of every slot."""
    nobody = torch.zeros(len(log.shown), 1)
    return module.log_probs(nobody, torch.from_numpy(log.shown), all_items=over_all)[:, 0]


def _auc(p: np.ndarray, log: LoggedSlates) -> float:
    clicked = np.arange(1, p.shape[1]) == log.clicked
    filled = log.shown[:, 0] > 0
    return float(pooled_auc(p[:, 1:][clicked], p[:, 1:][filled & ~clicked]))
