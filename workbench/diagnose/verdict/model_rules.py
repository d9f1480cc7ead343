"""Verdict rules for the cards of trained models."""
from collections.abc import Iterator

from workbench.diagnose.verdict.card import Figure
from workbench.diagnose.verdict.sentences import (
    CAN,
    CANNOT,
    CARE,
    DECODING,
    HISTORY_ABLATION,
    HITS,
    LONGEST,
    NEAR,
    RETRAINED,
    SAME,
    SMALL,
    Facts,
    Sentence,
    percent,
)


def shortcut_solvability(facts: Facts) -> Iterator[Sentence]:
    """How much of a trained model's score a training-free heuristic reaches (SSI)."""
    ssi, popularity = facts.get("shortcuts", "SSI"), facts.get("shortcuts", "SSI popularity")
    if ssi is None:
        return
    best = facts.cards["shortcuts"].tables["solvability"].query("best")
    heuristic, model = (best.index[best["side"] == side][0] for side in ("heuristic", "model"))
    reach = f"the training-free heuristic {heuristic} reaches {percent(ssi)} of the score of {model}"
    source = ("shortcuts", ("SSI",))
    if popularity is not None and popularity.high >= SAME:
        yield Sentence(CANNOT, f"anything about what {model} learned: ranking by popularity reaches "
                       f"{percent(popularity)} of its score.", "shortcuts", ("SSI popularity",))  # fmt: skip
    elif ssi.low >= SAME:
        yield Sentence(CANNOT, f"by its overall score, that {model} learned more than counting: {reach}.", *source)
    elif ssi.high >= SAME:
        yield Sentence(CANNOT, f"with these test cases, that training {model} beats counting: {reach}.", *source)
    elif ssi.value >= NEAR:
        yield Sentence(CARE, f"Most of a good score requires no training: {reach}.", *source)
    else:
        yield Sentence(CAN, f"that training improves over counting: {reach}.", *source)


def history_ablation(facts: Facts) -> Iterator[Sentence]:
    """How much of the history, and of its order, each model uses."""
    for card in (name for name in facts.cards if name.startswith(HISTORY_ABLATION)):
        system, last_only = card.removeprefix(HISTORY_ABLATION), facts.get(card, "HD_1")
        order, length = facts.get(card, "OS keep last 1"), facts.get(card, "effective history length")
        if last_only is not None and last_only.low >= NEAR:
            yield Sentence(CANNOT, f"how {system} uses longer histories: with the last item only it retains "
                           f"{percent(last_only)} of its score.", card, ("HD_1",))  # fmt: skip
        elif last_only is not None and length is not None:
            enough = f"{length.value:.0f}" if length.value <= LONGEST else f"more than {LONGEST}"
            yield Sentence(CARE, f"{system} uses more than the last item, which alone retains {percent(last_only)} of "
                           f"its score; 95 % requires the last {enough}. This does not say what it would retain if "
                           "retrained on shorter histories.", card, ("HD_1", "effective history length"))  # fmt: skip
        if order is not None:
            yield from _order(system, order, card)


def _order(system: str, order: Figure, card: str) -> Iterator[Sentence]:
    """Whether shuffling the earlier items loses score, gains score, or the interval allows neither conclusion."""
    shuffled = "with all items but the last shuffled"
    if order.high < 0:
        gain = order._replace(value=-order.value, low=-order.high, high=-order.low)
        yield Sentence(CANNOT, f"that the order of earlier items helps {system}: {shuffled} it gains {percent(gain)}.",
                       card, ("OS keep last 1",))  # fmt: skip
    elif order.low <= 0 and order.high <= SMALL:
        yield Sentence(CANNOT, f"that {system} uses the order of earlier items: {shuffled} it loses {percent(order)}.",
                       card, ("OS keep last 1",))  # fmt: skip
    elif order.low <= 0:
        yield Sentence(CARE, f"Whether {system} uses the order of earlier items is undecided here: {shuffled} it loses "
                       f"{percent(order)}.", card, ("OS keep last 1",))  # fmt: skip


