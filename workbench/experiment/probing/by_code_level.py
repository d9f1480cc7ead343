"""Probing a run that decodes semantic IDs, level by level; measured on users that no dictionary was trained on.

`dictionaries` is a tuple of L dictionaries, one per code level; a shared dictionary is repeated L times.
"""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from workbench.diagnose.models import beam_search, mutual_information
from workbench.diagnose.models import codes as tables
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.experiment.probing.causal_tests import held_out_cases
from workbench.experiment.probing.feature_table import item_concepts_of
from workbench.experiment.probing.train_sae import SHARES, data_fingerprint, train_dictionary
from workbench.experiment.run import Run
from workbench.interfaces import HasBeam
from workbench.probing.activations.hooks import fingerprint
from workbench.probing.activations.store import Activations
from workbench.probing.activations.token_positions import only_levels, patched_levels
from workbench.probing.concepts.code_confound import prefix_conditional_test, prefix_test_power
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import dose_response, per_level, steering
from workbench.probing.interventions.faithfulness import recovered
from workbench.tokens import ItemCodes

CATEGORY = "category"  # prefix of the families of category concepts


def decodes_semantic_ids(run: Run) -> bool:
    """Whether a run's network decodes semantic IDs of more than one level."""
    model = run.recommender()
    return isinstance(model, HasBeam) and model.codes.levels > 1


def positions_of_level(activations: Activations, level: int) -> Activations:
    """The positions of one level, with a fingerprint of their own, so that other levels reject dictionaries of them."""
    return replace(activations.take(activations.level == level), fingerprint=f"{activations.fingerprint}/{level}")


def shared_dictionaries(
    run: Run, activations: Activations, *, kind: str = "topk", k: int = 8, seed: int = 0, latents: int = 0,
    epochs: int = 50, batch: int = 4096,
) -> tuple[Dictionary, ...]:  # fmt: skip
    """One dictionary for all levels, from `train_dictionary`. latents, epochs, batch: for kinds that are trained."""
    settings = {"latents": latents, "epochs": epochs, "batch": batch} if kind in sae.SAE_KINDS else {}
    dictionary = train_dictionary(run, activations, kind=kind, k=k, seed=seed, **settings)
    return (dictionary,) * (int(activations.level.max()) + 1)


def separate_dictionaries(
    run: Run, activations: Activations, *, kind: str = "topk", k: int = 8, seed: int = 0, latents: int = 0,
    epochs: int = 50, batch: int = 4096,
) -> tuple[Dictionary, ...]:  # fmt: skip
    """A dictionary for each level, trained on the positions of that level; all have the same number of latents."""
    settings = {"latents": latents, "epochs": epochs, "batch": batch} if kind in sae.SAE_KINDS else {}
    by_level = [positions_of_level(activations, level) for level in range(int(activations.level.max()) + 1)]
    return tuple(train_dictionary(run, positions, kind=kind, k=k, seed=seed, **settings) for positions in by_level)


def _model(run: Run, activations: Activations, trained: bool, dictionaries: Sequence[Dictionary] = (), users: int = 0):
    """The recommender and its test cases of held-out users. Raises UserError where the activations or the dictionaries
    are of another network."""
    model = run.recommender() if trained else run.untrained()
    expected = fingerprint(model.module, activations.site, data_fingerprint(run))
    if activations.fingerprint != expected:
        raise UserError(f"these activations ({activations.fingerprint}) are not of this network ({expected}); "
                        "record them again")  # fmt: skip
    for level, dictionary in enumerate(dictionaries):
        dictionary.check_site(f"{expected}/{level}" if "/" in dictionary.fingerprint else expected)
    return model, held_out_cases(run, activations, users=users)


def means(activations: Activations) -> np.ndarray:
    """(L, D) mean activation of each level, over the users that dictionaries are trained on."""
    return per_level.level_means(activations.split_users(SHARES)[0])


def fvu_by_level(activations: Activations, kinds: dict[str, Sequence[Dictionary]]) -> pd.DataFrame:
    """`per_level.fvu_by_level` on held-out users."""
    return per_level.fvu_by_level(kinds, activations.split_users(SHARES)[2])


