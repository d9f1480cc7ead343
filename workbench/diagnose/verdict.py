"""What a benchmark can and cannot show, in sentences made from the figures of its cards, each with its source."""
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from workbench.diagnose.card import Card, Figure

CAN, CANNOT, CARE = "It can show", "It cannot show", "Read its numbers with care"
KINDS = (CANNOT, CARE, CAN)
SAME, NEAR, HALF = 1.0, 0.8, 0.5  # shares of the best trained system's score that a heuristic reaches
MEMORY = "memory of "
DECODING = "decoding of "


class Sentence(NamedTuple):
    """kind: one of KINDS. text: a plain sentence with its figures in it. card: the name of the card that they are
    from. figures: their names."""

    kind: str
    text: str
    card: str
    figures: tuple[str, ...]


class Facts:
    """The figures of all cards, those that were measured."""

    def __init__(self, cards: dict[str, Card]):
        self.cards = cards

    def get(self, card: str, name: str) -> Figure | None:
        """A figure, None where it or its card is not there or has no value."""
        for figure in self.cards[card].figures if card in self.cards else ():
            if figure.name == name and np.isfinite(figure.value):
                return figure
        return None


def verdict(cards: dict[str, Card]) -> list[Sentence]:
    """The sentences that these cards allow, those that forbid something first.

    cards: by name: data, published counts, graph, features, shortcuts, hard subset, systems, splits, "memory of X" and
    "decoding of X".
    """
    facts, found = Facts(cards), []
    for rule in RULES:
        found.extend(rule(facts))
    return sorted(found, key=lambda sentence: KINDS.index(sentence.kind))


def percent(figure: Figure) -> str:
    """A share with its interval: "39 % [31, 48]"."""
    ends = f" [{100 * figure.low:.0f}, {100 * figure.high:.0f}]" if np.isfinite(figure.low) else ""
    return f"{100 * figure.value:.0f} %{ends}"


def solvable(facts: Facts) -> Iterator[Sentence]:
    """How much of the best trained system's score needs no training."""
    ssi = facts.get("shortcuts", "SSI")
    if ssi is None:
        return
    reach = f"the best heuristic without training reaches {percent(ssi)} of the best trained system's score"
    where = ("shortcuts", ("SSI",))
    if ssi.low >= SAME:
        yield Sentence(CANNOT, "that a trained system learned more than a train graph and item texts hold: "
                       f"{reach}.", *where)  # fmt: skip
    elif ssi.high >= SAME:
        yield Sentence(CANNOT, "with these test cases, that training beats counting: " f"{reach}.", *where)
    elif ssi.value >= NEAR:
        yield Sentence(CARE, f"Most of a good score needs no training: {reach}.", *where)
    elif ssi.high < HALF:
        yield Sentence(CAN, f"what training adds to counting: {reach}.", *where)
    else:
        yield Sentence(CARE, f"Part of a good score needs no training: {reach}.", *where)


def memory(facts: Facts) -> Iterator[Sentence]:
    """What each system makes of more than the last item, and of order."""
    for card in (name for name in facts.cards if name.startswith(MEMORY)):
        system, one = card.removeprefix(MEMORY), facts.get(card, "HD_1")
        order, least = facts.get(card, "OS keep last 1"), facts.get(card, "effective memory")
        if one is not None and one.low >= NEAR:
            yield Sentence(CANNOT, f"what {system} makes of a history: reading its last item alone it keeps "
                           f"{percent(one)} of its score.", card, ("HD_1",))  # fmt: skip
        elif one is not None and least is not None:
            yield Sentence(CAN if one.high < NEAR else CARE, f"{'what ' if one.high < NEAR else 'What '}{system} makes "
                           f"of a history: the last item alone keeps {percent(one)} of its score, {least.value:.0f} "
                           "events keep 95 %.", card, ("HD_1", "effective memory"))  # fmt: skip
        if order is not None and not order.found:
            yield Sentence(CANNOT, f"that {system} uses the order of older items: with all but the last shuffled "
                           f"it loses {percent(order)}, which may be nothing.", card, ("OS keep last 1",))  # fmt: skip


