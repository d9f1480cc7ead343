"""How well a concept tells when a latent fires, on users that nothing was chosen on (and items, but where the concept
is of a history), and what else might be behind it. Descriptive: what is certified is decided in `certify`."""
import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_matrix

from workbench.data import Histories
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.auroc import auroc, curve, scores
from workbench.probing.concepts.concept_test import by_item, halves, read_at
from workbench.probing.concepts.concepts import Concepts, content

HALF = 0.5  # the share of a unit's last items from which on a concept counts as that of its history
HUB, TOP, FEW = 0.05, 5, 2  # an item among the first five of more than this share of latents, and of two, is a hub
COLUMNS = ["threshold", "precision", "recall", "f1", "floor", "lift", "mcc", "ap", "gain", "intent"]
NUISANCE = {"place": "position", "length": "position", "level": "position", "popularity": "popularity"}


def labels(units: Activations, source: str, concepts: Concepts, histories: Histories | None = None) -> csc_matrix:
    """(n, C) which concepts hold at each unit, by source as in `certify.read_at`; of a history where they hold for half
    of its last ten items or more."""
    share = read_at(units, source, concepts.members.shape[0] - 1, histories) @ concepts.members
    share.data = (share.data >= HALF - 1e-6).astype(np.float32)
    share.eliminate_zeros()
    return share.tocsc()


