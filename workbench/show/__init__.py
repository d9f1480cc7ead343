"""What a person looks at: one look, figures that say what was found, tables that are safe, controls to leave aside."""
from workbench.show.audit import behind, by_length, by_stratum, figures, lengths_read, rings, sentences
from workbench.show.beams import level_curves, level_loss, prefix_recall, spelled, spelling, telling_users, widths
from workbench.show.cases import case_lists, case_rings, explore_cases, side_by_side
from workbench.show.causal import ablations, dose, names, prices
from workbench.show.codes import code_tree, near, usage
from workbench.show.compare import comparison, contrast, curve, differences, strata
from workbench.show.dashboard import dashboard, dashboard_page
from workbench.show.dials import steer_latents
from workbench.show.explore import leakage, lengths, over_time, popularity, ties
from workbench.show.hierarchy import left_out, told_by_few
from workbench.show.items import around, explore_items, search
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
from workbench.show.sides import cases_found, compare_runs, found_by, overlap
from workbench.show.slots import attribution, kept_by_level, levels_kept, slots_used
from workbench.show.svg import svg_comparison
from workbench.show.tables import about, findings, refusal, table
from workbench.show.theme import escape, use
from workbench.show.user import answers, events, history, typical_users
from workbench.show.widgets import explore_answers, explore_users, step_beams, walk_codes

__all__ = [
    "ablations", "about", "answers", "around", "attribution", "behind", "beside", "by_length", "by_stratum",
    "case_lists", "case_rings", "cases_found", "code_tree", "collisions", "compare_runs", "comparison", "concepts",
    "contrast", "curve", "dashboard", "dashboard_page", "differences", "dose", "escape", "events",
    "explore_answers", "explore_cases", "explore_items", "explore_users", "figures", "findings", "firing",
    "found_by", "history", "item_card", "kept_by_level", "landed", "leakage", "left_out", "lengths", "lengths_read",
    "level_curves", "level_loss", "levels_kept", "names", "near", "neighbours", "over_time", "overlap", "pareto",
    "popularity", "prefix_recall", "prices", "refusal", "rings", "search", "sentences", "side_by_side",
    "slots_used", "spelled", "spelling", "steer_latents", "step_beams", "strata", "svg_comparison", "table",
    "telling_item", "telling_users", "ties", "told_by_few", "training", "typical_users", "under", "usage", "use",
    "verdict", "walk", "walk_codes", "widths",
]  # fmt: skip
