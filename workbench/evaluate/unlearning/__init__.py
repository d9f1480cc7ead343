"""Forgetting: which events of train are to be forgotten, and how near to never having seen them a model is.

Read forget_sets first, then measures (of ranks, losses and lists, beside their null), then probes, which read a model.
"""
