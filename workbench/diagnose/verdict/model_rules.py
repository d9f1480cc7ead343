"""What the cards of trained systems allow to say."""
from collections.abc import Iterator

from workbench.diagnose.verdict.card import Figure
from workbench.diagnose.verdict.sentences import (
    CAN,
    CANNOT,
    CARE,
    DECODING,
    HITS,
    LONGEST,
    MEMORY,
    NEAR,
    RETRAINED,
    SAME,
    SMALL,
    Facts,
    Sentence,
    percent,
)


def solvable(facts: Facts) -> Iterator[Sentence]:
    """How much of a trained system's score needs no training."""
    ssi, popular = facts.get("shortcuts", "SSI"), facts.get("shortcuts", "SSI popularity")
    if ssi is None:
        return
    best = facts.cards["shortcuts"].tables["solvability"].query("best")
    rule, model = (best.index[best["side"] == side][0] for side in ("heuristic", "model"))
    reach = f"{rule}, which is not trained, reaches {percent(ssi)} of the score of {model}"
    where = ("shortcuts", ("SSI",))
    if popular is not None and popular.high >= SAME:
        yield Sentence(CANNOT, f"anything about what {model} learned: recommending what is popular reaches "
                       f"{percent(popular)} of its score.", "shortcuts", ("SSI popularity",))  # fmt: skip
    elif ssi.low >= SAME:
        yield Sentence(CANNOT, f"by its total alone, that {model} learned more than counting tells: {reach}.", *where)
    elif ssi.high >= SAME:
        yield Sentence(CANNOT, f"with these test cases, that training {model} beats counting: {reach}.", *where)
    elif ssi.value >= NEAR:
        yield Sentence(CARE, f"Most of a good score needs no training: {reach}.", *where)
    else:
        yield Sentence(CAN, f"that training adds something to counting: {reach}.", *where)


def memory(facts: Facts) -> Iterator[Sentence]:
    """What each system makes of more than the last item, and of order."""
    for card in (name for name in facts.cards if name.startswith(MEMORY)):
        system, one = card.removeprefix(MEMORY), facts.get(card, "HD_1")
        order, least = facts.get(card, "OS keep last 1"), facts.get(card, "effective memory")
        if one is not None and one.low >= NEAR:
            yield Sentence(CANNOT, f"what {system} makes of a history: reading its last item alone it keeps "
                           f"{percent(one)} of its score.", card, ("HD_1",))  # fmt: skip
        elif one is not None and least is not None:
            enough = f"{least.value:.0f}" if least.value <= LONGEST else f"more than {LONGEST}"
            yield Sentence(CARE, f"{system} reads more than the last item, which alone keeps {percent(one)} of its "
                           f"score; 95 % takes the last {enough}. This does not say what it keeps if trained on less.",
                           card, ("HD_1", "effective memory"))  # fmt: skip
        if order is not None:
            yield from _order(system, order, card)


def _order(system: str, order: Figure, card: str) -> Iterator[Sentence]:
    """A loss, a gain, or nothing that could be told."""
    shuffled = "with all but the last in random order"
    if order.high < 0:
        yield Sentence(CANNOT, f"that the order of older items helps {system}: {shuffled} it gains "
                       f"{percent(order._replace(value=-order.value, low=-order.high, high=-order.low))}.",
                       card, ("OS keep last 1",))  # fmt: skip
    elif order.low <= 0 and order.high <= SMALL:
        yield Sentence(CANNOT, f"that {system} uses the order of older items: {shuffled} it loses {percent(order)}.",
                       card, ("OS keep last 1",))  # fmt: skip
    elif order.low <= 0:
        yield Sentence(CARE, f"Whether {system} uses the order of older items cannot be told here: {shuffled} it "
                       f"loses {percent(order)}.", card, ("OS keep last 1",))  # fmt: skip


