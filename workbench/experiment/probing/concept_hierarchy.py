"""Stages for concepts that hold others: how few latents tell a category, how many share it, and which of its children
its latent leaves out."""
import numpy as np
import pandas as pd
import torch

from workbench.experiment.probing.feature_table import concepts
from workbench.experiment.probing.train_sae import sides
from workbench.experiment.run import Run
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.absorption import SPLIT, Gap, absorbed, absorption, together
from workbench.probing.concepts.permutation_test import step_up, strata
from workbench.probing.concepts.sparse_probing import KS, auc, share, sparse
from workbench.probing.dictionaries.dictionary import Dictionary

TOP, LEAST = ("category", "category 1", "genre"), 50  # families of parents; units that a child needs on either side


def parents(run: Run, cached: Activations, *, most: int = 6) -> dict[str, np.ndarray]:
    """The first categories that are read most, by name: (I+1,) bool of their items. {} where nothing is known."""
    known = concepts(run)
    mine = known.take(np.flatnonzero(np.isin(known.families, TOP)))
    if not len(mine.names):
        return {}
    read = np.bincount(cached.last, minlength=mine.members.shape[0]) @ mine.members
    return {mine.names[at]: mine.members[:, at].toarray().ravel() > 0 for at in np.argsort(-read)[:most]}


def told_by_few(run: Run, cached: Activations, kinds: dict[str, Dictionary], *, most: int = 6) -> pd.DataFrame:
    """A row a kind of dictionary: of what a dense probe of the activations tells of the last item's first category,
    the share that its best 1, 2 and 5 latents tell, means over categories; and `split`, the share of the categories
    that several latents foretell better than one, by .03 of F1 or more. Chosen on discovery users, told of others."""
    rows, asked = {}, parents(run, cached, most=most)
    for kind, found in kinds.items():
        (units, z), (test, held) = sides(cached, found)
        told = []
        for member in asked.values():
            a, b = member[units.last], member[test.last]
            dense = auc(units.x, a, test.x, b)
            few = {f"best {k}": share(value, dense) for k, value in sparse(z, a, held, b).items()}
            scores = together((z, a), (held, b))[1]
            told.append(few | {"split": float(scores[1:].max(initial=0) - scores[0] > SPLIT), "dense AUC": dense})
        rows[kind] = pd.DataFrame(told, columns=[*(f"best {k}" for k in KS), "split", "dense AUC"]).mean()
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("dictionary")


def left_out(run: Run, cached: Activations, found: Dictionary, *, most: int = 6, draws: int = 999) -> pd.DataFrame:
    """A row a category and a concept within it, the largest gap first: the latent that foretells the category best, how
    often it fires on the rest of the category and on the child (`absorption`), p and q; and `taken over`, the share of
    the child's units at which another latent stands in for it (`absorbed`). On users that were not looked at."""
    known, counts = concepts(run), run.bench().split.train_counts()
    (units, z), (test, held) = sides(cached, found)
    tenth = strata(counts, np.arange(len(counts)))
    names, below = known.names, np.char.startswith(known.families.astype(str), "category")
    directions = torch.nn.functional.normalize(found.decoder, dim=1).numpy()
    sizes, rows = np.asarray(known.members.sum(axis=0)).ravel(), []
    for name, parent in parents(run, cached, most=most).items():
        main = together((z, parent[units.last]), (held, parent[test.last]), most=1)[0]
        probe = units.x[parent[units.last]].mean(axis=0) - units.x[~parent[units.last]].mean(axis=0)
        probe /= max(float(np.linalg.norm(probe)), 1e-12)
        over = absorbed(held, directions, probe, (test.x - units.x.mean(axis=0)) @ probe, main)
        fires, shared = held[:, main].toarray().ravel() > 0, parent.astype(np.float32) @ known.members
        for at in np.flatnonzero((shared == sizes) & (sizes < parent.sum()) & below):
            child = known.members[:, at].toarray().ravel() > 0
            own = child[test.last]
            if own.sum() >= LEAST:
                told = absorption(fires, test.last, parent, child, tenth, draws=draws)
                rows.append([name, names[at], main[0], *told, float(over[own].mean())])
    table = pd.DataFrame(rows, columns=["category", "child", "latent", *Gap._fields, "taken over"])
    return table.assign(q=step_up(table["p"].to_numpy(float))).sort_values("gap", ascending=False, ignore_index=True)
