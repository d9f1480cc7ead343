"""How well a latent's concept predicts where the latent is active, on held-out users and items, and which confounds
predict it as well. Descriptive only; significance is decided by `concept_test`."""
import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_matrix

from workbench.data import Histories
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.auroc import auroc, average_precision_and_threshold, classification_scores
from workbench.probing.concepts.concept_test import item_halves, item_weights, mean_by_item
from workbench.probing.concepts.concepts import Concepts, without_popularity

MIN_HISTORY_SHARE = 0.5  # the share of the last items from which on a concept holds for a history
HUB_SHARE, TOP, MIN_LATENTS = 0.05, 5, 2  # a hub item is in the top 5 of more than this share of latents, and of over 2
COLUMNS = ["threshold", "precision", "recall", "f1", "baseline_f1", "lift", "mcc", "ap", "gain", "next_item_auroc"]
FLAG_OF = {"position": "position", "length": "position", "level": "position", "popularity": "popularity"}


def concept_labels(
    activations: Activations, source: str, concepts: Concepts, histories: Histories | None = None
) -> csc_matrix:
    """(n, C) whether each concept holds at each position, by source as in `concept_test.item_weights`; it holds for a
    history if it does for at least half of the last ten items."""
    share = item_weights(activations, source, concepts.members.shape[0] - 1, histories) @ concepts.members
    share.data = (share.data >= MIN_HISTORY_SHARE - 1e-6).astype(np.float32)
    share.eliminate_zeros()
    return share.tocsc()