def retrained_on_less(facts: Facts) -> Iterator[Sentence]:
    """What a model retains when it is retrained on the last item only."""
    for card in (name for name in facts.cards if name.startswith(RETRAINED)):
        last_only, system = facts.get(card, "HD_1 retrained"), card.removeprefix(RETRAINED)
        text = f"that {system} needs more than the last item: retrained on the last item only it retains "
        if last_only is not None and last_only.low >= NEAR:
            yield Sentence(CANNOT, f"{text}{percent(last_only)} of its score.", card, ("HD_1 retrained",))
        elif last_only is not None and last_only.high < SAME:
            yield Sentence(CAN, f"{text}{percent(last_only)} of its score.", card, ("HD_1 retrained",))


def unseen_transitions(facts: Facts) -> Iterator[Sentence]:
    """Generalization to test transitions that never occur in train."""
    lead = facts.get("memorization", "lead on unseen transitions")
    if lead is not None and lead.significant:
        row = facts.cards["memorization"].tables["lead"].iloc[0]
        yield Sentence(CAN, f"that {row['ours']} generalizes beyond memorized transitions: on the "
                       f"{100 * row['share']:.0f} % of the cases whose transition is not in train it beats "
                       f"{row['rival']}, the best baseline there, by {lead.value:.4f} [{lead.low:.4f}, "
                       f"{lead.high:.4f}] NDCG@10.",
                       "memorization", ("lead on unseen transitions",))  # fmt: skip


def hard_subset(facts: Facts) -> Iterator[Sentence]:
    """Which model is best on targets that are near the last item neither in the graph nor by text."""
    share, lead = (facts.get("hard subset", name) for name in ("hard cases", "lead on the hard subset"))
    if share is not None:
        where = share.note.split("whose target lies ")[-1].rstrip(".")
        yield Sentence(CARE, f"{percent(share)} of the targets lie {where}: rankings by graph distance or text "
                       "similarity miss them.", "hard subset", ("hard cases",))  # fmt: skip
    if lead is not None and lead.low > 0:
        ranking = facts.cards["hard subset"].tables["ranking"]
        best_all, best_hard = ranking["all"].idxmax(), ranking["hard"].idxmax()
        if ranking["hits"][best_hard] >= HITS:
            yield Sentence(CANNOT, f"by the overall score alone, which system is best on the hard subset: {best_all} "
                           f"leads on all cases, but on the hard ones {best_hard} is ahead by {lead.value:.4f} "
                           f"[{lead.low:.4f}, {lead.high:.4f}] NDCG@10.",
                           "hard subset", ("lead on the hard subset",))  # fmt: skip


def detectable_difference(facts: Facts) -> Iterator[Sentence]:
    """The minimum detectable effect of the test set."""
    effect = facts.get("systems", "minimum detectable effect")
    if effect is not None:
        pair = " and ".join(facts.cards["systems"].tables["pair"].iloc[0])
        yield Sentence(CARE, f"With {effect.n:,} test cases, a difference of {effect.value:.4f} NDCG@10 ({pair}) is "
                       f"detected with 80 % power, and one of {0.7 * effect.value:.4f} with 50 % power.",
                       "systems", ("minimum detectable effect",))  # fmt: skip


def beam_search_loss(facts: Facts) -> Iterator[Sentence]:
    """Targets that beam search loses although an exact search ranks them in the top ten."""
    for card in (name for name in facts.cards if name.startswith(DECODING)):
        prefix, widths = "lost targets@10, beam ", []
        for figure in facts.cards[card].figures:
            if figure.name.startswith(prefix) and figure.n >= HITS:
                widths.append((int(figure.name.removeprefix(prefix)), figure))
        if widths:
            width, lost = max(widths, key=lambda pair: pair[0])
            kind = CARE if lost.high > SMALL else CAN
            text = "Beam search may lose targets" if kind == CARE else "model quality apart from beam search errors"
            yield Sentence(kind, f"{text} ({card.removeprefix(DECODING)}): of the {lost.n:,} targets in the top ten of "
                           f"an exact search, a beam of width {width} misses {percent(lost)}.",
                           card, (lost.name,))  # fmt: skip