def trained_on_less(facts: Facts) -> Iterator[Sentence]:
    """What a system keeps that was trained to read its last item alone, which is the fair question."""
    for card in (name for name in facts.cards if name.startswith(RETRAINED)):
        one, system = facts.get(card, "HD_1 retrained"), card.removeprefix(RETRAINED)
        if one is not None and one.low >= NEAR:
            yield Sentence(CANNOT, f"that {system} needs more than the last item: trained to read no more it keeps "
                           f"{percent(one)} of its score.", card, ("HD_1 retrained",))  # fmt: skip
        elif one is not None and one.high < SAME:
            yield Sentence(CAN, f"that {system} needs more than the last item: trained to read no more it keeps "
                           f"{percent(one)} of its score.", card, ("HD_1 retrained",))  # fmt: skip


def composed(facts: Facts) -> Iterator[Sentence]:
    """What is found where counting what followed what cannot help."""
    lead = facts.get("strata", "lead on unseen steps")
    if lead is not None and lead.found:
        who = facts.cards["strata"].tables["lead"].iloc[0]
        yield Sentence(CAN, f"that {who['ours']} puts together what train shows only in parts: on the "
                       f"{100 * who['share']:.0f} % of the cases whose step is not in train it is ahead of "
                       f"{who['rival']}, the best rule there, by NDCG@10 {lead.value:.4f} [{lead.low:.4f}, "
                       f"{lead.high:.4f}].",
                       "strata", ("lead on unseen steps",))  # fmt: skip


def hard(facts: Facts) -> Iterator[Sentence]:
    """Which system is best where neither graph nor texts come near."""
    share, lead = (facts.get("hard subset", name) for name in ("hard cases", "lead on the hard subset"))
    if share is not None:
        where = share.note.split("whose answer lies ")[-1].rstrip(".")
        yield Sentence(CARE, f"{percent(share)} of the answers lie {where}: what ranks near items first "
                       "misses them.", "hard subset", ("hard cases",))  # fmt: skip
    if lead is not None and lead.low > 0:
        order = facts.cards["hard subset"].tables["order"]
        first, here = order["all"].idxmax(), order["hard"].idxmax()
        if order["hits"][here] >= HITS:
            yield Sentence(CANNOT, f"by its total alone, which system is best on those: {first} leads on all cases, "
                           f"and there {here} is ahead by NDCG@10 {lead.value:.4f} [{lead.low:.4f}, {lead.high:.4f}].",
                           "hard subset", ("lead on the hard subset",))  # fmt: skip


def apart(facts: Facts) -> Iterator[Sentence]:
    """The least difference that can be seen."""
    least = facts.get("systems", "smallest effect")
    if least is not None:
        pair = " and ".join(facts.cards["systems"].tables["pair"].iloc[0])
        yield Sentence(CARE, f"With {least.n:,} test cases a difference of {least.value:.4f} NDCG@10 ({pair}) is seen "
                       f"four times in five, one of {0.7 * least.value:.4f} every other time.",
                       "systems", ("smallest effect",))  # fmt: skip


def decoding(facts: Facts) -> Iterator[Sentence]:
    """What beams lose that the network knew."""
    for card in (name for name in facts.cards if name.startswith(DECODING)):
        begin, widths = "lost answers@10, beam ", []
        for figure in facts.cards[card].figures:
            if figure.name.startswith(begin) and figure.n >= HITS:
                widths.append((int(figure.name.removeprefix(begin)), figure))
        if widths:
            width, lost = max(widths, key=lambda pair: pair[0])
            kind = CARE if lost.high > SMALL else CAN
            text = "Beams may lose answers" if kind == CARE else "what a network knows and not what its search finds"
            yield Sentence(kind, f"{text} ({card.removeprefix(DECODING)}): of the {lost.n:,} answers that an exact "
                           f"search has among the first ten, a beam of {width} misses {percent(lost)}.",
                           card, (lost.name,))  # fmt: skip
