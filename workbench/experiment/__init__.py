"""Experiments: the bench (dataset, split, vectors, fit, evaluate, save) and the runs it stores.

Read bench first, then run and training, then item_features (vectors and codes as stored stages); probing, audit and
browse hold what is done with stored runs.
"""
from workbench.experiment.bench import Bench, load_run, open_bench, reproduce, stored_runs
from workbench.experiment.run import Run, check_out

__all__ = ["Bench", "Run", "check_out", "load_run", "open_bench", "reproduce", "stored_runs"]
