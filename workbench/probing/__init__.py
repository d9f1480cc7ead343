"""Interpretability of trained recommenders: recorded activations, sparse dictionaries of them, tests of what latents
represent, and causal interventions. `wb.probe(run)` is the short way; these are its parts, for a network of one's own.

Read in this order: activations (recording a network), dictionaries (SAEs and their baselines), concepts (which concepts
latents represent, by permutation tests), naming, interventions (ablation and steering), dashboard (tables for a page).
"""
from importlib import import_module

from workbench.errors import unknown_attribute

_EXPORTS = {
    "activations.hooks": ["Site", "capture", "splice"],
    "activations.store": ["Activations", "record_activations"],
    "dictionaries.dictionary": ["Dictionary"],
    "dictionaries.baselines": ["fit_baseline"],
    "concepts.concepts": ["Concepts", "item_concepts"],
    "concepts.concept_test": ["concept_test"],
    "concepts.position_confounds": ["position_confound_test"],
    "naming.predicates": ["name_latents"],
    "interventions.faithfulness": ["evaluate_reconstruction", "recovered"],
    "interventions.ablation": ["ablation_effect"],
    "interventions.steering": ["Steering", "rival_directions"],
    "interventions.dose_response": ["dose_response"],
}
_MODULES = {name: module for module, names in _EXPORTS.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name: str):
    if name not in _MODULES:
        raise unknown_attribute("module 'workbench.probing'", name, __all__)
    return getattr(import_module(f"workbench.probing.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
