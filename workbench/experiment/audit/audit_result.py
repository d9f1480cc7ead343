"""The result of an audit: its cards as attributes, the verdict over them, and all of it as plain JSON."""
from dataclasses import dataclass

from workbench.arguments import public
from workbench.diagnose.verdict.card import Card
from workbench.diagnose.verdict.rules import verdict
from workbench.diagnose.verdict.sentences import DECODING, HISTORY_ABLATION, RETRAINED, Sentence
from workbench.errors import UserError, unknown_name
from workbench.experiment.audit import networks
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run

TEMPORAL_LEAKAGE = "temporal leakage: "


@public
@dataclass(frozen=True)
class Audit:
    """The result of an audit, a card for each section.

    runs: the audited runs, with those that were trained from further seeds. baselines: the training-free baselines they
    are compared with. cards: by name, in reading order. seconds: the time each took, next to nothing for a stored card.
    """

    bench: Bench
    runs: list[Run]
    baselines: list[Run]
    cards: dict[str, Card]
    seconds: dict[str, float]

    def __repr__(self) -> str:
        audited = ", ".join(networks.by_label(self.runs)) or "no system"
        return f"Audit of {self.bench.name} and {audited}: {len(self.cards)} cards ({', '.join(self.cards)})"

    @property
    def sentences(self) -> list[Sentence]:
        """The verdict: what the cards allow to say about the benchmark, by fixed rules."""
        return verdict(self.cards)

    @property
    def data(self) -> Card:
        """Statistics of the log: size, ties, leakage, repeats, drift, near-duplicates."""
        return self._measured("data")

    @property
    def published_counts(self) -> Card:
        """The dataset's counts, compared with the published benchmark of the same name."""
        return self._measured("published counts")

    @property
    def graph(self) -> Card:
        """How far the train graph predicts the target: coverage by hops, branching, predictability."""
        return self._measured("graph")

    @property
    def features(self) -> Card:
        """Feature smoothness: how similar the texts of the last item and the target are."""
        return self._measured("features")

    @property
    def systems(self) -> Card:
        """All runs and baselines with intervals, and the minimum detectable effect."""
        return self._measured("systems")

    @property
    def splits(self) -> Card:
        """The baselines under this split and under a global temporal split."""
        return self._measured("splits")

    @property
    def memorization(self) -> Card:
        """Every system by whether the test transition was seen in train, can be composed, or neither."""
        return self._measured("memorization")

    @property
    def hard_subset(self) -> Card:
        """The ranking of systems on test cases that are near neither in the train graph nor in text."""
        return self._measured("hard subset")

    @property
    def baseline_ablation(self) -> Card:
        """What each part of the graph walk baseline contributes to its score."""
        return self._measured("baseline ablation")

    @property
    def shortcuts(self) -> Card:
        """Shortcut solvability (SSI): the best heuristic's score relative to the best run's."""
        return self._measured("shortcuts")

    def history_ablation(self, system: str = "") -> Card:
        """What a run loses when its history is cut or shuffled. system: a label, if several runs were audited."""
        return self._card(HISTORY_ABLATION, system)

    def decoding(self, system: str = "") -> Card:
        """Top-k lists, calibration and beam search of a run. system: a label, if several runs were audited."""
        return self._card(DECODING, system)

    def temporal_leakage(self, system: str = "") -> Card:
        """The hits of a run that rest on future transitions. system: a label, if several runs were audited."""
        return self._card(TEMPORAL_LEAKAGE, system)

    def retrained(self, system: str = "") -> Card:
        """What a system keeps when it is retrained on less. system: a name, if several were retrained."""
        return self._card(RETRAINED, system)

    def _measured(self, name: str) -> Card:
        """A card by its name. UserError if this audit was asked for others only."""
        if name not in self.cards:
            raise UserError(f"this audit did not measure {name!r}, only {', '.join(self.cards)}", code=3)
        return self.cards[name]

    def _card(self, prefix: str, system: str) -> Card:
        """The one card of this kind, or that of the system with this label or name. UserError if there is not one."""
        labels = [name.removeprefix(prefix) for name in self.cards if name.startswith(prefix)]
        matches = [label for label in labels if label == system] or [
            label for label in labels if not system or label.partition("(")[0] == system
        ]
        if len(matches) == 1:
            return self.cards[prefix + matches[0]]
        kind = prefix.removesuffix(": ")
        if not labels:
            raise UserError(f"this audit has no card of {kind}: it was given no system for it", code=3)
        if not matches:
            raise unknown_name(f"system with a card of {kind}", system, labels)
        raise UserError(f"several systems have a card of {kind}: {', '.join(matches)}; name one")

    def dict(self) -> dict:
        """Plain JSON values: the protocol and the systems, the verdict, and every figure with interval and null."""
        split = self.bench.split
        cards = {
            name: {"figures": [figure._asdict() | {"significant": figure.significant} for figure in card.figures],
                   "unmeasured": card.unmeasured, "undertrained": card.undertrained, "about": card.about}
            for name, card in self.cards.items()
        }  # fmt: skip
        return {
            "dataset": self.bench.name, "data_hash": split.data_hash, "protocol": split.protocol.dict(),
            "profile": self.bench.profile.name, "users": self.bench.users, "seed": self.bench.seed,
            "systems": list(networks.by_label(self.runs)), "networks": networks.facts(self.runs),
            "baselines": [run.label for run in self.baselines],
            "verdict": [sentence._asdict() for sentence in self.sentences], "cards": cards, "seconds": self.seconds,
        }  # fmt: skip