def hard(facts: Facts) -> Iterator[Sentence]:
    """Whether systems keep their order where no shortcut reaches."""
    tau, low = (facts.get("hard subset", name) for name in
                ("tau on the hard subset", "random subsets with a tau as low"))  # fmt: skip
    share = facts.get("hard subset", "hard cases")
    if share is not None:
        yield Sentence(CARE, f"Of the test cases, {percent(share)} lie beyond two steps in the train graph and outside "
                       "the fifty nearest texts; the others may be had by a shortcut.", "hard subset", ("hard cases",)
                       )  # fmt: skip
    if tau is not None and low is not None and low.value < 0.05:
        yield Sentence(CANNOT, "by its total alone, which system is best where no shortcut reaches: there the order of "
                       f"systems changes (Kendall's tau {tau.value:.2f}, {tau.null:.2f} on cases as popular).",
                       "hard subset", ("tau on the hard subset", "random subsets with a tau as low"))  # fmt: skip


def future(facts: Facts) -> Iterator[Sentence]:
    """Training on what had not happened."""
    leak, seen = facts.get("data", "future leakage"), facts.get("data", "memorised from the future")
    if leak is not None and leak.value > 0.01:
        more = f"; {percent(seen)} of the transitions it could have learned happened only later" if seen else ""
        figures = ("future leakage", *(("memorised from the future",) if seen else ()))
        yield Sentence(CANNOT, f"how a system would do tomorrow: {percent(leak)} of the train events, on average, are "
                       f"later than the event asked about{more}.", "data", figures)  # fmt: skip


def ties(facts: Facts) -> Iterator[Sentence]:
    """Events whose order nobody knows."""
    spread, tied = facts.get("data", "tie range"), facts.get("data", "test targets tied with the item before")
    if spread is not None and tied is not None and tied.value > 0.01:
        yield Sentence(CARE, f"For {percent(tied)} of the test cases the log does not say which item came last; "
                       f"other orders move NDCG@10 of item transitions by up to {spread.value:.4f}.",
                       "data", ("test targets tied with the item before", "tie range"))  # fmt: skip


def apart(facts: Facts) -> Iterator[Sentence]:
    """The least difference that can be seen."""
    least = facts.get("systems", "smallest effect")
    if least is not None:
        yield Sentence(CARE, f"With {least.n:,} test cases, differences in NDCG@10 below {least.value:.4f} would "
                       "mostly be missed.", "systems", ("smallest effect",))  # fmt: skip


def transitions(facts: Facts) -> Iterator[Sentence]:
    """Low branching: how often the answer has followed the last item before."""
    ring, size, lift = (facts.get("graph", name) for name in ("CR_1", "size_1", "lift_1"))
    if ring is not None and size is not None and lift is not None:
        kind = CARE if ring.found and lift.low > 2 else CAN
        begin = "Local transitions help" if kind == CARE else "what local transitions cannot tell"
        yield Sentence(kind, f"{begin}: for {percent(ring)} of the test cases the answer is among the items that "
                       f"followed the last one in train, {size.value:.0f} at the median, {lift.value:.0f} times what "
                       "as many popular ones would hold.", "graph", ("CR_1", "size_1", "lift_1"))  # fmt: skip


def smooth(facts: Facts) -> Iterator[Sentence]:
    """Feature smoothness: how alike the answer's text is to the last item's."""
    auc, near = facts.get("features", "AUC_f"), facts.get("features", "nearest")
    if auc is not None and near is not None and auc.found:
        yield Sentence(CARE, f"Texts help: the answer's is more like the last item's than an equally popular item's in "
                       f"{percent(auc)} of the comparisons, and {percent(near)} of the answers are among the fifty "
                       "nearest.", "features", ("AUC_f", "nearest"))  # fmt: skip
    elif auc is not None and near is not None:
        yield Sentence(CAN, "what a system learns beyond texts that are alike: the answer's is not more like the last "
                       f"item's than chance has it (AUC {auc.value:.2f}).", "features", ("AUC_f",))  # fmt: skip


