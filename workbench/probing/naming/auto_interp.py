"""Automated interpretation: a namer reads example cases and names a latent; from the name alone it predicts for other
cases whether the latent is active. `LogOddsNamer` needs no language model; `language_model` has a namer that does."""
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import item_halves

SHOWN, CASES, TEST_CASES = 5, 40, 40  # items per case; cases per class that a name is made from, and is evaluated on
PRIOR, WORDS = 100.0, 5  # weight of the prior in words; words of a name


class Namer(Protocol):
    """A method to name latents. Cases are texts: the last titles of a history, oldest first, one per line."""

    def name(self, active: list[str], inactive: list[str]) -> str:
        """A name for what distinguishes the cases where the latent is active from the others."""

    def predict(self, name: str, cases: list[str]) -> np.ndarray:
        """(n,) bool: whether the latent with this name is active in each case."""


class LogOddsNamer:
    """Names a latent by the words that distinguish active from inactive cases: log-odds with a Dirichlet prior (Monroe
    et al., 2008) over the last title. It predicts activity if a case's last title has one of these words."""

    def __init__(self, titles: list[str]):
        """titles: of the whole catalogue, for the prior word frequencies."""
        from sklearn.feature_extraction.text import CountVectorizer

        self.vectorizer = CountVectorizer(token_pattern=r"(?u)\b[^\W\d_]{3,}\b", stop_words="english", binary=True)
        counts = self.vectorizer.fit_transform([*titles, "nothing"]).sum(axis=0)
        self.prior = PRIOR * np.asarray(counts).ravel() / counts.sum()

    def name(self, active: list[str], inactive: list[str]) -> str:
        """Up to five words, the most distinctive first."""
        a, b = (np.asarray(self._last_titles(cases).sum(axis=0)).ravel() + self.prior for cases in (active, inactive))
        log_odds = np.log(a / (a.sum() - a)) - np.log(b / (b.sum() - b))
        best = np.argsort(-log_odds / np.sqrt(1 / a + 1 / b), kind="stable")[:WORDS]
        return " ".join(self.vectorizer.get_feature_names_out()[best[log_odds[best] > 0]])

    def predict(self, name: str, cases: list[str]) -> np.ndarray:
        """(n,) bool: whether the last title has at least one of the words."""
        columns = [at for at in map(self.vectorizer.vocabulary_.get, name.split()) if at is not None]
        return np.asarray(self._last_titles(cases)[:, columns].sum(axis=1)).ravel() > 0

    def _last_titles(self, cases: list[str]) -> csr_matrix:
        return self.vectorizer.transform([case.rsplit("\n", 1)[-1] for case in cases])


def case_texts(activations: Activations, rows: np.ndarray, histories: Histories, titles: np.ndarray) -> list[str]:
    """Cases as texts: the last titles read at these rows, one per line. titles: (I+1,)."""
    start_of_history = histories.offsets[activations.user[rows]]
    end = start_of_history + activations.position[rows] + 1
    start = np.maximum(start_of_history, end - SHOWN)
    return ["\n".join(titles[histories.items[a:b]]) for a, b in zip(start, end)]


def evaluate_names(
    namer: Namer, latents: list[int], discovery: tuple[Activations, csr_matrix],
    held_out: tuple[Activations, csr_matrix], histories: Histories, titles: np.ndarray, *, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """One row per latent: its name, made from cases of discovery users whose last item is in one half of the catalogue,
    and balanced_accuracy on cases of other users and the other half, with as many active as inactive cases;
    shuffled_accuracy is that of another latent's name. No user and no last item is in both sets of cases, so a name
    cannot succeed by memorization.

    titles: (I+1,). The name is None for latents without enough cases.
    """
    half, rng, names = item_halves(len(titles) - 1, seed), np.random.default_rng(seed), {}
    splits = [(activations, z.tocsc(), np.flatnonzero(half[activations.last] == number))
              for number, (activations, z) in enumerate((discovery, held_out))]  # fmt: skip
    cases: dict[int, tuple[list[str], list[str]]] = {}
    for latent in latents:
        (activations, z, eligible), (test, test_z, test_eligible) = splits
        active, inactive = _sample_rows(z, latent, eligible, CASES, rng)
        test_active, test_inactive = _sample_rows(test_z, latent, test_eligible, TEST_CASES, rng)
        if min(len(active), len(test_active)) < WORDS:
            names[latent] = None
            continue
        names[latent] = namer.name(*(case_texts(activations, rows, histories, titles) for rows in (active, inactive)))
        cases[latent] = tuple(case_texts(test, rows, histories, titles) for rows in (test_active, test_inactive))
    others = dict(zip(cases, np.roll(list(cases), 1)))
    table = {latent: {"name": names[latent]} for latent in latents}
    for latent, (active_cases, inactive_cases) in cases.items():
        for column, named in (("balanced_accuracy", latent), ("shuffled_accuracy", others[latent])):
            recall, false_positive_rate = (namer.predict(names[named], texts).mean()
                                           for texts in (active_cases, inactive_cases))  # fmt: skip
            table[latent][column] = (recall + 1 - false_positive_rate) / 2
    columns = ["name", "balanced_accuracy", "shuffled_accuracy"]
    return pd.DataFrame.from_dict(table, orient="index", columns=columns).rename_axis("latent")


def _sample_rows(z, latent: int, eligible: np.ndarray, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """At most n of the strongest 4 n eligible rows where a latent is active, and as many where it is inactive."""
    column = slice(z.indptr[latent], z.indptr[latent + 1])
    rows, value = z.indices[column], z.data[column]
    inside = np.isin(rows, eligible)
    rows, value = rows[inside], value[inside]
    active = rows[np.argsort(-value, kind="stable")][: 4 * n]
    active = rng.choice(active, min(n, len(active)), replace=False)
    inactive = np.setdiff1d(eligible, rows)
    return active, rng.choice(inactive, min(len(active), len(inactive)), replace=False)
