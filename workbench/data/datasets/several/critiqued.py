"""A dataset with critiques made of attributes: of=office. What a user says after an item, to steer to the next one."""
from dataclasses import replace

from workbench.data.critiques.attribute_differences import with_critiques
from workbench.data.critiques.findings import critique_findings
from workbench.data.datasets import beauty, grocery, movielens_small, office, sports, toys
from workbench.data.schema import Dataset
from workbench.errors import unknown_name

# named one by one, so that the code of each is part of the key of what is made of it
SOURCES = {"office": office, "movielens-small": movielens_small, "beauty": beauty, "toys": toys, "sports": sports,
           "grocery": grocery}  # fmt: skip


def load(*, of: str = "office", seed: int = 0) -> Dataset:
    """The dataset `of` with the event column `critique` and the table `critiques`, a stand-in for REGEN's.

    A critique keeps a category of the last item and adds an attribute of the next one, in words: it knows the target,
    so results with critiques stand beside others with critiques alone. seed: of the choice among attributes. UserError
    for a dataset without categories, or another name.
    """
    name = of.strip().replace("_", "-")
    if name not in SOURCES:
        raise unknown_name("dataset with critiques, option of=", of, SOURCES)
    made = replace(with_critiques(SOURCES[name].load(), seed=seed), name=f"{name}+critiques")
    findings = [*made.about.get("findings", []), *map(list, critique_findings(made))]
    return replace(made, about={**made.about, "findings": findings})
