"""The bench everything stands on, and the runs it leaves."""
from workbench.experiment.bench import Bench, load_run, open_bench, reproduce, stored_runs
from workbench.experiment.run import Run, check_out

__all__ = ["Bench", "Run", "check_out", "load_run", "open_bench", "reproduce", "stored_runs"]
