"""Overall rate: everything is clicked as often as all was so far.

Paper     None; the lowest rule of a stream.
Idea      What the share of clicks alone is worth. It follows that share from window to window and knows no item.
Equation  p = (clicks so far + 1) / (shown so far + 2)
Claim     Stands for the rate of clicks alone, which ranks nothing within a window: its AUC is that of chance, and what
          knows items or users (item_rate, served_ctr) must have a higher one and a lower log loss.
Differs   -
Reported  Nothing.
"""
from workbench.evaluate.streams.events import stream_of
from workbench.recommenders.streaming.rates import Rates
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=1, monitor="auc")


def build(bench, *, windows=10, start=0.5):
    """windows: of the stream, each predicted and then observed. start: share of the events before the first. UserError
    for data without times, or with fewer windows."""
    return Rates(stream_of(bench, windows=windows, start=start), float("inf"))
