"""What a benchmark can and cannot show, in sentences made from the figures of its cards by fixed rules."""
from workbench.diagnose.verdict import data_rules as data
from workbench.diagnose.verdict import model_rules as systems
from workbench.diagnose.verdict.card import Card
from workbench.diagnose.verdict.sentences import KINDS, Facts, Sentence

RULES = (
    systems.solvable, systems.memory, systems.trained_on_less, systems.composed, systems.hard, systems.apart,
    systems.decoding, data.future, data.ties, data.transitions, data.smooth, data.repeats, data.ids, data.drift,
    data.splits, data.twins, data.published,
)  # fmt: skip


def verdict(cards: dict[str, Card]) -> list[Sentence]:
    """The sentences that these cards allow, those that forbid something first.

    cards: by name: data, published counts, graph, features, shortcuts, hard subset, systems, splits, strata,
    "memory of X", "retrained X" and "decoding of X".
    """
    facts, found = Facts(cards), []
    for rule in RULES:
        found.extend(rule(facts))
    return sorted(found, key=lambda sentence: KINDS.index(sentence.kind))
