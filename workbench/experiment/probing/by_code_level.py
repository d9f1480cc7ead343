"""Stages of a probe on a run that spells items, level by level; measured on users that no dictionary was learned on.

`dictionaries` are a tuple of L, one for each level; where all share one it stands there L times.
"""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.diagnose.models import beam_search, mutual_information
from workbench.diagnose.models import codes as tables
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.experiment.probing.causal_tests import held_out
from workbench.experiment.probing.feature_table import concepts
from workbench.experiment.probing.train_sae import SHARES, data_of, dictionary
from workbench.experiment.run import Run
from workbench.probing.activations.hooks import fingerprint
from workbench.probing.activations.store import Activations
from workbench.probing.activations.token_positions import only, standing_in
from workbench.probing.concepts.code_confound import beyond_the_code, reach
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import ablation, per_level
from workbench.probing.interventions.faithfulness import recovered
from workbench.tokens import ItemCodes

CATEGORY = "category"  # how the families of a shop's categories begin


def spells(run: Run) -> bool:
    """Whether a run's network spells items in codes, so that there are levels to tell apart."""
    model = run.recommender()
    return hasattr(model, "spell_out") and model.codes.levels > 1


def at(cached: Activations, level: int) -> Activations:
    """The units of one level, marked as a place of their own: what is learned there is refused elsewhere."""
    return replace(cached.take(cached.level == level), fingerprint=f"{cached.fingerprint}/{level}")


def shared(
    run: Run, cached: Activations, *, kind: str = "topk", k: int = 8, seed: int = 0, latents: int = 0, epochs: int = 50,
    batch: int = 4096,
) -> tuple[Dictionary, ...]:  # fmt: skip
    """One dictionary for all levels, from `probing.dictionary`; latents, epochs, batch: of kinds that are trained."""
    learned = {"latents": latents, "epochs": epochs, "batch": batch} if kind in sae.FORMS else {}
    return (dictionary(run, cached, kind=kind, k=k, seed=seed, **learned),) * (int(cached.level.max()) + 1)


def separate(
    run: Run, cached: Activations, *, kind: str = "topk", k: int = 8, seed: int = 0, latents: int = 0, epochs: int = 50,
    batch: int = 4096,
) -> tuple[Dictionary, ...]:  # fmt: skip
    """A dictionary for each level, learned on the units of that level; all with as many latents."""
    learned = {"latents": latents, "epochs": epochs, "batch": batch} if kind in sae.FORMS else {}
    parts = [at(cached, level) for level in range(int(cached.level.max()) + 1)]
    return tuple(dictionary(run, part, kind=kind, k=k, seed=seed, **learned) for part in parts)


def _model(run: Run, cached: Activations, trained: bool, dictionaries: Sequence[Dictionary] = (), users: int = 0):
    """The network that the activations are of, and its test cases of held-out users. UserError where it is not it."""
    bench = run.bench()
    model = run.recommender() if trained else bench.build(run.system, **run.info["settings"])
    mark = fingerprint(model.module, cached.site, data_of(run))
    if cached.fingerprint != mark:
        raise UserError(f"these activations ({cached.fingerprint}) are not of this network ({mark}); read them again")
    for level, made in enumerate(dictionaries):
        made.on(f"{mark}/{level}" if "/" in made.fingerprint else mark)
    return model, held_out(run, cached, users=users)


def means(cached: Activations) -> np.ndarray:
    """(L, D) mean activation of each level, over the users that dictionaries are learned on."""
    return per_level.level_means(cached.users(SHARES)[0])


def unexplained(cached: Activations, kinds: dict[str, Sequence[Dictionary]]) -> pd.DataFrame:
    """`spelled.fvu_by_level` on held-out users."""
    return per_level.fvu_by_level(kinds, cached.users(SHARES)[2])


