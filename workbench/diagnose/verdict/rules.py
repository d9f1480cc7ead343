"""The verdict on a benchmark: fixed rules that turn the figures of its cards into sentences."""
from workbench.diagnose.verdict import data_rules, model_rules
from workbench.diagnose.verdict.card import Card
from workbench.diagnose.verdict.sentences import KINDS, Facts, Sentence

RULES = (
    model_rules.shortcut_solvability, model_rules.history_ablation, model_rules.retrained_on_less,
    model_rules.unseen_transitions, model_rules.hard_subset, model_rules.detectable_difference,
    model_rules.beam_search_loss, data_rules.future_leakage, data_rules.tied_timestamps, data_rules.local_transitions,
    data_rules.feature_smoothness, data_rules.repeat_consumption, data_rules.id_leakage, data_rules.popularity_drift,
    data_rules.split_sensitivity, data_rules.near_duplicates, data_rules.published_counts,
)  # fmt: skip


def verdict(cards: dict[str, Card]) -> list[Sentence]:
    """The sentences that follow from these cards, limitations ("It cannot show") first.

    cards: by name: data, published counts, graph, features, shortcuts, hard subset, systems, splits, memorization,
    "history ablation: X", "retrained: X" and "decoding: X".
    """
    facts, sentences = Facts(cards), []
    for rule in RULES:
        sentences.extend(rule(facts))
    return sorted(sentences, key=lambda sentence: KINDS.index(sentence.kind))