def concept_scores(
    table: pd.DataFrame, discovery: tuple[Activations, csr_matrix], held_out: tuple[Activations, csr_matrix],
    concepts: Concepts, confounds: tuple[Concepts, Concepts], histories: Histories, *, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The table of `concept_test` with further columns for active latents: threshold (of best F1 on the discovery
    split) and on the held-out split precision, recall, f1, baseline_f1, lift and mcc at that threshold; ap (average
    precision); next_item_auroc, the AUROC for the next item's concept among positions whose last item is of another;
    confound and confound_ap, the best confound and its average precision; and flag: one item, hub, position,
    popularity.

    confounds: `position_confounds` of either split. A latent is flagged if a confound, chosen on the discovery split,
    is predicted as well as its concept by (ap - pi) / (1 - pi), where pi is the share of positions at which it holds.
    """
    half, scores, concepts = item_halves(concepts.members.shape[0] - 1, seed), {}, without_popularity(concepts)
    column_of = {name: column for column, name in enumerate(concepts.names)}
    next_item_labels = _next_item_labels(*held_out, concepts)
    for source in sorted(set(table["source"])):
        latents = table.index[(table["source"] == source) & table["concept"].notna()]
        columns = [column_of[name] for name in table["concept"][latents]]
        splits = []
        for number, (activations, z) in enumerate((discovery, held_out)):
            is_history = source == "history"
            rows = np.ones(len(activations), bool) if is_history else half[getattr(activations, source)] == number
            rows = np.flatnonzero(rows)
            splits.append((z[rows].tocsc(), concept_labels(activations.take(rows), source, concepts, histories)))
        for latent, column in zip(latents, columns):
            next_item = {"next_item_auroc": _next_item_auroc(*next_item_labels, latent, column)}
            scores[latent] = _scores(splits, latent, column) | next_item
    scores = pd.DataFrame.from_dict(scores, orient="index").reindex(index=table.index, columns=COLUMNS)
    best_confounds = _best_confounds(discovery[1].tocsc(), held_out[1].tocsc(), confounds)
    flags = _flags(table, scores, best_confounds, held_out)
    return table.join(scores.drop(columns="gain")).join(best_confounds[["confound", "confound_ap"]]).assign(flag=flags)


def _scores(splits: list, latent: int, concept: int) -> dict[str, float]:
    """The scores of one latent and its concept."""
    (z, labels), (test_z, test_labels) = splits
    _, value, hit, positives = _column(z, labels, latent, concept)
    count = np.array([positives])
    threshold = float(average_precision_and_threshold(value, hit[:, None], z.shape[0], count)[1][0])
    _, value, hit, positives = _column(test_z, test_labels, latent, concept)
    n, predicted = test_z.shape[0], value >= threshold
    ap = float(average_precision_and_threshold(value, hit[:, None], n, np.array([positives]))[0][0])
    counts = (np.float64(x) for x in (predicted.sum(), positives, (predicted & hit).sum()))
    rate = positives / n
    return {"threshold": threshold, **{name: float(x) for name, x in classification_scores(*counts, n).items()},
            "ap": ap, "gain": (ap - rate) / max(1 - rate, 1e-12)}  # fmt: skip


def _next_item_labels(
    activations: Activations, z: csr_matrix, concepts: Concepts
) -> tuple[csc_matrix, csc_matrix, csc_matrix]:
    """Latents, and concepts of the last item and of the next one, at positions with a next item."""
    rows = np.flatnonzero(activations.next > 0)
    selected = activations.take(rows)
    last, following = (concept_labels(selected, source, concepts) for source in ("last", "next"))
    return z[rows].tocsc(), last, following


def _next_item_auroc(z: csc_matrix, last: csc_matrix, following: csc_matrix, latent: int, concept: int) -> float:
    """AUROC for the next item's concept among positions whose last item is of another concept."""
    _, value, same, last_count = _column(z, last, latent, concept)
    hit = _column(z, following, latent, concept)[2]
    next_rows, last_rows = (x.indices[x.indptr[concept] : x.indptr[concept + 1]] for x in (following, last))
    return auroc(value[~same], hit[~same], z.shape[0] - last_count, len(np.setdiff1d(next_rows, last_rows)))


def _column(z: csc_matrix, labels: csc_matrix, latent: int, concept: int) -> tuple:
    """The rows where a latent is active, its values, whether the concept holds there, and how often it does in all."""
    column = slice(z.indptr[latent], z.indptr[latent + 1])
    holds = labels.indices[labels.indptr[concept] : labels.indptr[concept + 1]]
    return z.indices[column], z.data[column], np.isin(z.indices[column], holds), len(holds)


def _best_confounds(z: csc_matrix, test_z: csc_matrix, confounds: tuple[Concepts, Concepts]) -> pd.DataFrame:
    """The confound that each latent predicts best on the discovery split, and its scores on the held-out split."""
    column_of = {name: column for column, name in enumerate(confounds[1].names)}
    shared = [column for column, name in enumerate(confounds[0].names) if name in column_of]
    test_columns = np.array([column_of[confounds[0].names[column]] for column in shared])
    splits = [(z, confounds[0].members.tocsr()[:, shared]), (test_z, confounds[1].members.tocsr()[:, test_columns])]
    gains = []
    for values, members in splits:
        positives, n = np.asarray(members.sum(axis=0)).ravel(), members.shape[0]
        rate, rows = positives / n, []
        for latent in range(values.shape[1]):
            column = slice(values.indptr[latent], values.indptr[latent + 1])
            hit = members[values.indices[column]].toarray()
            ap = average_precision_and_threshold(values.data[column], hit, n, positives)[0]
            rows.append((ap - rate) / np.maximum(1 - rate, 1e-12))
        gains.append((np.array(rows), rate))
    best, latents = gains[0][0].argmax(axis=1), np.arange(z.shape[1])
    gain, rate = gains[1][0][latents, best], gains[1][1][best]
    return pd.DataFrame({
        "confound": confounds[1].names[test_columns[best]], "confound_ap": gain * (1 - rate) + rate, "gain": gain,
        "family": confounds[1].families[test_columns[best]],
    })  # fmt: skip


def _flags(table: pd.DataFrame, scores: pd.DataFrame, best_confounds: pd.DataFrame, held_out: tuple) -> list[str]:
    """Alternative explanations of each latent, joined with commas; empty if there are none."""
    activations, z = held_out
    means = mean_by_item(z, item_weights(activations, "last", int(activations.last.max())))
    top = np.argsort(-means, axis=0, kind="stable")[:TOP]
    top = np.where(np.take_along_axis(means, top, axis=0) > 0, top, 0)
    effective_items = table["effective_items"]
    active = max(1, int((effective_items > 0).sum()))
    count = np.bincount(top.ravel(), minlength=len(means))
    hubs = np.flatnonzero((count > max(MIN_LATENTS, HUB_SHARE * active)) & (np.arange(len(count)) > 0))
    one_item = (effective_items > 0) & (effective_items < 2)
    hub = np.isin(top, hubs).any(axis=0)
    confounded = (best_confounds["gain"] >= scores["gain"].fillna(0)).to_numpy() & (effective_items > 0).to_numpy()
    flag = best_confounds["family"].map(FLAG_OF)
    return [", ".join(name for name, holds in (("one item", a), ("hub", b), (c, d and isinstance(c, str))) if holds)
            for a, b, c, d in zip(one_item, hub, flag, confounded)]  # fmt: skip
