"""Read a system: what its paper claims, its one idea, its source, and what the stored studies say of it."""
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from workbench import systems
from workbench.systems import evidence
from workbench.systems.catalogue import Entry, entry
from workbench.systems.evidence import Evidence

FACTS = ("family", "verb", "paper", "idea", "equation", "claim", "differs", "reported")


@dataclass(frozen=True)
class SystemCard:
    """A system as its file tells it. about: the catalogue's entry."""

    about: Entry

    @property
    def name(self) -> str:
        return self.about.name

    @property
    def source(self) -> str:
        """The text of its file."""
        return systems.file(self.name).read_text(encoding="utf-8")

    @cached_property
    def studies(self) -> list[Evidence]:
        """The stored studies, [] where there are none."""
        return evidence.stored(self.name)

    def facts(self) -> pd.DataFrame:
        """One row per fact that the file states: family, verb, paper, idea, equation, claim, differences, reported
        figures, what switches the idea off, and the placebo."""
        about = self.about._asdict()
        rows = {name: about[name] for name in FACTS}
        rows["off"] = _words(self.about.off, self.about.parent)
        rows["placebo"] = _words(self.about.placebo)
        return pd.DataFrame({"": rows.keys(), self.name: rows.values()})[lambda frame: frame[self.name] != ""]

    def evidence(self) -> pd.DataFrame:
        """One row per stored study: dataset, test cases, metric of on, off, placebo and the best baseline, verdict,
        whether it is stale."""
        rows = []
        for each in self.studies:
            study, arms = each.study, each.study["rows"]
            means = {arm: arms.get(arm, {}).get("mean") for arm in ("on", "off", "placebo", study["best_baseline"])}
            means = {"best baseline" if arm == study["best_baseline"] else arm: mean for arm, mean in means.items()}
            about = {"dataset": each.data(), "profile": study["profile"], "cases": arms["on"].get("cases")}
            rows.append(about | means | {"verdict": each.verdict, "stale": each.stale})
        return pd.DataFrame(rows)


def inspect_system(name: str) -> SystemCard:
    """The card of a system. UserError with the nearest name if there is no such system."""
    return SystemCard(entry(name))


def _words(settings: dict | None, parent: str | None = None) -> str:
    if settings is None:
        return ""
    words = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return words + f", then it is {parent}" * bool(parent)
