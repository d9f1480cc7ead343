"""Experiments: the bench (dataset, split, vectors, fit, evaluate, save) and the runs it stores.

Read bench first, then run, training and stored_runs, then item_features (vectors and codes as stored stages), then
own_model, model_identity and evaluated (one's own models); probing, audit and browse hold what is done with runs.
"""
from workbench.experiment.bench import Bench, open_bench
from workbench.experiment.run import Run, check_out
from workbench.experiment.stored_runs import load_run, reproduce, stored_runs

__all__ = ["Bench", "Run", "check_out", "load_run", "open_bench", "reproduce", "stored_runs"]
