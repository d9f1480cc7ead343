"""What the cards of a dataset and its split allow to say."""
from collections.abc import Iterator

from workbench.diagnose.verdict.sentences import CANNOT, CARE, SMALL, Facts, Sentence, percent


def future(facts: Facts) -> Iterator[Sentence]:
    """Training on what had not happened."""
    leak, seen = facts.get("data", "future leakage"), facts.get("data", "memorised from the future")
    if leak is not None and leak.value > 0.01:
        more = "" if seen is None else f"; of the answers whose step is in train, {percent(seen)} have it from later"
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


def transitions(facts: Facts) -> Iterator[Sentence]:
    """Low branching: how often the answer has followed the last item before."""
    ring, size, lift = (facts.get("graph", name) for name in ("CR_1", "size_1", "lift_1"))
    if ring is not None and size is not None and lift is not None and ring.found and lift.low > 2:
        yield Sentence(CARE, f"Local transitions help: {percent(ring)} of the answers are among those that followed "
                       f"the last one in train, {size.value:.0f} at the median, {lift.value:.1f} times what as "
                       "many popular ones would hold.", "graph", ("CR_1", "size_1", "lift_1"))  # fmt: skip


def smooth(facts: Facts) -> Iterator[Sentence]:
    """Feature smoothness: how alike the answer's text is to the last item's."""
    auc, near = facts.get("features", "AUC_f"), facts.get("features", "nearest")
    if auc is None or near is None:
        return
    if auc.low > auc.null + SMALL:
        yield Sentence(CARE, f"Texts help: the answer's is more like the last item's than an equally popular item's in "
                       f"{percent(auc)} of the comparisons (chance {100 * auc.null:.0f} %), and {percent(near)} of the "
                       "answers are among the fifty nearest.", "features", ("AUC_f", "nearest"))  # fmt: skip
    elif auc.high < auc.null + SMALL:
        yield Sentence(CARE, f"Texts that are alike say little of what comes next: AUC {auc.value:.2f}, by chance "
                       f"{auc.null:.2f}.", "features", ("AUC_f",))  # fmt: skip


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


def splits(facts: Facts) -> Iterator[Sentence]:
    """What the split does to a score."""
    for figure in facts.cards["splits"].figures if "splits" in facts.cards else ():
        if figure.name.startswith("global-time over ") and (figure.high < 1 or figure.low > 1):
            yield Sentence(CARE, "Scores are of the split: cut at one point in time, what is counted scores "
                           f"{percent(figure)} of what it does here.", "splits", (figure.name,))  # fmt: skip


def twins(facts: Facts) -> Iterator[Sentence]:
    """Items that are nearly the same."""
    twin = facts.get("data", "items with near-duplicate texts")
    if twin is not None and twin.found and twin.value > 0.1:
        yield Sentence(CARE, f"{percent(twin)} of the items share nearly all that the catalogue says of them with "
                       "another: a miss may be a near hit.", "data", ("items with near-duplicate texts",))  # fmt: skip


def published(facts: Facts) -> Iterator[Sentence]:
    """Whether this is the benchmark that the name stands for."""
    same = facts.get("published counts", "as published")
    if same is not None and not same.value:
        counts = (facts.get("published counts", f"published {name}") for name in ("users", "items", "edges"))
        told = ", ".join(f"{figure.value:,.0f} {figure.name.split()[-1]}" for figure in counts)
        yield Sentence(CARE, f"These are not the data that published tables of this name were made on ({told}): their "
                       "numbers are of another benchmark.", "published counts", ("as published",))  # fmt: skip