def recovered_by_level(
    run: Run, activations: Activations, dictionaries: Sequence[Dictionary], *, trained: bool = True,
    target_only: bool = False, users: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """`per_level.recovered_by_level` on the test cases of held-out users, at most `users` of them, 0 for all. trained:
    False for activations of the network before training."""
    model, cases = _model(run, activations, trained, dictionaries, users)
    return per_level.recovered_by_level(model, activations.site, cases, dictionaries, means(activations),
                                        target_only=target_only)  # fmt: skip


def level_tables(
    run: Run, activations: Activations, kinds: dict[str, Dictionary], *, users: int = 0
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """`fvu_by_level`, and `recovered_by_level` by kind, of dictionaries that all levels share."""
    shared = {kind: (dictionary,) * (int(activations.level.max()) + 1) for kind, dictionary in kinds.items()}
    recovered = {kind: recovered_by_level(run, activations, by_level, users=users) for kind, by_level in shared.items()}
    return fvu_by_level(activations, shared), recovered


def position_attribution(run: Run, activations: Activations, *, trained: bool = True) -> np.ndarray:
    """`per_level.attribution`, (C, L, L), on the test cases of held-out users."""
    model, cases = _model(run, activations, trained)
    return per_level.attribution(model, activations.site, cases, means(activations))


def concepts_beyond_codes(
    run: Run, activations: Activations, dictionaries: Sequence[Dictionary], *, codes_too: bool = False, draws: int = 999
) -> pd.DataFrame:
    """`prefix_conditional_test` of the item categories. codes_too: with code prefixes among the concepts, which may fit
    a latent better than any category."""
    discovery_test = activations.split_users(SHARES)[1:]
    splits = [(positions, per_level.latents_by_level(dictionaries, positions)) for positions in discovery_test]
    return prefix_conditional_test(*splits, *_test_inputs(run, codes_too), draws=draws)


def concept_test_power(run: Run, activations: Activations, *, draws: int = 999) -> pd.DataFrame:
    """`prefix_test_power` of the item categories: p-values of an oracle latent and of a dense direction."""
    return prefix_test_power(*activations.split_users(SHARES)[1:], *_test_inputs(run, False), draws=draws)


def _test_inputs(run: Run, codes_too: bool) -> tuple[Concepts, ItemCodes, np.ndarray]:
    """The concepts to test, the codes, and the train counts."""
    concepts, prefixes = item_concepts_of(run), (CATEGORY, "code") if codes_too else CATEGORY
    tested = [family.startswith(prefixes) for family in concepts.families]
    return concepts.take(np.flatnonzero(tested)), run.recommender().codes, run.bench().split.train_counts()


def code_category_information(run: Run) -> pd.DataFrame | None:
    """Mutual information of code prefixes and the top-level category; None for a dataset without categories."""
    labels = tables.item_categories(run.bench().dataset)
    return None if labels is None else mutual_information.prefix_mutual_information(run.recommender().codes, labels)


def beam_recovered(run: Run, activations: Activations, dictionaries: Sequence[Dictionary]) -> pd.DataFrame:
    """Beam search of the default width with the activations unchanged (base), replaced by reconstructions at every
    level (spliced), by the level means and by zeros, one row each: ndcg@10, recovered (low, high) against mean and zero
    ablation, and the share of cases whose target prefix is in the beam after each code (prefix_recall_1 ..). Test cases
    of held-out users."""
    model, cases = _model(run, activations, True, dictionaries)
    split, zero = run.bench().split, [lambda x: x * 0] * len(dictionaries)
    edits = {"base": [], "spliced": [lambda x, d=d: d.decode(d.encode(x)) for d in dictionaries],
             "mean": per_level.mean_edits(means(activations)), "zero": zero}  # fmt: skip
    rows, scores = {}, {}
    for name, level_edits in edits.items():
        with patched_levels(model, activations.site, dict(enumerate(level_edits))):
            evaluation = evaluate(model, cases, split, quiet=True)
            beams = beam_search.run_beam_search(model, cases.histories, beam=model.beam,
                                                masked=split.protocol.mask_history)  # fmt: skip
        scores[name] = per_case("ndcg@10", evaluation.ranks, evaluation.groups)
        recall = beam_search.prefix_recall(beam_search.in_beam(beams, model.codes.trie, cases.targets))
        rows[name] = {"ndcg@10": scores[name].mean()}
        rows[name] |= {f"prefix_recall_{n}": share for n, share in enumerate(recall, start=1)}
    for name in ("mean", "zero"):
        result = recovered(scores["base"], scores["spliced"], scores[name])
        rows[name] |= {"recovered": result.share, "low": result.low, "high": result.high, "text": result.text}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("replacement")


def steer_level(
    run: Run, activations: Activations, direction: np.ndarray, amounts: list[float], member: np.ndarray, *,
    levels: tuple[int, ...] = (), target_only: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """`dose_response` of steering at the token positions of `levels` (all if empty), on the test cases of held-out
    users. invalid: the share of final beam entries that are no item, with constrained decoding, which should be 0;
    invalid_unconstrained: without the trie constraint. member: (I+1,) bool, the concept's items."""
    model, cases = _model(run, activations, True)
    patch = only_levels(*(levels or range(model.codes.levels)), target_only=target_only)
    curve = dose_response.dose_response(model, activations.site, direction, amounts, cases, member, patch=patch)
    steered = steering.SteeredRecommender(model, activations.site, cases.histories, patch=patch)
    for name, constrained in (("invalid", True), ("invalid_unconstrained", False)):
        shares = []
        for amount in amounts:
            with steered.steered(amount * torch.as_tensor(direction, dtype=torch.float32)):
                beams = beam_search.run_beam_search(model, cases.histories, beam=model.beam, constrained=constrained)
            shares.append(beam_search.invalid_share(beams)[0])
        curve[name] = shares
    return curve
