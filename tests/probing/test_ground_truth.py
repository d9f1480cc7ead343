"""The synthetic dataset: categories, which drive the choices, are significant; the unused decoy attribute is not."""
import pytest

from workbench.experiment import open_bench
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.concepts.concept_test import concept_test
from workbench.probing.concepts.concepts import item_concepts

SETTINGS = {"k": 8, "latents": 256, "epochs": 30, "batch": 512}


def families(seed: int) -> dict[str, int]:
    """The number of significant latents per concept family, for data and training with this seed."""
    bench = open_bench("synthetic", profile="smoke", seed=seed, options={"seed": seed})
    run = bench.fit("sasrec")
    read = train_sae.read_activations(run, Site("blocks.0.out"))
    found = train_sae.train_dictionary(run, read, seed=seed, **SETTINGS)
    known = item_concepts(bench.dataset, bench.split, columns=("decoy",))
    assert "decoy" in known.families
    sides = [(part, found.encode_sparse(part.x)) for part in read.split_users(train_sae.SHARES)[1:]]
    table = concept_test(*sides, known, bench.split.train_counts(), draws=999)
    return table[table["significant"]]["family"].value_counts().to_dict()


@pytest.mark.slow
def test_categories_are_significant():
    found = families(0)
    assert sum(count for family, count in found.items() if family.startswith("category")) >= 10
    assert "popularity" not in found


@pytest.mark.slow
def test_the_decoy_is_not_significant():
    """At most 3 of 20 seeds: at a false-discovery rate of .05, one would be expected."""
    every = [families(seed) for seed in range(20)]
    assert sum("decoy" in found for found in every) <= 3, every
    assert all(any(family.startswith("category") for family in found) for found in every)
