"""The synthetic shop: categories drive what is chosen and are certified, the decoy, as popular and unused, is not."""
import pytest

from workbench.experiment import open_bench
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.concepts.concept_test import certify
from workbench.probing.concepts.concepts import item_concepts

SETTINGS = {"k": 8, "latents": 256, "epochs": 30, "batch": 512}


def families(seed: int) -> dict[str, int]:
    """How many latents are certified for each family of concepts, in a world and a training of this seed."""
    bench = open_bench("synthetic", profile="smoke", seed=seed, options={"seed": seed})
    run = bench.fit("sasrec")
    read = train_sae.read(run, Site("blocks.0.out"))
    found = train_sae.dictionary(run, read, seed=seed, **SETTINGS)
    known = item_concepts(bench.dataset, bench.split, columns=("decoy",))
    assert "decoy" in known.families
    sides = [(part, found.latents_of(part.x)) for part in read.users(train_sae.SHARES)[1:]]
    table = certify(*sides, known, bench.split.train_counts(), draws=999)
    return table[table["certified"]]["family"].value_counts().to_dict()


def test_categories_are_certified():
    found = families(0)
    assert sum(count for family, count in found.items() if family.startswith("category")) >= 10
    assert "popularity" not in found


@pytest.mark.slow
def test_the_decoy_is_not():
    """At most 3 of 20 seeds: at a false-discovery rate of .05, one would be expected."""
    every = [families(seed) for seed in range(20)]
    assert sum("decoy" in found for found in every) <= 3, every
    assert all(any(family.startswith("category") for family in found) for found in every)
