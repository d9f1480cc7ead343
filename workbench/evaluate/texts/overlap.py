"""BLEU-4 and ROUGE-L between texts and one reference each, on words in lower case.

BLEU of the corpus: Papineni et al., ACL 2002, one reference, no smoothing. ROUGE-L: Lin, 2004, the F1 of the longest
common subsequence. Scores depend on the splitting of words, which differs between implementations, most of all in
languages without blanks: figures of one implementation are not those of another.
"""
import math
import re
from collections import Counter

import numpy as np

from workbench.errors import UserError

WORD = re.compile(r"\w+")
N = 4  # longest n-grams of BLEU


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return WORD.findall(text.lower())


def bleu(texts: list[str], references: list[str]) -> float:
    """Corpus BLEU-4, 0 to 1: brevity penalty times the geometric mean of clipped n-gram precisions, n = 1..4, of all
    texts together; 0 if an n-gram length has no match. UserError for lists of different lengths, or empty ones.

    >>> round(bleu(["the red mug with a lid"], ["the red mug with a handle"]), 3)
    0.76
    """
    pairs = _pairs(texts, references)
    matched, total = np.zeros(N), np.zeros(N)
    for said, meant in pairs:
        for n in range(1, N + 1):
            found, known = _grams(said, n), _grams(meant, n)
            matched[n - 1] += sum((found & known).values())
            total[n - 1] += sum(found.values())
    if not matched.all():
        return 0.0
    length, wanted = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
    penalty = 1.0 if length > wanted else math.exp(1 - wanted / length)
    return float(penalty * np.exp(np.log(matched / total).mean()))


def rouge_l(texts: list[str], references: list[str]) -> np.ndarray:
    """(n,) ROUGE-L F1, 0 to 1, of each text. UserError as `bleu`.

    >>> rouge_l(["a red big mug"], ["a big mug"]).round(3).tolist()
    [0.857]
    """
    return np.array([_f1(said, meant) for said, meant in _pairs(texts, references)])


def _pairs(texts: list[str], references: list[str]) -> list[tuple[list[str], list[str]]]:
    if len(texts) != len(references) or not texts:
        raise UserError(f"{len(texts)} texts and {len(references)} references; give one reference for each text")
    return [(words(text), words(reference)) for text, reference in zip(texts, references)]


def _grams(text: list[str], n: int) -> Counter:
    return Counter(zip(*(text[start:] for start in range(n))))


def _f1(said: list[str], meant: list[str]) -> float:
    row = np.zeros(len(meant) + 1, np.int64)  # longest common subsequence of what was read so far and each beginning
    for word in said:
        equal = np.array([word == other for other in meant], bool)
        extended = np.append(0, np.where(equal, row[:-1] + 1, row[1:]))
        row = np.maximum.accumulate(extended)
    common = int(row[-1])
    return 2 * common / (len(said) + len(meant)) if common else 0.0
