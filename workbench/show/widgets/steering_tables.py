"""One user's recommendations steered along a latent, as tables; `steering` has the widgets that call them live."""
import numpy as np
import pandas as pd

from workbench.data.schema import RAW
from workbench.errors import UserError
from workbench.experiment import Bench
from workbench.experiment.browse.users import row_of_user
from workbench.interfaces import codes_of
from workbench.probing.concepts.concepts import item_concepts
from workbench.probing.interventions.dose_response import concept_members, rank_in, unsteered_items
from workbench.probing.interventions.steering import Steering
from workbench.show.dashboard.feature_card import COLUMNS
from workbench.show.tables import Table, table
from workbench.show.theme import shorten

SHOWN = ("name", "concept", "significant", "source", "effect", "q", "precision", "recall", "f1", "flag")
STRENGTHS = (-2.0, 0.0, 2.0, 4.0)  # of the lists shown side by side without widgets


class SteeredUser:
    """A test user whose recommendations are steered repeatedly; the unsteered list is computed once.

    k: length of the lists. UserError where the user has no test case.
    """

    def __init__(self, bench: Bench, steering: Steering, user: int, *, k: int = 10):
        row = row_of_user(bench, user)
        self.bench, self.steering, self.user = bench, steering, user
        self.target = int(bench.split.test.targets[row])
        self.steered = steering.for_histories(bench.split.test.histories.take([row]))
        self.unsteered = unsteered_items(self.steered, bench.split.n_items)[0]
        self.k = min(k, len(self.unsteered))

    def top_k(self, latent: int, strength: float) -> pd.DataFrame:
        """The top k at a strength: rank, item, and rank_before, its rank at strength 0, 0 for none. UserError where
        there is no such latent."""
        items = self.steered.recommend(self.steering.step(latent, strength), self.k).items[0]
        before = rank_in(items, self.unsteered)
        return pd.DataFrame({"rank": np.arange(1, len(items) + 1), "item": items, "rank_before": before})

    def titles(self, items: np.ndarray, length: int) -> list[str]:
        """Titles of items, cut; ▶ marks the held-out one."""
        names = [shorten(title, length) for title in self.bench.dataset.titles(items)]
        return [f"▶ {name}" if item == self.target else name for item, name in zip(items, names)]


def rank_change(before: int, rank: int, k: int, depth: int) -> str:
    """The change of an item's rank in words. k: length of the list; depth: that of the unsteered list.

    >>> [rank_change(before, 2, 10, 100) for before in (2, 5, 1, 37, 0)]
    ['', '▲ from 5', '▼ from 1', '▲ in, from 37', '▲ in, from below 100']
    """
    if before == rank:
        return ""
    if before == 0 or before > k:
        return f"▲ in, from {before or f'below {depth}'}"
    return f"{'▲' if before > rank else '▼'} from {before}"


def table_steered_list(
    user: SteeredUser, latent: int, strength: float, *, member: np.ndarray, concept: str = ""
) -> Table:
    """A user's top k steered along a latent: titles, changes of rank, and which items have the concept.

    member: (I+1,) bool, the concept's items; all False where there is none. UserError where there is no such latent.
    """
    top, before = user.top_k(latent, strength), user.unsteered[: user.k]
    items, has_concept = top["item"].to_numpy(), bool(member.any())
    marks = {"concept": ["●" if own else "" for own in member[items]]} if has_concept else {}
    depth = len(user.unsteered)
    changes = [rank_change(old, rank, user.k, depth) for rank, old in zip(top["rank"], top["rank_before"])]
    frame = pd.DataFrame({"rank": top["rank"], "item": user.titles(items, 60), **marks, "change": changes})
    dropped = user.titles(np.setdiff1d(before, items, assume_unique=True), 40)
    caption = f"Strength {strength:+g}. " if strength else "Strength 0, the list without steering. "
    if has_concept:
        name = shorten(concept or "the concept", 60)
        share, unsteered = member[items].mean(), member[before].mean()
        caption += f"{share:.0%} of the list has {name} ●, {unsteered:.0%} at strength 0. "
        if strength and (share - unsteered) * strength <= 0:
            caption += f"Its share did not {'rise' if strength > 0 else 'fall'}. "
    caption += f"{len(dropped)} of {len(items)} are new{'; dropped: ' + ' · '.join(dropped) if dropped else ''}."
    return table(frame, index=False, caption=caption)


