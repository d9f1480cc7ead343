"""The command that trains a run, as a line to copy."""
import shlex
from typing import Any


def fit_command(bench: Any, system: str, changes: dict) -> str:
    """`workbench fit` with the arguments that make this run on this bench. changes: what differs from the defaults."""
    words = ["workbench", "fit", system, "--dataset", bench.name, "--profile", bench.profile.name]
    words += ["--seed", str(bench.seed)] if bench.seed else []
    words += ["--device", bench.device] if bench.device != "auto" else []
    for option, values in (("set", changes), ("protocol", bench.protocol_changes), ("option", bench.options)):
        words += [f"--{option}"] * bool(values) + [f"{name}={value}" for name, value in values.items()]
    return shlex.join(words)
