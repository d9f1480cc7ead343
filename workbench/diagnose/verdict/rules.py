"""The verdict on a benchmark: fixed rules that turn the figures of its cards into sentences."""
from collections.abc import Iterator

from workbench.diagnose.verdict import data_rules, model_rules
from workbench.diagnose.verdict.card import Card
from workbench.diagnose.verdict.sentences import KINDS, NO_CONCLUSION, Facts, Sentence

RULES = (
    model_rules.shortcut_solvability, model_rules.history_ablation, model_rules.retrained_on_less,
    model_rules.unseen_transitions, model_rules.hard_subset, model_rules.detectable_difference,
    model_rules.beam_search_loss, data_rules.future_leakage, data_rules.tied_timestamps, data_rules.local_transitions,
    data_rules.feature_smoothness, data_rules.repeat_consumption, data_rules.id_leakage, data_rules.popularity_drift,
    data_rules.split_sensitivity, data_rules.near_duplicates, data_rules.published_counts,
)  # fmt: skip


def verdict(cards: dict[str, Card]) -> list[Sentence]:
    """The sentences that follow from these cards, limitations ("It cannot show") first. Those that rest on a system
    which its card calls undertrained are withheld, and one sentence a system says so.

    cards: by name: data, published counts, graph, features, shortcuts, hard subset, systems, splits, memorization,
    "history ablation: X", "retrained: X" and "decoding: X".
    """
    facts, sentences = Facts(cards), []
    for rule in RULES:
        sentences.extend(rule(facts))
    withheld = [sentence for sentence in sentences if set(sentence.systems) & set(cards[sentence.card].undertrained)]
    kept = [sentence for sentence in sentences if sentence not in withheld]
    return sorted([*_no_conclusions(cards, withheld), *kept], key=lambda sentence: KINDS.index(sentence.kind))


def _no_conclusions(cards: dict[str, Card], withheld: list[Sentence]) -> Iterator[Sentence]:
    """One sentence for each undertrained system: how its training ended, and which cards it says nothing in."""
    quoting: dict[str, dict[str, str]] = {}  # system -> card -> how its training ended
    for name, card in cards.items():
        for system, why in card.undertrained.items():
            quoting.setdefault(system, {})[name] = why
    for system, by_card in quoting.items():
        own = [sentence for sentence in withheld if system in sentence.systems]
        card = next((sentence.card for sentence in own), next(iter(by_card)))
        figures = tuple(dict.fromkeys(name for one in own if one.card == card for name in one.figures))
        names = ", ".join(dict.fromkeys(name.partition(":")[0] for name in by_card))
        yield Sentence(NO_CONCLUSION, f"about {system}: {by_card[card]}. Its figures in these cards are no evidence: "
                       f"{names}.", card, figures, (system,))  # fmt: skip
