"""Critique retrieval: items whose text is nearest to what was said last; the history is not read.

Paper     None; the baseline that critique-conditioned figures of REGEN (arXiv:2503.11924) want beside them.
Idea      A critique is written with the next item in sight, so some of that item can be read off it. How far does the
          critique alone get?
Equation  s(i) = cos(tfidf(c), tfidf(text of i)) + 1e-9 popularity;  popularity alone where nothing was said
Claim     A critique alone ranks better than popularity (off), and than critiques of other steps (the placebo). A model
          of history and critique (lumen) must beat it to show that it reads the history.
Differs   Training-free; words and their weights are those of the catalogue. The last item itself is a candidate.
Reported  Nothing.
"""
from typing import Any

import numpy as np
from scipy import sparse

from workbench.data import Histories
from workbench.data.critiques.attribute_differences import CRITIQUE
from workbench.embed.documents import documents
from workbench.errors import UserError, unknown_name
from workbench.recommenders.count_based import CountBased
from workbench.recommenders.text.critiques import critique_table, said_in, said_in_train, shuffled_among
from workbench.train import derive_seed
from workbench.train.recipe import Recipe

PARENT = "popularity"
OFF = {"critiques": "none"}
PLACEBO = {"critiques": "shuffled"}
RECIPE = Recipe()
NEEDS = ("critiques",)
READ = ("said", "shuffled", "none")
TIE = 1e-9  # of popularity


def build(bench: Any, *, critiques: str = "said") -> CountBased:
    """The retriever, before fit. critiques: said, of other steps (shuffled, the placebo), or none, which leaves
    popularity. UserError for an unknown name, and for a dataset without critiques or without text."""
    if critiques not in READ:
        raise unknown_name("critiques", critiques, READ)
    query, items = similar_words(critique_table(bench.dataset), bench.dataset)
    seed = derive_seed(bench.seed, "shuffled critiques")

    def scorer(statistics: dict):
        counts, pool = statistics["counts"].astype(np.float64), statistics["said"]

        def score(histories: Histories) -> np.ndarray:
            """(B, I+1)."""
            if critiques == "none":
                return np.tile(counts, (len(histories), 1))
            last = histories.last(1)
            said = said_in(last)
            if critiques == "shuffled" and len(pool):
                said = shuffled_among(said, last, pool, seed)
            number = np.zeros(len(histories), np.int64)
            number[last.rows()] = said
            return (query[number] @ items.T).toarray().astype(np.float64) + TIE * counts

        return score

    return CountBased(lambda split: {"counts": split.train_counts(), "said": said_in_train(split.train)}, scorer)


def similar_words(table, dataset) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """(C+1, F) of critiques and (I+1, F) of items: sublinear TF-IDF, unit rows, of the words of the catalogue; row 0 of
    both is empty."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    read = TfidfVectorizer(sublinear_tf=True, dtype=np.float32)
    try:
        found = read.fit_transform(documents(dataset))
    except ValueError as error:
        raise UserError(f"{dataset.name}: item text without words", code=3) from error
    texts = np.full(int(table[CRITIQUE].max()) + 1, "", object)
    texts[table[CRITIQUE].to_numpy()] = table["text"].astype(str)
    empty = sparse.csr_matrix((1, found.shape[1]), dtype=np.float32)
    return read.transform(texts).tocsr(), sparse.vstack([empty, found], format="csr")
