"""The names of figures in words: what a page shows instead of a symbol, which follows in brackets."""
import re

ABLATED = {
    "full shuffle": "all items are shuffled", "keep last 1": "all items but the last are shuffled",
    "keep last 2": "all items but the last two are shuffled", "reverse": "the history is reversed",
    "prefix swap": "all items but the last are another user's", "within a day": "events of one day are shuffled",
}  # fmt: skip
SYMBOLS = (  # a pattern of names, and the words for it
    (r"CR_(\d+)", r"targets \1 hop(s) from the last item"),
    (r"CR_<=(\d+)", r"targets within \1 hops of the last item"),
    (r"lift_(\d+)", r"share of targets at \1 hop(s) over that by popularity"),
    (r"size_(\d+)", r"items \1 hop(s) from the last item, median"),
    (r"TC_(\d+)", r"transitions whose shortest path in train has \1 hop(s)"),
    (r"TC_inf", "transitions without a short path in train"),
    (r"AUC_f", "AUC of item features"),
    (r"AUC_f beyond one hop", "AUC of item features beyond one hop"),
    (r"SSI", "shortcut solvability index"),
    (r"SSI (.+)", r"shortcut solvability of the null, \1"),
    (r"HD_(\d+)", r"score retained with the last \1 item(s)"),
    (r"HD_(\d+) retrained", r"score retained when retrained on the last \1 item(s)"),
    (r"OS retrained", "score lost when retrained on shuffled histories"),
    (r"arp", "average popularity of recommended items"),
    (r"aplt", "share of long-tail items in the lists"),
    (r"ild", "diversity within a list"),
    (r"ece", "expected calibration error"),
    (r"ece, (.+)", r"expected calibration error, \1"),
    (r"brier", "Brier score of the top item"),
    (r"gini(@.+)", r"Gini coefficient of exposure\1"),
    (r"tau on the hard subset", "agreement of rankings on the hard subset, Kendall's tau"),
)  # fmt: skip
IN_FULL = ("gini", "tau")  # names that are no symbols: their words take their place


def in_words(name: str) -> str:
    """The name of a figure in words, its symbol in brackets; a name that is no symbol stays as it is.

    >>> in_words("CR_1"), in_words("memorized")
    ('targets 1 hop from the last item (CR_1)', 'memorized')
    >>> in_words("OS keep last 1")
    'score lost when all items but the last are shuffled (OS keep last 1)'
    """
    kind, _, change = name.partition(" ")
    if kind in ("OS", "Jaccard@10") and change in ABLATED:
        what = "score lost" if kind == "OS" else "overlap of the top ten"
        return f"{what} when {ABLATED[change]} ({name})"
    for pattern, words in SYMBOLS:
        if match := re.fullmatch(pattern, name):
            return _plural(match.expand(words)) + ("" if name.startswith(IN_FULL) else f" ({name})")
    return name


def _plural(text: str) -> str:
    """1 hop(s) as 1 hop, 2 hop(s) as 2 hops."""
    return re.sub(r"(\d+) (\w+)\(s\)", lambda m: f"{m[1]} {m[2]}{'' if m[1] == '1' else 's'}", text)
