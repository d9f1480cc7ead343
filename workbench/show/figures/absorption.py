"""Concepts that hold others, in front of a person: what few latents tell of a category, and what one leaves out."""
from workbench.experiment import Run
from workbench.experiment.probing import concept_hierarchy
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.show.tables import Table, table

NOTHING = "No categories are known here, so there is nothing to tell."


def told_by_few(run: Run, read: Activations, kinds: dict[str, Dictionary]) -> Table:
    """What the best few latents of each dictionary tell of the first category of the item read, as shares of what a
    dense probe of the activations tells, as `hierarchy.told_by_few`."""
    told = concept_hierarchy.told_by_few(run, read, kinds)
    ours, one = told.index[0], told["best 1"]
    if one.isna().all():
        return table(told, caption=NOTHING)
    said = (f"One latent of {ours} tells {one[ours]:.0%} of what a dense probe tells of a category beyond chance, "
            f"one of {one.idxmax()} {one.max():.0%}, the most.")  # fmt: skip
    return table(told, digits=2, caption=said)


def left_out(run: Run, read: Activations, found: Dictionary, *, n: int = 8) -> Table:
    """The children that the latents of categories leave out most, as `hierarchy.left_out`."""
    told = concept_hierarchy.left_out(run, read, found)
    if not len(told):
        return table(told, caption=NOTHING)
    sure = int((told["q"] < 0.05).sum())
    said = (f"Of {len(told)} categories within categories {sure} are left out by their parent's latent more than "
            "chance allows.")  # fmt: skip
    shown = told[["category", "child", "rest", "inside", "gap", "q", "taken over"]]
    return table(shown.head(n), digits=2, caption=said, index=False)
