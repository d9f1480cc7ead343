"""Verdict rules for the cards of a dataset and its split."""
from collections.abc import Iterator

from workbench.diagnose.verdict.sentences import (
    CANNOT,
    CARE,
    SMALL,
    Facts,
    Sentence,
    count,
    decimals,
    is_clear,
    percent,
    score,
)

OVER = "global-time over "  # prefix of the figures that compare the best rule under another split


def future_leakage(facts: Facts) -> Iterator[Sentence]:
    """Temporal leakage: training on events later than the test event."""
    leak, future = facts.get("data", "future leakage"), facts.get("data", "memorized from future events")
    if leak is not None and leak.value > 0.01:
        more = ""
        if future is not None:
            more = (f" Of the {count(future)} whose transition from the last item to the target occurs in train, "
                    f"{percent(future)} have it only from events later than the test event.")  # fmt: skip
        figures = ("future leakage", *(("memorized from future events",) if future else ()))
        yield Sentence(CANNOT, f"performance on future data. On average over {count(leak)}, {percent(leak)} of the "
                       f"training events are later than the test event.{more}", "data", figures)  # fmt: skip


def tied_timestamps(facts: Facts) -> Iterator[Sentence]:
    """Events whose order the timestamps do not determine."""
    spread, tied = facts.get("data", "tie range"), facts.get("data", "test targets tied with the previous item")
    if spread is not None and tied is not None and tied.value > 0.01:
        yield Sentence(CARE, f"In {percent(tied)} of the {count(tied)} the target has the same timestamp as the item "
                       "before it, so the timestamps do not tell their order. Among "
                       f"{count(spread, 'random orders')} of tied events, the NDCG@10 of item transitions differs by "
                       f"up to {spread.value:.{decimals(tied)}f}.",
                       "data", ("test targets tied with the previous item", "tie range"))  # fmt: skip


def local_transitions(facts: Facts) -> Iterator[Sentence]:
    """Low branching: how often the target directly followed the last item in train."""
    coverage, size, lift = (facts.get("graph", name) for name in ("CR_1", "size_1", "lift_1"))
    if coverage is not None and size is not None and lift is not None and is_clear(coverage) and lift.low > 2:
        ends = f"[{lift.low:.1f}, {lift.high:.1f}]"
        yield Sentence(CARE, f"Local transitions help: in {percent(coverage)} of the {count(coverage)} the target is "
                       f"one of the items that directly followed the last item in train (median: {size.value:.0f} "
                       f"items). That is {lift.value:.1f} {ends} times as often as among equally many items drawn by "
                       "popularity.", "graph", ("CR_1", "size_1", "lift_1"))  # fmt: skip


def feature_smoothness(facts: Facts) -> Iterator[Sentence]:
    """Feature smoothness: text similarity of the target and the last item."""
    auc, near = facts.get("features", "AUC_f"), facts.get("features", "recall@50 by similarity")
    if auc is None or near is None:
        return
    if auc.low > auc.null + SMALL:
        yield Sentence(CARE, f"Text similarity helps: the target's text is more similar to the last item's text in "
                       f"{percent(auc)} of the comparisons with an equally popular item (by chance "
                       f"{100 * auc.null:.0f} %), and in {percent(near)} of the {count(near)} the target is among the "
                       "50 items with the most similar texts.",
                       "features", ("AUC_f", "recall@50 by similarity"))  # fmt: skip
    elif auc.high < auc.null + SMALL:
        yield Sentence(CARE, "Text similarity to the last item hardly predicts the target: the target's text is more "
                       f"similar in {percent(auc)} of the comparisons with an equally popular item (by chance "
                       f"{100 * auc.null:.0f} %; {count(auc)}).", "features", ("AUC_f",))  # fmt: skip


def repeat_consumption(facts: Facts) -> Iterator[Sentence]:
    """Targets that already occur in the history."""
    repeated, repeat = facts.get("data", "repeated test targets"), facts.get("data", "repeat last")
    if repeated is not None and repeat is not None and repeated.value > 0.05:
        yield Sentence(CARE, f"Users repeat items: in {percent(repeated)} of the {count(repeated)} the target already "
                       "occurs in the history, and recommending the items of the history, newest first, scores "
                       f"NDCG@10 {score(repeat)}. A protocol that masks the history measures a different task.",
                       "data", ("repeated test targets", "repeat last"))  # fmt: skip


def id_leakage(facts: Facts) -> Iterator[Sentence]:
    """Item ids that reveal the order of events."""
    figures = facts.cards["data"].figures if "data" in facts.cards else ()
    probes = [figure for figure in figures if figure.name.startswith("next-id probe")]
    for figure in {f.value: f for f in reversed(probes)}.values():  # ids that differ by a constant score the same
        if is_clear(figure) and figure.value > 2 * figure.null + 0.001:
            yield Sentence(CARE, f"Item ids leak targets: recommending the ten ids after the last item's id "
                           f"({figure.name.split(': ')[-1]}) scores NDCG@10 {score(figure)} over {count(figure)} (by "
                           f"chance {figure.null:.{decimals(figure)}f}).", "data", (figure.name,))  # fmt: skip


def popularity_drift(facts: Facts) -> Iterator[Sentence]:
    """A catalogue whose item popularity changes over time."""
    cold, recent = facts.get("data", "cold test targets"), facts.get("data", "recent minus all-time popularity")
    if cold is not None and cold.value > 0.01:
        yield Sentence(CARE, f"In {percent(cold)} of the {count(cold)} the target never occurs in train (a cold-start "
                       "item): a model of interactions alone cannot recommend it.",
                       "data", ("cold test targets",))  # fmt: skip
    if recent is not None and is_clear(recent):
        yield Sentence(CARE, "Item popularity drifts: the NDCG@10 of ranking by recent popularity exceeds that of "
                       f"ranking by all-time popularity by {score(recent)} ({count(recent)}).",
                       "data", ("recent minus all-time popularity",))  # fmt: skip


def split_sensitivity(facts: Facts) -> Iterator[Sentence]:
    """What another split does to the best training-free score."""
    for figure in facts.cards["splits"].figures if "splits" in facts.cards else ():
        if figure.name.startswith(OVER) and (figure.high < 1 or figure.low > 1):
            yield Sentence(CARE, "Scores depend on the split: under a global temporal split, the NDCG@10 of the best "
                           f"training-free baseline is {percent(figure)} of the best one's under "
                           f"{figure.name.removeprefix(OVER)} ({count(figure)} under the global split).",
                           "splits", (figure.name,))  # fmt: skip


def near_duplicates(facts: Facts) -> Iterator[Sentence]:
    """Items that are nearly identical."""
    share = facts.get("data", "items with near-duplicate texts")
    if share is not None and is_clear(share) and share.value > 0.1:
        yield Sentence(CARE, f"Of the {count(share, 'items')}, {percent(share)} have a near-duplicate by text, so what "
                       "counts as a miss may be a near-duplicate of the target.",
                       "data", ("items with near-duplicate texts",))  # fmt: skip


def published_counts(facts: Facts) -> Iterator[Sentence]:
    """Whether the data equal the published benchmark of the same name."""
    same = facts.get("published counts", "as published")
    if same is not None and not same.value:
        figures = (facts.get("published counts", f"published {name}") for name in ("users", "items", "edges"))
        counts = ", ".join(f"{figure.value:,.0f} {figure.name.split()[-1]}" for figure in figures)
        yield Sentence(CARE, f"This dataset is not the published benchmark of the same name, which has {counts}, so "
                       "published results are not comparable.", "published counts", ("as published",))  # fmt: skip
