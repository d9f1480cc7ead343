"""The stored studies of systems: verdicts that `workbench study` wrote, and whether code has changed since."""
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

from workbench import systems
from workbench.places import PACKAGE
from workbench.registry import Registry

FOLDER = PACKAGE.parent / "reports" / "results" / "systems"
STALE = "stale: made by older code"
KINDS = [Registry(what, PACKAGE / room / "kinds") for what, room in (("vectors", "embed"), ("codes", "tokens"))]
log = logging.getLogger("workbench")


class Evidence(NamedTuple):
    """One stored study. path: its file. stale: whether code that it stands on has changed since. study: all
    that `experiment.study.run_study.Study.dict` gives."""

    system: str
    dataset: str
    verdict: str
    sentence: str
    stale: bool
    path: Path
    study: dict[str, Any]

    def text(self) -> str:
        """Such as "office: works", or "office, vectors=sentence: works"."""
        return f"{', '.join([self.data(), *self.changed()])}: {self.verdict}{f' ({STALE})' if self.stale else ''}"

    def data(self) -> str:
        """The dataset with its options, such as "merged (of=office,grocery)"; older files name none."""
        options = " ".join(f"{name}={value}" for name, value in self.study.get("options", {}).items())
        return self.dataset + f" ({options})" * bool(options)

    def changed(self) -> list[str]:
        """The settings that are not the defaults of the system's file, such as ["vectors=sentence"]."""
        usual = {name: _listed(value) for name, value in systems.keywords(self.system).items()}
        return [f"{name}={value}" for name, value in self.study["settings"].items() if value != usual.get(name, value)]


def stored(system: str, folder: Path = FOLDER) -> list[Evidence]:
    """The studies of a system, SYSTEM.json first, then SYSTEM.DATASET.json; a file that is none is named in a warning.
    UserError if there is no such system."""
    found = []
    for path in [folder / f"{system}.json", *sorted(folder.glob(f"{system}.*.json"))]:
        try:
            study = json.loads(path.read_text(encoding="utf-8"))
            stands_on = study.get("stands_on", {"": study["code"]})  # only its own, in older files
            now = code_of(system, study.get("settings"))
            stale = any(now.get(name) != code for name, code in stands_on.items())
            found.append(Evidence(system, study["dataset"], study["verdict"], study["sentence"], stale, path, study))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("left out: %s is no study (%s)", path, error)
    return found


def code_of(system: str, settings: dict[str, Any] | None = None) -> dict[str, str]:
    """What a study of a system stands on, and a hash of the code of each: "" for the system itself, its parent, and the
    systems, item vectors and codes that its settings name. UserError if there is no such system."""
    settings = systems.keywords(system) | (settings or {})
    named = {value for value in settings.values() if isinstance(value, str)}
    found = {"": systems.code(system, settings)}
    others = named | {systems.REGISTRY.literal(system, "PARENT")}
    found |= {name: systems.code(name) for name in sorted(others & {*systems.names()})}
    return found | {f"{kinds.what} {name}": kinds.code(name) for kinds in KINDS
                    for name in sorted(named & {*kinds.names()})}  # fmt: skip


def _listed(value: Any) -> Any:
    """As JSON has it."""
    return list(value) if isinstance(value, tuple) else value
