"""Verdict rules for the cards of a dataset and its split."""
from collections.abc import Iterator

from workbench.diagnose.verdict.sentences import CANNOT, CARE, SMALL, Facts, Sentence, percent


def future_leakage(facts: Facts) -> Iterator[Sentence]:
    """Temporal leakage: training on events later than the test event."""
    leak, future = facts.get("data", "future leakage"), facts.get("data", "memorized from future events")
    if leak is not None and leak.value > 0.01:
        more = ""
        if future is not None:
            more = f"; for {percent(future)} of the memorized targets, every training occurrence is later too"
        figures = ("future leakage", *(("memorized from future events",) if future else ()))
        yield Sentence(CANNOT, f"performance on future data: on average, {percent(leak)} of the training events are "
                       f"later than the test event{more}.", "data", figures)  # fmt: skip


def tied_timestamps(facts: Facts) -> Iterator[Sentence]:
    """Events whose order the timestamps do not determine."""
    spread, tied = facts.get("data", "tie range"), facts.get("data", "test targets tied with the previous item")
    if spread is not None and tied is not None and tied.value > 0.01:
        yield Sentence(CARE, f"In {percent(tied)} of the test cases the target shares its timestamp with the previous "
                       f"item, so their order is unknown; other orders change NDCG@10 of item transitions by up to "
                       f"{spread.value:.4f}.",
                       "data", ("test targets tied with the previous item", "tie range"))  # fmt: skip


def local_transitions(facts: Facts) -> Iterator[Sentence]:
    """Low branching: how often the target directly followed the last item in train."""
    coverage, size, lift = (facts.get("graph", name) for name in ("CR_1", "size_1", "lift_1"))
    if coverage is not None and size is not None and lift is not None and coverage.significant and lift.low > 2:
        yield Sentence(CARE, f"Local transitions help: {percent(coverage)} of the targets are among the items that "
                       f"directly followed the last item in train (median: {size.value:.0f} items), {lift.value:.1f} "
                       "times the share expected of equally many items drawn by popularity.",
                       "graph", ("CR_1", "size_1", "lift_1"))  # fmt: skip


def feature_smoothness(facts: Facts) -> Iterator[Sentence]:
    """Feature smoothness: text similarity of the target and the last item."""
    auc, near = facts.get("features", "AUC_f"), facts.get("features", "recall@50 by similarity")
    if auc is None or near is None:
        return
    if auc.low > auc.null + SMALL:
        yield Sentence(CARE, "Text similarity helps: the target's text is more similar to the last item's than that of "
                       f"an equally popular item in {percent(auc)} of the comparisons (chance {100 * auc.null:.0f} %), "
                       f"and {percent(near)} of the targets are among the 50 most similar items.",
                       "features", ("AUC_f", "recall@50 by similarity"))  # fmt: skip
    elif auc.high < auc.null + SMALL:
        yield Sentence(CARE, "Text similarity to the last item hardly predicts the next item: AUC "
                       f"{auc.value:.2f}, chance {auc.null:.2f}.", "features", ("AUC_f",))  # fmt: skip


def repeat_consumption(facts: Facts) -> Iterator[Sentence]:
    """Targets that already occur in the history."""
    repeated, score = facts.get("data", "repeated test targets"), facts.get("data", "repeat last")
    if repeated is not None and score is not None and repeated.value > 0.05:
        yield Sentence(CARE, f"Repeat consumption: {percent(repeated)} of the targets already occur in the history, "
                       f"and recommending the history, newest first, scores NDCG@10 {score.value:.4f}. Masking the "
                       "history measures a different task.",
                       "data", ("repeated test targets", "repeat last"))  # fmt: skip


def id_leakage(facts: Facts) -> Iterator[Sentence]:
    """Item ids that reveal the order of events."""
    figures = facts.cards["data"].figures if "data" in facts.cards else ()
    probes = [figure for figure in figures if figure.name.startswith("next-id probe")]
    for figure in {f.value: f for f in reversed(probes)}.values():  # ids that differ by a constant score the same
        if figure.significant and figure.value > 2 * figure.null + 0.001:
            yield Sentence(CARE, "Item ids leak targets: recommending the next ten ids scores NDCG@10 "
                           f"{figure.value:.4f} ({figure.name.split(': ')[-1]}), chance {figure.null:.4f}.",
                           "data", (figure.name,))  # fmt: skip


def popularity_drift(facts: Facts) -> Iterator[Sentence]:
    """A catalogue whose item popularity changes over time."""
    cold, recent = facts.get("data", "cold test targets"), facts.get("data", "recent minus all-time popularity")
    if cold is not None and cold.value > 0.01:
        yield Sentence(CARE, f"{percent(cold)} of the targets are cold-start items that never occur in train: no model "
                       "based on interactions alone can recommend them.", "data", ("cold test targets",))  # fmt: skip
    if recent is not None and recent.significant:
        yield Sentence(CARE, "Item popularity drifts: ranking by recent popularity beats ranking by all-time "
                       f"popularity by {recent.value:.4f} NDCG@10.",
                       "data", ("recent minus all-time popularity",))  # fmt: skip


def split_sensitivity(facts: Facts) -> Iterator[Sentence]:
    """What another split does to the scores."""
    for figure in facts.cards["splits"].figures if "splits" in facts.cards else ():
        if figure.name.startswith("global-time over ") and (figure.high < 1 or figure.low > 1):
            yield Sentence(CARE, "Scores depend on the split: under a global temporal split the training-free "
                           f"baselines reach {percent(figure)} of their score here.",
                           "splits", (figure.name,))  # fmt: skip


def near_duplicates(facts: Facts) -> Iterator[Sentence]:
    """Items that are nearly identical."""
    share = facts.get("data", "items with near-duplicate texts")
    if share is not None and share.significant and share.value > 0.1:
        yield Sentence(CARE, f"{percent(share)} of the items have a near-duplicate by text, so a miss may be a "
                       "near-duplicate of the target.", "data", ("items with near-duplicate texts",))  # fmt: skip


def published_counts(facts: Facts) -> Iterator[Sentence]:
    """Whether the data equal the published benchmark of the same name."""
    same = facts.get("published counts", "as published")
    if same is not None and not same.value:
        figures = (facts.get("published counts", f"published {name}") for name in ("users", "items", "edges"))
        counts = ", ".join(f"{figure.value:,.0f} {figure.name.split()[-1]}" for figure in figures)
        yield Sentence(CARE, f"This dataset differs from the published benchmark of the same name ({counts}), so "
                       "published results are not comparable.", "published counts", ("as published",))  # fmt: skip
