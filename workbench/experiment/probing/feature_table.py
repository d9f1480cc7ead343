"""The concept dictionary of a run's latents, a stored stage: what each stands for, how well that tells when it fires,
what else may be behind it, and its name."""
from pathlib import Path

import pandas as pd

from workbench.artifacts import code_hash
from workbench.experiment.probing.train_sae import sides
from workbench.experiment.run import Run
from workbench.llm import causal_lm
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import ANY, certify
from workbench.probing.concepts.concepts import Concepts, item_concepts
from workbench.probing.concepts.position_confounds import certify_marks, marks
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.naming import auto_interp
from workbench.probing.naming.concept_scores import describe
from workbench.probing.naming.predicates import aligned, name, predicates


def latents(run: Run, cached: Activations, found: Dictionary, *, source: str = ANY, draws: int = 999) -> pd.DataFrame:
    """A row a latent of a dictionary learned on `cached`: the columns of `certify`, `describe` and `naming.name`, and
    mark_q, the q-value of the mark that it follows most. Stored."""
    bench = run.bench()
    inputs = {"run": run.key, "at": cached.fingerprint, "dictionary": found.digest(), "source": source,
              "draws": draws, "code": code_hash("probing", "experiment/probing/feature_table.py",
                                                "experiment/probing/train_sae.py")}  # fmt: skip

    def make(folder: Path) -> None:
        known, train, counts = concepts(run), bench.split.train, bench.split.train_counts()
        parts = sides(cached, found)
        marked = tuple(marks(units, train, counts) for units, _ in parts)
        table = certify(*parts, known, counts, source=source, histories=train, draws=draws)
        table = describe(table, *parts, known, marked, train)
        table["mark_q"] = certify_marks(*parts, marked, chosen=table["mark"].to_numpy())["q"].to_numpy()
        said = [predicates(units, known, mark, train) for (units, _), mark in zip(parts, marked)]
        named = name((said[0], parts[0][1]), (aligned(*said), parts[1][1]))
        table.join(named).to_parquet(folder / "latents.parquet")

    return pd.read_parquet(bench.store.get("latents", inputs, make) / "latents.parquet")


def named(run: Run, cached: Activations, found: Dictionary, asked: list[int], namer: str = "words") -> pd.DataFrame:
    """Names by titles alone for the latents `asked`, and how well a name foretells where its latent fires, a row each:
    see `namers.judged`. namer: words, or the folder of a causal language model as transformers saves it, which is asked
    on this machine. UserError where that is no model, or the extra `text` is not installed."""
    bench, parts = run.bench(), sides(cached, found)
    titles = bench.dataset.titles()
    who = auto_interp.Words(list(titles[1:])) if namer == "words" else causal_lm.LocalModel(namer)
    return auto_interp.judged(who, asked, *parts, bench.split.train, titles, seed=bench.seed)


def concepts(run: Run) -> Concepts:
    """What is known of the items of a run, its codes' prefixes too where it has codes."""
    bench = run.bench()
    return item_concepts(bench.dataset, bench.split, codes=getattr(run.recommender(), "codes", None))
