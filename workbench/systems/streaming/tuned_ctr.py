"""Tuned CTR: after every window the served network takes a step of training on it.

Paper     None; the usual increment of a served model, beside which ReLoop2 (arXiv:2306.08808) is set.
Idea      What was just observed changes the weights, all of them a little, in place of a memory beside them.
Equation  theta <- theta - rate * g / (|g| + eps),  g = gradient of the log loss of the window, for each number of theta
Claim     It adapts to what changes: AUC and log loss by windows are better than those of the same model alone (off) and
          of one that takes its steps towards labels of other events (the placebo).
Differs   The first step of Adam, without memory of earlier ones, `steps` times on the whole window.
Reported  Nothing.
"""
import torch
import torch.nn.functional as F

from workbench.errors import UserError, unknown_name
from workbench.evaluate.streams.events import stream_of
from workbench.nets.streams.click_network import ClickNetwork
from workbench.recommenders.streaming.served_clicks import ServedClicks, tensors
from workbench.train import Recipe, named_rng

PARENT = "served_ctr"
OFF = {"steps": 0}
PLACEBO = {"labels": "shuffled"}
RECIPE = Recipe(epochs=20, batch_size=256, lr=2e-3, weight_decay=0.1, patience=2, monitor="auc")
LABELS = ("own", "shuffled")
EPSILON = 1e-8


def build(bench, *, windows=10, start=0.5, width=16, steps=1, rate=0.002, labels="own"):
    """windows, start, width: as of served_ctr. steps: after each window; 0 for none. rate: of a step. labels: own;
    shuffled among the events of a window, the placebo. UserError for a setting out of range, data without times, or
    fewer windows."""
    if labels not in LABELS:
        raise unknown_name("labels of tuned_ctr", labels, LABELS)
    if steps < 0 or not rate > 0 or width < 1:
        raise UserError(f"tuned_ctr: {steps=} is 0 or more, {rate=} above 0, and {width=} 1 or more")
    stream = stream_of(bench, windows=windows, start=start)
    with bench.init():
        module = ClickNetwork(stream.n_users, stream.n_items, width=width)

    def learn(events, served):
        y = torch.from_numpy(events.labels).to(served.p)
        if labels == "shuffled":
            order = named_rng(bench.seed, "shuffled labels", int(events.rows[0])).permutation(len(y))
            y = y[torch.from_numpy(order)]
        for _ in range(steps):
            step(module, F.binary_cross_entropy_with_logits(module(*tensors(events, module))[0], y), rate)

    return ServedClicks(stream, module, seed=bench.seed, learn=learn if steps else None)


def step(module: torch.nn.Module, loss: torch.Tensor, rate: float) -> None:
    """The first step of Adam down a loss: every number changes by `rate`, towards less of it."""
    parameters = list(module.parameters())
    with torch.no_grad():
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter -= rate * gradient / (gradient.abs() + EPSILON)