def kept(
    run: Run, cached: Activations, dictionaries: Sequence[Dictionary], *, trained: bool = True, own: bool = False,
    users: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """`spelled.recovered_by_level` on the test cases of held-out users, at most `users` if not 0. trained: False with
    activations that `read` gave of the network before training."""
    model, cases = _model(run, cached, trained, dictionaries, users)
    return per_level.recovered_by_level(model, cached.site, cases, dictionaries, means(cached), own=own)


def by_level(
    run: Run, cached: Activations, kinds: dict[str, Dictionary], *, users: int = 0
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """`unexplained`, and `kept` by kind, of dictionaries that all levels share. users: as `kept`."""
    every = {kind: (found,) * (int(cached.level.max()) + 1) for kind, found in kinds.items()}
    return unexplained(cached, every), {kind: kept(run, cached, made, users=users) for kind, made in every.items()}


def attributed(run: Run, cached: Activations, *, trained: bool = True) -> np.ndarray:
    """`spelled.attribution`, (C, L, L), on the test cases of held-out users."""
    model, cases = _model(run, cached, trained)
    return per_level.attribution(model, cached.site, cases, means(cached))


def beyond(
    run: Run, cached: Activations, dictionaries: Sequence[Dictionary], *, codes_too: bool = False, draws: int = 999
) -> pd.DataFrame:
    """`beyond_the_code` of the shop's categories; codes_too: with code prefixes among the concepts, which a latent then
    may go with better than with any category."""
    sides = [(part, per_level.latents(dictionaries, part)) for part in cached.users(SHARES)[1:]]
    return beyond_the_code(*sides, *_known(run, codes_too), draws=draws)


def reachable(run: Run, cached: Activations, *, draws: int = 999) -> pd.DataFrame:
    """`beyond.reach` of the shop's categories: what the test could have seen, and what a dense direction has."""
    return reach(*cached.users(SHARES)[1:], *_known(run, False), draws=draws)


def _known(run: Run, codes_too: bool) -> tuple[Concepts, ItemCodes, np.ndarray]:
    known = concepts(run)
    asked = [family.startswith((CATEGORY, "code") if codes_too else CATEGORY) for family in known.families]
    return known.take(np.flatnonzero(asked)), run.recommender().codes, run.bench().split.train_counts()


def told(run: Run) -> pd.DataFrame | None:
    """How much of the first category the run's codes tell (`category_information`); None without categories."""
    labels = tables.categories(run.bench().dataset)
    return None if labels is None else mutual_information.category_information(run.recommender().codes, labels)


def stand_in(run: Run, cached: Activations, dictionaries: Sequence[Dictionary]) -> pd.DataFrame:
    """Beams of the usual width with reconstructions at every slot, and with the means of the levels or zeros: a row for
    base, spliced, mean and zero, with ndcg@10, recovered_ndcg (low, high) against each ablation, and the share of cases
    whose true prefix is in the beam after each code (kept_1 ..). Test cases of held-out users."""
    model, cases = _model(run, cached, True, dictionaries)
    split, zero = run.bench().split, [lambda x: x * 0] * len(dictionaries)
    edits = {"base": [], "spliced": [lambda x, d=d: d.decode(d.encode(x)) for d in dictionaries],
             "mean": per_level.flattened(means(cached)), "zero": zero}  # fmt: skip
    rows, scores = {}, {}
    for name, chosen in edits.items():
        with standing_in(model, cached.site, dict(enumerate(chosen))):
            found = evaluate(model, cases, split, quiet=True)
            after = beam_search.search(model, cases.histories, beam=model.beam, masked=split.protocol.mask_history)
        scores[name] = per_case("ndcg@10", found.ranks, found.groups)
        held = beam_search.prefix_recall(beam_search.kept(after, model.codes.trie, cases.targets))
        rows[name] = {"ndcg@10": scores[name].mean()} | {f"kept_{n}": share for n, share in enumerate(held, start=1)}
    for name in ("mean", "zero"):
        share = recovered(scores["base"], scores["spliced"], scores[name])
        rows[name] |= {"recovered": share.share, "low": share.low, "high": share.high, "said": share.said}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("stands in")


def steered(
    run: Run, cached: Activations, direction: np.ndarray, amounts: list[float], member: np.ndarray, *,
    levels: tuple[int, ...] = (), own: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """`steer.dose` at the slots of these levels (all of them without), on the test cases of held-out users, with the
    share of what beams hold at the end that is no item: invalid, within the trie, 0 or something is broken; and
    invalid_free, of beams that may leave it. member: (I+1,) bool."""
    model, cases = _model(run, cached, True)
    standing = only(*(levels or range(model.codes.levels)), own=own)
    curve = ablation.dose(model, cached.site, direction, amounts, cases, member, standing=standing)
    for name, constrained in (("invalid", True), ("invalid_free", False)):
        shares = []
        for amount in amounts:
            with standing(model, cached.site, ablation.pushed(direction, amount)):
                found = beam_search.search(model, cases.histories, beam=model.beam, constrained=constrained)
            shares.append(beam_search.invalid_share(found)[0])
        curve[name] = shares
    return curve