def table_strengths(
    user: SteeredUser, latent: int, *, member: np.ndarray, concept: str = "", strengths: tuple[float, ...] = STRENGTHS
) -> Table:
    """A user's top k at several strengths side by side; ● has the concept, ▲ moved up or in. The caption says whether
    the concept's share rises."""
    columns, share = {}, []
    for strength in strengths:
        top = user.top_k(latent, strength)
        items, rose = top["item"].to_numpy(), (top["rank_before"] == 0) | (top["rank_before"] > top["rank"])
        share.append(float(member[items].mean()))
        columns[f"strength {strength:+g}" if strength else "unsteered"] = [
            f"{'● ' if own else ''}{title}{' ▲' if up else ''}"
            for own, title, up in zip(member[items], user.titles(items, 36), rose)
        ]
    frame = pd.DataFrame(columns, index=pd.RangeIndex(1, user.k + 1, name="rank"))
    raw = shorten(user.bench.dataset.users[RAW].loc[user.user], 30)
    caption = f"User {raw}, steered along latent {latent}. ▲ moved up or in; ▶ is the held-out item."
    if member.any():
        caption += f" ● has {shorten(concept or 'its concept', 60)}: {', '.join(f'{one:.0%}' for one in share)} of the "
        caption += f"lists. {_rise(share, strengths, float(member[user.unsteered[: user.k]].mean()))}"
    return table(frame, caption=caption)


def _rise(share: list[float], strengths: tuple[float, ...], unsteered: float) -> str:
    """Where the share of a concept rises most, in a sentence.

    >>> _rise([0.0, 0.1, 0.4, 0.4], (-2.0, 0.0, 2.0, 4.0), 0.1), _rise([0.2, 0.1], (-2.0, 4.0), 0.1)
    ('Its share rises from 10% to 40% at strength +2.', 'Its share rises at none of these strengths.')
    """
    positive = [(one, -strength) for one, strength in zip(share, strengths) if strength > 0]
    most, strength = max(positive, default=(unsteered, 0.0))
    if most <= unsteered:
        return "Its share rises at none of these strengths."
    return f"Its share rises from {unsteered:.0%} to {most:.0%} at strength {-strength:+g}."


def table_feature(features: pd.DataFrame, latent: int) -> Table:
    """A latent's row of the feature table, in the columns that it has. UserError where it is not in the table."""
    if latent not in features.index:
        raise UserError(f"latent {latent} is not in the feature table, whose last is {features.index[-1]}")
    row = features.loc[[latent]]
    columns = [name for name in SHOWN if name in row]
    named = row[columns].rename(columns={name: COLUMNS[name][0] for name in columns if name in COLUMNS})
    return table(named, digits=3, caption="↑ higher is better, ↓ lower is better.")


def by_significance(features: pd.DataFrame) -> np.ndarray:
    """Latents that were tested, significant ones first, by effect size. UserError where none was."""
    tested = features[features["p"].notna()]
    if not len(tested):
        raise UserError("no latent is active on enough items to be tested, so there is none to steer by", code=3)
    return tested.sort_values(["significant", "effect"], ascending=False, kind="stable").index.to_numpy()


def concept_masks(bench: Bench, steering: Steering, rows: pd.DataFrame) -> np.ndarray:
    """(n, I+1) bool: the items of each latent's concept, of rows of a feature table; none where it has none."""
    concepts = item_concepts(bench.dataset, bench.split, codes=codes_of(steering.recommender))
    return concept_members(concepts, rows["concept"])
