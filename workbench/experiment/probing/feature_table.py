"""A stored stage: the concept of each latent, how well it predicts where the latent is active, confounds, a name."""
import pandas as pd

from workbench import llm
from workbench.experiment.probing.train_sae import discovery_and_test
from workbench.experiment.run import Run
from workbench.interfaces import codes_of
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import ANY, concept_test
from workbench.probing.concepts.concepts import Concepts, item_concepts
from workbench.probing.concepts.position_confounds import position_confound_test, position_confounds
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.naming import auto_interp
from workbench.probing.naming.concept_scores import concept_scores
from workbench.probing.naming.language_model import LanguageModelNamer
from workbench.probing.naming.predicates import align, name_latents, predicates
from workbench.stages import stage


@stage("feature-table")
def feature_table(
    run: Run, activations: Activations, dictionary: Dictionary, *, source: str = ANY, draws: int = 999
) -> pd.DataFrame:
    """The concept of each latent, one row per latent: the columns of `concept_test`, `concept_scores` and
    `name_latents`, and confound_q, the q-value of its strongest position confound. Stored.

    source: the item whose concepts are tested, as of `concept_test`. draws: permutations. Raises UserError where the
    dictionary was trained at another site.
    """
    bench = run.bench()
    concepts, train, counts = item_concepts_of(run), bench.split.train, bench.split.train_counts()
    splits = discovery_and_test(activations, dictionary)
    confounds = tuple(position_confounds(positions, train, counts) for positions, _ in splits)
    table = concept_test(*splits, concepts, counts, source=source, histories=train, draws=draws)
    table = concept_scores(table, *splits, concepts, confounds, train)
    confound_tests = position_confound_test(*splits, confounds, chosen=table["confound"].to_numpy())
    table["confound_q"] = confound_tests["q"].to_numpy()
    (positions, z), (test, test_z) = splits
    candidates = predicates(positions, concepts, confounds[0], train)
    test_candidates = align(candidates, predicates(test, concepts, confounds[1], train))
    return table.join(name_latents((candidates, z), (test_candidates, test_z)))


def generated_names(
    run: Run, activations: Activations, dictionary: Dictionary, latents: list[int], namer: str = "words"
) -> pd.DataFrame:
    """Names of `latents` from item titles alone, and how well each name predicts where its latent is active, a row per
    latent, as of `auto_interp.evaluate_names`.

    namer: "words" (log-odds of title words), or a causal language model as of `llm.load`, such as its folder, which
    runs locally. Raises UserError where there is no such model, or the extra `llm` is not installed.
    """
    bench, splits = run.bench(), discovery_and_test(activations, dictionary)
    titles = bench.dataset.titles()
    words = namer == "words"
    model = auto_interp.LogOddsNamer(list(titles[1:])) if words else LanguageModelNamer(llm.load(namer))
    return auto_interp.evaluate_names(model, latents, *splits, bench.split.train, titles, seed=bench.seed)


def item_concepts_of(run: Run) -> Concepts:
    """The item concepts of a run's dataset, with the code prefixes if its recommender decodes semantic IDs."""
    bench = run.bench()
    return item_concepts(bench.dataset, bench.split, codes=codes_of(run.recommender()))
