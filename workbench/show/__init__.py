"""What a person looks at: one look, figures that say what was found, tables that are safe, controls to leave aside."""
from workbench.show.audit import behind, by_length, by_stratum, figures, lengths_read, rings, sentences
from workbench.show.beams import level_curves, level_loss, prefix_recall, spelled, spelling, telling_users, widths
from workbench.show.cases import case_lists, case_rings, explore_cases
from workbench.show.causal import ablations, dose, names, prices
from workbench.show.codes import code_tree, near, usage
from workbench.show.compare import comparison, contrast, curve, differences, strata
from workbench.show.dashboard import dashboard, dashboard_page
from workbench.show.dials import steer_latents
from workbench.show.explore import leakage, lengths, over_time, popularity, ties
from workbench.show.hierarchy import left_out, told_by_few
from workbench.show.prefixes import (
    beside,
    collisions,
    item_card,
    landed,
    neighbours,
    telling_item,
    under,
    walk,
)  # fmt: skip
from workbench.show.probe import concepts, firing, pareto, training, verdict
from workbench.show.slots import attribution, kept_by_level, levels_kept, slots_used
from workbench.show.svg import svg_comparison
from workbench.show.tables import about, findings, refusal, table
from workbench.show.theme import escape, use
from workbench.show.user import answers, events, history, typical_users
from workbench.show.widgets import explore_users, step_beams, walk_codes

__all__ = [
    "ablations", "about", "behind", "answers", "attribution", "beside", "by_length", "by_stratum",
    "case_lists", "case_rings", "code_tree", "collisions", "comparison", "concepts", "contrast", "curve", "dashboard",
    "dashboard_page", "differences", "dose", "escape", "events", "explore_cases", "explore_users", "figures",
    "findings", "firing", "history", "item_card", "kept_by_level", "landed", "leakage", "left_out", "lengths",
    "lengths_read", "level_curves", "level_loss", "levels_kept", "names", "near", "neighbours", "over_time", "pareto",
    "popularity", "prefix_recall", "prices", "refusal", "rings", "sentences", "slots_used", "spelled", "spelling",
    "steer_latents", "step_beams", "strata", "svg_comparison", "table", "telling_item", "telling_users", "ties",
    "told_by_few", "training", "typical_users", "under", "usage", "use", "verdict", "walk", "walk_codes", "widths",
]  # fmt: skip