def repeats(facts: Facts) -> Iterator[Sentence]:
    """Targets that are in the history."""
    again, last = facts.get("data", "repeated test targets"), facts.get("data", "repeat last")
    if again is not None and last is not None and again.value > 0.05:
        yield Sentence(CARE, f"{percent(again)} of the answers are in the history already, and the history itself "
                       f"scores NDCG@10 {last.value:.4f}: masking it asks another question.",
                       "data", ("repeated test targets", "repeat last"))  # fmt: skip


def ids(facts: Facts) -> Iterator[Sentence]:
    """Numbers that give the order away."""
    figures = facts.cards["data"].figures if "data" in facts.cards else ()
    probes = [figure for figure in figures if figure.name.startswith("next-id probe")]
    for figure in {f.value: f for f in reversed(probes)}.values():  # ids that differ by a constant tell the same
        if figure.found and figure.value > 2 * figure.null + 0.001:
            yield Sentence(CARE, f"Ids give answers away: recommending the next numbers scores NDCG@10 "
                           f"{figure.value:.4f} ({figure.name.split(': ')[-1]}), chance {figure.null:.4f}.",
                           "data", (figure.name,))  # fmt: skip


def drift(facts: Facts) -> Iterator[Sentence]:
    """A catalogue that moves."""
    new, recent = facts.get("data", "new test targets"), facts.get("data", "recent less all-time popularity")
    if new is not None and new.value > 0.01:
        yield Sentence(CARE, f"{percent(new)} of the answers never occur in train: no system that knows items by their "
                       "events can find them.", "data", ("new test targets",))  # fmt: skip
    if recent is not None and recent.found:
        yield Sentence(CARE, "Popularity moves: what was popular lately beats what was popular ever, by NDCG@10 "
                       f"{recent.value:.4f}.", "data", ("recent less all-time popularity",))  # fmt: skip


def twins(facts: Facts) -> Iterator[Sentence]:
    """Items that are nearly the same."""
    twin = facts.get("data", "items with near-duplicate texts")
    if twin is not None and twin.value > 0.1:
        yield Sentence(CARE, f"{percent(twin)} of the items have another with nearly the same text; a miss may be a "
                       "near hit.", "data", ("items with near-duplicate texts",))  # fmt: skip


def published(facts: Facts) -> Iterator[Sentence]:
    """Whether this is the benchmark that the name stands for."""
    same = facts.get("published counts", "as published")
    if same is not None and not same.value:
        counts = (facts.get("published counts", f"published {name}") for name in ("users", "items", "edges"))
        told = ", ".join(f"{figure.value:,.0f} {figure.name.split()[-1]}" for figure in counts)
        yield Sentence(CARE, f"These are not the data that published tables of this name were made on ({told}): their "
                       "numbers are of another benchmark.", "published counts", ("as published",))  # fmt: skip


def splits(facts: Facts) -> Iterator[Sentence]:
    """What the split does to a score."""
    ratio = facts.get("splits", "global-time over leave-one-out")
    if ratio is not None:
        yield Sentence(CARE, "Scores are of the split: cut at one point in time, what is counted scores "
                       f"{percent(ratio)} of what it does here.",
                       "splits", ("global-time over leave-one-out",))  # fmt: skip


def decoding(facts: Facts) -> Iterator[Sentence]:
    """What beams lose that the network knew."""
    for card in (name for name in facts.cards if name.startswith(DECODING)):
        system, widths = card.removeprefix(DECODING), []
        for figure in facts.cards[card].figures:
            if figure.name.startswith("search error@10, beam "):
                widths.append((int(figure.name.split()[-1]), figure))
        if widths:
            width, lost = max(widths, key=lambda pair: pair[0])
            kind = CARE if lost.value > 0.01 else CAN
            begin = "Its beams lose answers" if kind == CARE else "what the network knows, not its search"
            yield Sentence(kind, f"{begin} ({system}): a beam of {width} misses {percent(lost)} of the answers that an "
                           "exact search has among the first ten.", card, (lost.name,))  # fmt: skip


RULES = (solvable, memory, hard, future, ties, apart, transitions, smooth, repeats, ids, drift, splits, twins,
         published, decoding)
