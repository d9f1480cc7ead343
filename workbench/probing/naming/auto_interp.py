"""A door for whoever can put a latent into words: a namer reads cases and says a name, and from the name alone it says
of other cases whether the latent fires. `Words` needs no language model; a local one fits behind the same door."""
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import halves

SHOWN, CASES, COUNTER = 5, 40, 40  # items of a case; cases that a name is made of; cases of a kind it is judged by
PRIOR, KEPT = 100.0, 5  # words that the prior is worth; words of a name


class Namer(Protocol):
    """Whoever names. Cases are texts: titles, oldest first, one a line, the last one read below."""

    def name(self, fires: list[str], silent: list[str]) -> str:
        """A name for what the cases that fire have in common and the silent ones have not."""

    def foretell(self, name: str, cases: list[str]) -> np.ndarray:
        """(n,) bool: where the latent of this name fires."""


class Words:
    """A namer of the words that cases which fire have beyond silent ones: log-odds with a Dirichlet prior (Monroe et
    al., 2008) over titles, the last one. It foretells firing where a case's last title has one of them."""

    def __init__(self, titles: list[str]):
        """titles: of the whole catalogue, for how often words occur at all."""
        from sklearn.feature_extraction.text import CountVectorizer

        self.counter = CountVectorizer(token_pattern=r"(?u)\b[^\W\d_]{3,}\b", stop_words="english", binary=True)
        counts = self.counter.fit_transform([*titles, "nothing"]).sum(axis=0)
        self.base = PRIOR * np.asarray(counts).ravel() / counts.sum()

    def name(self, fires: list[str], silent: list[str]) -> str:
        """Up to five words, the most telling first."""
        a, b = (np.asarray(self._last(cases).sum(axis=0)).ravel() + self.base for cases in (fires, silent))
        odds = np.log(a / (a.sum() - a)) - np.log(b / (b.sum() - b))
        best = np.argsort(-odds / np.sqrt(1 / a + 1 / b), kind="stable")[:KEPT]
        return " ".join(self.counter.get_feature_names_out()[best[odds[best] > 0]])

    def foretell(self, name: str, cases: list[str]) -> np.ndarray:
        """Where the last title has at least one of the words."""
        words = [at for at in map(self.counter.vocabulary_.get, name.split()) if at is not None]
        return np.asarray(self._last(cases)[:, words].sum(axis=1)).ravel() > 0

    def _last(self, cases: list[str]) -> csr_matrix:
        return self.counter.transform([case.rsplit("\n", 1)[-1] for case in cases])


def texts(units: Activations, rows: np.ndarray, histories: Histories, titles: np.ndarray) -> list[str]:
    """Cases as texts: the last titles read at these units, a line each. titles: (I+1,)."""
    end = histories.offsets[units.user[rows]] + units.place[rows] + 1
    start = np.maximum(histories.offsets[units.user[rows]], end - SHOWN)
    return ["\n".join(titles[histories.items[a:b]]) for a, b in zip(start, end)]


def judged(
    namer: Namer, latents: list[int], discovery: tuple[Activations, csr_matrix],
    held_out: tuple[Activations, csr_matrix], histories: Histories, titles: np.ndarray, *, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """A row a latent: its name, made of cases of discovery users whose last item is of one half of the catalogue, and
    balanced accuracy on cases of other users and the other half, as many that fire as are silent; beside it that of the
    `shuffled` name, another latent's. No user and no last item is in both, so a name cannot be learned by heart.

    titles: (I+1,). Latents without cases on either side have the name None.
    """
    half, rng, rows = halves(len(titles) - 1, seed), np.random.default_rng(seed), {}
    sides = [(units, z.tocsc(), np.flatnonzero(half[units.last] == at))
             for at, (units, z) in enumerate((discovery, held_out))]  # fmt: skip
    cases: dict[int, tuple[list[str], list[str]]] = {}
    for latent in latents:
        (units, z, use), (test, zt, held) = sides
        fires, silent = _cases(z, latent, use, CASES, rng)
        positive, negative = _cases(zt, latent, held, COUNTER, rng)
        if min(len(fires), len(positive)) < KEPT:
            rows[latent] = None
            continue
        rows[latent] = namer.name(*(texts(units, at, histories, titles) for at in (fires, silent)))
        cases[latent] = tuple(texts(test, at, histories, titles) for at in (positive, negative))
    others = dict(zip(cases, np.roll(list(cases), 1)))
    table = {latent: {"name": rows[latent]} for latent in latents}
    for latent, (positive, negative) in cases.items():
        for column, whose in (("balanced", latent), ("shuffled", others[latent])):
            yes, no = (namer.foretell(rows[whose], part).mean() for part in (positive, negative))
            table[latent][column] = (yes + 1 - no) / 2
    return pd.DataFrame.from_dict(table, orient="index", columns=["name", "balanced", "shuffled"]).rename_axis("latent")


def _cases(z, latent: int, use: np.ndarray, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `use` where a latent fires, at most n of the strongest 4 n, and as many where it is silent."""
    at = slice(z.indptr[latent], z.indptr[latent + 1])
    rows, value = z.indices[at], z.data[at]
    inside = np.isin(rows, use)
    rows, value = rows[inside], value[inside]
    fires = rows[np.argsort(-value, kind="stable")][: 4 * n]
    fires = rng.choice(fires, min(n, len(fires)), replace=False)
    silent = np.setdiff1d(use, rows)
    return fires, rng.choice(silent, min(len(fires), len(silent)), replace=False)
