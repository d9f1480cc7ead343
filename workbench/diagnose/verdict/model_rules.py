"""Verdict rules for the cards of trained models. What a benchmark can or cannot show goes on after "It can show ...";
the evidence follows as a sentence of its own."""
from collections.abc import Iterator

from workbench.diagnose.verdict.card import Card, Figure
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
    count,
    decimals,
    is_clear,
    percent,
    score,
)


def shortcut_solvability(facts: Facts) -> Iterator[Sentence]:
    """How much of a trained model's score a training-free heuristic reaches (SSI)."""
    ssi, popularity = facts.get("shortcuts", "SSI"), facts.get("shortcuts", "SSI popularity")
    if ssi is None:
        return
    best = facts.cards["shortcuts"].tables["solvability"].query("best")
    heuristic, model = (best.index[best["side"] == side][0] for side in ("heuristic", "model"))
    behind = f"({count(ssi)}; {model}: {_seeds(facts.cards['shortcuts'])})"
    reach = f"he best training-free heuristic, {heuristic}, reaches {percent(ssi)} of the NDCG@10 of {model} {behind}."
    source = "shortcuts", ("SSI",), (model,)
    if popularity is not None and popularity.high >= SAME:
        yield Sentence(CANNOT, f"that {model} learned anything. Ranking by popularity alone reaches "
                       f"{percent(popularity)} of its NDCG@10 {behind}.",
                       "shortcuts", ("SSI popularity",), (model,))  # fmt: skip
    elif ssi.low >= SAME:
        yield Sentence(CANNOT, f"that training {model} beats a training-free heuristic. T{reach}", *source)
    elif ssi.high >= SAME:
        yield Sentence(CANNOT, f"that training {model} beats a training-free heuristic. The interval includes a tie: "
                       f"t{reach}", *source)  # fmt: skip
    elif ssi.value >= NEAR:
        yield Sentence(CARE, f"Most of a good score requires no training: t{reach}", *source)
    else:
        yield Sentence(CAN, f"that training {model} beats training-free heuristics. T{reach}", *source)


def _seeds(card: Card) -> str:
    """The training seeds behind SSI, with its value for each."""
    table = card.tables.get("by seed")
    if table is None or len(table) < 2:
        return "one seed" + (f", {table.index[0]}" if table is not None else "")
    seeds, shares = ", ".join(map(str, table.index)), ", ".join(f"{100 * share:.0f} %" for share in table["share"])
    return f"seeds {seeds} give {shares}"


def history_ablation(facts: Facts) -> Iterator[Sentence]:
    """How much of the history, and of its order, each model uses."""
    for card in (name for name in facts.cards if name.startswith(HISTORY_ABLATION)):
        system, last_only = card.removeprefix(HISTORY_ABLATION), facts.get(card, "HD_1")
        order, length = facts.get(card, "OS keep last 1"), facts.get(card, "effective history length")
        if last_only is not None and last_only.low >= NEAR:
            yield Sentence(CANNOT, f"how {system} uses longer histories. When it reads the last item only, it retains "
                           f"{percent(last_only)} of its NDCG@10 ({count(last_only)}).",
                           card, ("HD_1",), (system,))  # fmt: skip
        elif last_only is not None and length is not None:
            most = f"{length.value:.0f} items" if length.value <= LONGEST else f"more than {LONGEST} items"
            yield Sentence(CARE, f"{system} uses more than the last item: reading that one alone, it retains "
                           f"{percent(last_only)} of its NDCG@10, and to retain 95 % it has to read the last {most} "
                           f"({count(last_only)}). It was not retrained on shorter histories, where it might retain "
                           "more.", card, ("HD_1", "effective history length"), (system,))  # fmt: skip
        if order is not None:
            yield from _order(system, order, card)


def _order(system: str, order: Figure, card: str) -> Iterator[Sentence]:
    """Whether shuffling the earlier items loses score, gains score, or the interval allows neither conclusion."""
    gain = order._replace(value=-order.value, low=-order.high, high=-order.low)
    source = card, ("OS keep last 1",), (system,)
    changes = f"hen all items but the last are shuffled, its NDCG@10 changes by {percent(gain)} ({count(order)})."
    if order.high < 0:
        rises = changes.replace("changes by", "rises by")
        yield Sentence(CANNOT, f"that the order of earlier items helps {system}. W{rises}", *source)
    elif order.low <= 0 and order.high <= SMALL:
        yield Sentence(CANNOT, f"that {system} uses the order of earlier items. W{changes}", *source)
    elif order.low <= 0:
        yield Sentence(CARE, f"It is undecided whether {system} uses the order of earlier items: w{changes}", *source)


