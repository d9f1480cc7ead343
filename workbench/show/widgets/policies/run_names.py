"""What runs are called in a legend, and what has to be said before their figures are read."""
from workbench.evaluate.compare import RISING
from workbench.experiment import Run


def run_names(runs: list[Run]) -> list[str]:
    """The system of each run, with what was changed where two are of the same system."""
    systems = [run.system for run in runs]
    return [run.system if systems.count(run.system) == 1 else run.label for run in runs]


def rising_note(runs: list[Run]) -> str:
    """As `evaluate.compare.rising_note`, with these names."""
    rising = [name for name, run in zip(run_names(runs), runs, strict=True) if run.still_rising]
    return f"{', '.join(rising)}: {RISING}, so nothing follows from these figures." if rising else ""