def describe(
    certified: pd.DataFrame, discovery: tuple[Activations, csr_matrix], held_out: tuple[Activations, csr_matrix],
    concepts: Concepts, known: tuple[Concepts, Concepts], histories: Histories, *, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The table of `certify` with, for each latent that fires: the threshold of best F1 on the discovery side, and held
    out at it precision, recall, f1, floor, lift and mcc; ap; intent, the area under the curve for the next item's
    concept among units whose last item is of another; and flag: one item, hub, position, popularity.

    known: `marks.marks` of either side. A latent is flagged where a mark, chosen on the discovery side, is foretold as
    well as the concept is: (ap - pi) / (1 - pi), pi the share of units at which it holds.
    """
    half, told, concepts = halves(concepts.members.shape[0] - 1, seed), {}, content(concepts)
    index = {name: at for at, name in enumerate(concepts.names)}
    unlike = _unlike(*held_out, concepts)
    for source in sorted(set(certified["source"])):
        mine = certified.index[(certified["source"] == source) & certified["concept"].notna()]
        asked = [index[name] for name in certified["concept"][mine]]
        sides = []
        for side, (units, z) in enumerate((discovery, held_out)):
            use = half[getattr(units, source)] == side if source != "history" else np.ones(len(units), bool)
            use = np.flatnonzero(use)
            sides.append((z[use].tocsc(), labels(units.take(use), source, concepts, histories)))
        for latent, concept in zip(mine, asked):
            told[latent] = _one(sides, latent, concept) | {"intent": _intent(*unlike, latent, concept)}
    told = pd.DataFrame.from_dict(told, orient="index").reindex(index=certified.index, columns=COLUMNS)
    followed = _marks(discovery[1].tocsc(), held_out[1].tocsc(), known)
    flags = _flags(certified, told, followed, held_out)
    return certified.join(told.drop(columns="gain")).join(followed[["mark", "mark_ap"]]).assign(flag=flags)


def _one(sides: list, latent: int, concept: int) -> dict[str, float]:
    """What is measured of one latent and its concept."""
    (z, known), (test, held) = sides
    rows, value, hit, positives = _column(z, known, latent, concept)
    threshold = float(curve(value, hit[:, None], z.shape[0], np.array([positives]))[1][0])
    rows, value, hit, positives = _column(test, held, latent, concept)
    n, fires = test.shape[0], value >= threshold
    ap = float(curve(value, hit[:, None], n, np.array([positives]))[0][0])
    found = scores(*(np.float64(x) for x in (fires.sum(), positives, (fires & hit).sum())), n)
    rate = positives / n
    return {"threshold": threshold, **{name: float(x) for name, x in found.items()}, "ap": ap,
            "gain": (ap - rate) / max(1 - rate, 1e-12)}  # fmt: skip


def _unlike(units: Activations, z: csr_matrix, concepts: Concepts) -> tuple[csc_matrix, csc_matrix, csc_matrix]:
    """Latents and concepts, of the last item and of the next one, where a next one follows."""
    use = np.flatnonzero(units.next > 0)
    some = units.take(use)
    return z[use].tocsc(), labels(some, "last", concepts), labels(some, "next", concepts)


def _intent(z: csc_matrix, last: csc_matrix, following: csc_matrix, latent: int, concept: int) -> float:
    """Area under the curve for the next item's concept where the last item is of another."""
    rows, value, same, read = _column(z, last, latent, concept)
    hit = _column(z, following, latent, concept)[2]
    ahead, here = (x.indices[x.indptr[concept] : x.indptr[concept + 1]] for x in (following, last))
    return auroc(value[~same], hit[~same], z.shape[0] - read, len(np.setdiff1d(ahead, here)))


def _column(z: csc_matrix, known: csc_matrix, latent: int, concept: int) -> tuple:
    """Where a latent fires, how strongly, whether the concept holds there, and how often it does in all."""
    at = slice(z.indptr[latent], z.indptr[latent + 1])
    holds = known.indices[known.indptr[concept] : known.indptr[concept + 1]]
    return z.indices[at], z.data[at], np.isin(z.indices[at], holds), len(holds)


def _marks(z: csc_matrix, held: csc_matrix, known: tuple[Concepts, Concepts]) -> pd.DataFrame:
    """The mark that each latent foretells best on the discovery side, and how well it does held out."""
    order = {name: at for at, name in enumerate(known[1].names)}
    shared = [at for at, name in enumerate(known[0].names) if name in order]
    twin = np.array([order[known[0].names[at]] for at in shared])
    sides = [(z, known[0].members.tocsr()[:, shared]), (held, known[1].members.tocsr()[:, twin])]
    gains = []
    for values, members in sides:
        positives, n = np.asarray(members.sum(axis=0)).ravel(), members.shape[0]
        rate, rows = positives / n, []
        for latent in range(values.shape[1]):
            at = slice(values.indptr[latent], values.indptr[latent + 1])
            hit = members[values.indices[at]].toarray()
            rows.append((curve(values.data[at], hit, n, positives)[0] - rate) / np.maximum(1 - rate, 1e-12))
        gains.append((np.array(rows), rate))
    best, latents = gains[0][0].argmax(axis=1), np.arange(z.shape[1])
    gain, rate = gains[1][0][latents, best], gains[1][1][best]
    return pd.DataFrame({"mark": known[1].names[twin[best]], "mark_ap": gain * (1 - rate) + rate, "gain": gain,
                         "family": known[1].families[twin[best]]})  # fmt: skip


def _flags(certified: pd.DataFrame, told: pd.DataFrame, followed: pd.DataFrame, held_out: tuple) -> list[str]:
    """What a latent may be instead of a concept, joined with commas; empty where nothing speaks against it."""
    units, z = held_out
    means = by_item(z, read_at(units, "last", int(units.last.max())))
    first = np.argsort(-means, axis=0, kind="stable")[:TOP]
    first = np.where(np.take_along_axis(means, first, axis=0) > 0, first, 0)
    alive = max(1, int((certified["effective"] > 0).sum()))
    often = np.bincount(first.ravel(), minlength=len(means))
    hubs = np.flatnonzero((often > max(FEW, HUB * alive)) & (np.arange(len(often)) > 0))
    one = (certified["effective"] > 0) & (certified["effective"] < 2)
    hub = np.isin(first, hubs).any(axis=0)
    beaten = (followed["gain"] >= told["gain"].fillna(0)).to_numpy() & (certified["effective"] > 0).to_numpy()
    kind = followed["family"].map(NUISANCE)
    return [", ".join(name for name, so in (("one item", a), ("hub", b), (c, d and isinstance(c, str))) if so)
            for a, b, c, d in zip(one, hub, kind, beaten)]  # fmt: skip
