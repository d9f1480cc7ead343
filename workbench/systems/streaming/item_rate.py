"""Item rate: what is shown is clicked as often as it was so far, whoever sees it.

Paper     None; the rule that a served model must beat.
Idea      It is up to date after every window, at no cost, and knows no user.
Equation  p_i = (clicks_i + prior * rate) / (shown_i + prior),  rate = clicks so far / shown so far
Claim     Stands for the item without its user: a higher AUC than one rate for all (overall_rate). A served model
          (served_ctr, tuned_ctr, reloop2) must exceed it to show that it knows users.
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


def build(bench, *, windows=10, start=0.5, prior=10.0):
    """prior: events at the overall rate that every item has in advance. Else as overall_rate."""
    return Rates(stream_of(bench, windows=windows, start=start), prior)