def retrained_on_less(facts: Facts) -> Iterator[Sentence]:
    """What a model retains when it is retrained on the last item only."""
    for card in (name for name in facts.cards if name.startswith(RETRAINED)):
        last_only, system = facts.get(card, "HD_1 retrained"), card.removeprefix(RETRAINED)
        if last_only is None:
            continue
        text = (f"that {system} needs more than the last item. Retrained to read the last item only, it retains "
                f"{percent(last_only)} of its NDCG@10 ({count(last_only)}).")  # fmt: skip
        if last_only.low >= NEAR:
            yield Sentence(CANNOT, text, card, ("HD_1 retrained",), (system,))
        elif last_only.high < SAME:
            yield Sentence(CAN, text, card, ("HD_1 retrained",), (system,))


def unseen_transitions(facts: Facts) -> Iterator[Sentence]:
    """Generalization to test transitions that never occur in train."""
    lead = facts.get("memorization", "lead on unseen transitions")
    if lead is not None and is_clear(lead):
        row = facts.cards["memorization"].tables["lead"].iloc[0]
        yield Sentence(CAN, f"that {row['ours']} generalizes beyond memorized transitions. On the {count(lead)} "
                       f"({100 * row['share']:.0f} %) whose transition from the last item to the target never occurs "
                       f"in train, its NDCG@10 exceeds that of {row['rival']}, the best baseline there, by "
                       f"{score(lead)}.", "memorization", ("lead on unseen transitions",), (row["ours"],))  # fmt: skip


def hard_subset(facts: Facts) -> Iterator[Sentence]:
    """Which model is best on targets that are near the last item neither in the graph nor by text."""
    share, lead = (facts.get("hard subset", name) for name in ("hard cases", "lead on the hard subset"))
    if share is not None:
        where = share.note.split("whose target lies ")[-1].rstrip(".")
        yield Sentence(CARE, f"In {percent(share)} of the {count(share)} the target lies {where}, "
                       "where a ranking by graph distance or text similarity cannot find it.",
                       "hard subset", ("hard cases",))  # fmt: skip
    if lead is not None and round(lead.low, decimals(lead)) > 0:
        ranking = facts.cards["hard subset"].tables["ranking"]
        best_all, best_hard = ranking["all"].idxmax(), ranking["hard"].idxmax()
        if ranking["hits"][best_hard] >= HITS:
            yield Sentence(CANNOT, f"by the overall score which system is best on the hard subset. {best_all} leads "
                           f"over all test cases, but on the {lead.n:,} hard ones {best_hard} is ahead of it by "
                           f"{score(lead)} NDCG@10.",
                           "hard subset", ("lead on the hard subset",), (best_all, best_hard))  # fmt: skip


def detectable_difference(facts: Facts) -> Iterator[Sentence]:
    """The minimum detectable effect of the test set."""
    effect = facts.get("systems", "minimum detectable effect")
    if effect is not None:
        pair, digits = tuple(facts.cards["systems"].tables["pair"].iloc[0]), decimals(effect)
        yield Sentence(CARE, f"With {count(effect)}, a difference of {effect.value:.{digits}f} NDCG@10 between "
                       f"{' and '.join(pair)} is detected with a probability (power) of 80 %, and one of "
                       f"{0.7 * effect.value:.{digits}f} with 50 %.",
                       "systems", ("minimum detectable effect",), pair)  # fmt: skip


def beam_search_loss(facts: Facts) -> Iterator[Sentence]:
    """Targets that beam search loses although an exact search ranks them in the top ten."""
    for card in (name for name in facts.cards if name.startswith(DECODING)):
        prefix, widths, system = "lost targets@10, beam ", [], card.removeprefix(DECODING)
        for figure in facts.cards[card].figures:
            if figure.name.startswith(prefix) and figure.n >= HITS:
                widths.append((int(figure.name.removeprefix(prefix)), figure))
        if widths:
            width, lost = max(widths, key=lambda pair: pair[0])
            evidence = (f"f the {count(lost, 'targets')} that an exact search over all items ranks in its top ten, a "
                        f"beam of width {width} misses {percent(lost)}.")  # fmt: skip
            source = card, (lost.name,), (system,)
            if lost.high > SMALL:
                yield Sentence(CARE, f"Beam search may lose targets of {system}: o{evidence}", *source)
            else:
                yield Sentence(CAN, f"how good {system} is apart from errors of its beam search. O{evidence}",
                               *source)  # fmt: skip
