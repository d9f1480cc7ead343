"""Figures, tables and widgets for notebooks and reports.

plot_* returns a plotly figure, table_* a formatted table, and explore_* adds widgets to one of them in a live notebook.
`table` formats any DataFrame, audit card, lint report or audit. A name is imported when it is first used.
"""
from importlib import import_module

from workbench.arguments import checked
from workbench.errors import unknown_attribute

_EXPORTS = {
    # the dataset and its protocol
    "tables": ["table"],
    "protocol_tables": ["table_about", "table_protocols"],
    "figures.dataset": ["plot_lengths", "plot_popularity", "plot_over_time", "plot_leakage", "plot_ties"],
    # users and items
    "figures.users": ["plot_history"],
    "widgets.items": ["explore_items"],
    "widgets.explorers": ["explore_users", "explore_recommendations", "explore_codes", "explore_tokenizers",
                          "explore_beam_search"],
    # semantic IDs
    "figures.codes": ["plot_code_tree", "plot_code_usage", "plot_code_similarity"],
    "figures.code_tables": ["table_nearest_items", "table_code_path", "table_prefix", "table_collisions"],
    # decoding with a beam
    "figures.beams": ["plot_beam_search", "table_beam", "plot_beam_widths", "plot_prefix_recall",
                      "plot_level_loss"],
    # systems compared
    "figures.compare": ["plot_learning_curve", "plot_comparison", "table_comparison", "plot_differences"],
    "figures.contrast": ["plot_contrast", "plot_strata"],
    "widgets.compare_runs": ["plot_overlap", "explore_two_systems"],
    # systems read and studied
    "figures.systems": ["table_system", "table_source", "table_evidence", "plot_study"],
    "widgets.systems": ["explore_systems"],
    # sparse autoencoders
    "figures.sae": ["plot_sae_training", "plot_pareto", "table_features", "table_top_activations"],
    "figures.code_levels": ["plot_levels_recovered", "plot_position_attribution"],
    "figures.interventions": ["plot_dose_response"],
    "widgets.steering": ["explore_steering"],
    # diagnosis
    "figures.audit": ["plot_card"],
    "figures.cases": ["plot_case", "explore_cases"],
    "widgets.gaps": ["explore_gaps"],
    # graphs of users and items
    "figures.neighbourhood": ["plot_neighbourhood"],
    "widgets.layers": ["explore_layers"],
    # prompts of a re-ranker
    "widgets.prompts": ["explore_prompt"],
    # conversations
    "widgets.policies.conversation": ["explore_conversation"],
    # slates and sessions
    "widgets.policies.regret": ["explore_regret"],
    "widgets.policies.asked_returns": ["explore_asked_returns"],
    # what is still known after forgetting
    "widgets.forgetting": ["explore_forgetting"],
    # training data that is chosen
    "widgets.selections": ["explore_selections"],
}  # fmt: skip
_MODULES = {name: module for module, names in _EXPORTS.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name: str):
    if name not in _MODULES:
        raise unknown_attribute("module 'workbench.show'", name, __all__)
    return checked(getattr(import_module(f"workbench.show.{_MODULES[name]}"), name))


def __dir__() -> list[str]:
    return list(__all__)
