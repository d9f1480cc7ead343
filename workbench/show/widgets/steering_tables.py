"""Push along a latent and watch one person's list, as tables; `dials` has the controls that call them live."""
import numpy as np
import pandas as pd

from workbench.data.schema import RAW
from workbench.errors import UserError
from workbench.experiment import Bench
from workbench.probing.concepts.concepts import item_concepts
from workbench.probing.interventions.dose_response import members, unpushed, was
from workbench.probing.interventions.steering import Steering
from workbench.show.dashboard.feature_card import COLUMNS
from workbench.show.figures.users import row_of
from workbench.show.tables import Table, table
from workbench.show.theme import shorten

TOLD = ("name", "concept", "certified", "source", "effect", "q", "precision", "recall", "f1", "flag")
SHOWN = (-2.0, 0.0, 2.0, 4.0)  # strengths that stand side by side where there are no controls


class Listener:
    """A test user who is asked about again and again; the list at strength 0 is kept.

    k: places of a list. UserError where the user has no test case.
    """

    def __init__(self, bench: Bench, steering: Steering, user: int, *, k: int = 10):
        row = row_of(bench, user)
        asked = bench.split.test.histories.take([row])
        self.bench, self.steering, self.user = bench, steering, user
        self.target, self.push = int(bench.split.test.targets[row]), steering.of(asked)
        self.base = unpushed(self.push, bench.split.n_items)[0]
        self.k = min(k, len(self.base))

    def pushed(self, latent: int, strength: float) -> pd.DataFrame:
        """The first k items at a strength: place, item, and before, its place at strength 0, 0 for none. UserError
        where there is no such latent."""
        items = self.push.lists(self.steering.step(latent, strength), self.k).items[0]
        return pd.DataFrame({"place": np.arange(1, len(items) + 1), "item": items, "before": was(items, self.base)})

    def titles(self, items: np.ndarray, length: int) -> list[str]:
        """Titles of items, cut; ▶ marks the one that was held out."""
        names = [shorten(title, length) for title in self.bench.dataset.titles(items)]
        return [f"▶ {name}" if item == self.target else name for item, name in zip(items, names)]


def moves(before: int, place: int, k: int, depth: int) -> str:
    """Where an item comes from, in words: k places are shown, `depth` are known at strength 0.

    >>> [moves(before, 2, 10, 100) for before in (2, 5, 1, 37, 0)]
    ['', '▲ from 5', '▼ from 1', '▲ in, from 37', '▲ in, from below 100']
    """
    if before == place:
        return ""
    if before == 0 or before > k:
        return f"▲ in, from {before or f'below {depth}'}"
    return f"{'▲' if before > place else '▼'} from {before}"


def reranked(listener: Listener, latent: int, strength: float, *, member: np.ndarray, concept: str = "") -> Table:
    """A user's list when pushed along a latent: titles, what moved up or in, and which are of the concept.

    member: (I+1,) bool, the concept's items; all False where there is none. UserError where there is no such latent.
    """
    found, first = listener.pushed(latent, strength), listener.base[: listener.k]
    items, known = found["item"].to_numpy(), bool(member.any())
    of = {"concept": ["●" if own else "" for own in member[items]]} if known else {}
    k, depth = listener.k, len(listener.base)
    moved = [moves(before, place, k, depth) for place, before in zip(found["place"], found["before"])]
    frame = pd.DataFrame({"place": found["place"], "item": listener.titles(items, 60), **of, "moved": moved})
    gone = listener.titles(np.setdiff1d(first, items, assume_unique=True), 40)
    said = f"Strength {strength:+g}. " if strength else "Strength 0, the list as it is. "
    if known:
        name = shorten(concept or "the concept", 60)
        said += f"{member[items].mean():.0%} of the list is of {name} ●, {member[first].mean():.0%} at strength 0. "
    said += f"{len(gone)} of {len(items)} are new{'; gone: ' + ' · '.join(gone) if gone else ''}."
    return table(frame, index=False, caption=said)


def ladder(listener: Listener, latent: int, *, member: np.ndarray, strengths: tuple[float, ...] = SHOWN) -> Table:
    """A user's lists at several strengths side by side; ● is of the concept, ▲ moved up or in."""
    columns, share = {}, []
    for strength in strengths:
        found = listener.pushed(latent, strength)
        items, up = found["item"].to_numpy(), (found["before"] == 0) | (found["before"] > found["place"])
        share.append(f"{member[items].mean():.0%}")
        columns[f"strength {strength:+g}" if strength else "as it is"] = [
            f"{'● ' if own else ''}{title}{' ▲' if rose else ''}"
            for own, title, rose in zip(member[items], listener.titles(items, 36), up)
        ]
    frame = pd.DataFrame(columns, index=pd.RangeIndex(1, listener.k + 1, name="place"))
    raw = shorten(listener.bench.dataset.users[RAW].loc[listener.user], 30)
    said = f"User {raw}, pushed along latent {latent}. ▲ moved up or in; ▶ was held out."
    if member.any():
        said += f" ● is of the latent's concept: {', '.join(share)} of the lists."
    return table(frame, caption=said)


def concept_row(certified: pd.DataFrame, latent: int) -> Table:
    """What the certified table says of a latent, in the columns it has. UserError where it is not in the table."""
    if latent not in certified.index:
        raise UserError(f"latent {latent} is not in the certified table, whose last is {certified.index[-1]}")
    row = certified.loc[[latent]]
    kept = [name for name in TOLD if name in row]
    named = row[kept].rename(columns={name: COLUMNS[name][0] for name in kept if name in COLUMNS})
    return table(named, digits=3, caption="↑ more is better, ↓ less is better.")


def ordered(certified: pd.DataFrame) -> np.ndarray:
    """Latents that were tested, the certified first, by effect. UserError where none was."""
    tested = certified[certified["p"].notna()]
    if not len(tested):
        raise UserError("no latent fires on enough items to be tested, so there is none to steer by", code=3)
    return tested.sort_values(["certified", "effect"], ascending=False, kind="stable").index.to_numpy()


def concept_items(bench: Bench, steering: Steering, rows: pd.DataFrame) -> np.ndarray:
    """(n, I+1) bool: the items of each latent's concept, of rows of a certified table; none where it has none."""
    known = item_concepts(bench.dataset, bench.split, codes=getattr(steering.recommender, "codes", None))
    return members(known, rows["concept"])
