"""What a person looks at: one look, figures that say what was found, tables that are safe, controls to leave aside."""
from workbench.show.dashboard.page import dashboard, dashboard_page
from workbench.show.figures.absorption import left_out, told_by_few
from workbench.show.figures.audit import behind, by_length, by_stratum, figures, lengths_read, rings, sentences
from workbench.show.figures.beams import (
    level_curves,
    level_loss,
    prefix_recall,
    spelled,
    spelling,
    telling_users,
    widths,
)
from workbench.show.figures.cases import case_lists, case_rings, explore_cases, side_by_side
from workbench.show.figures.code_levels import attribution, kept_by_level, levels_kept, slots_used
from workbench.show.figures.code_tables import (  # fmt: skip
    beside,
    collisions,
    item_card,
    landed,
    neighbours,
    telling_item,
    under,
    walk,
)
from workbench.show.figures.codes import code_tree, near, usage
from workbench.show.figures.compare import comparison, contrast, curve, differences, strata
from workbench.show.figures.dataset import leakage, lengths, over_time, popularity, ties
from workbench.show.figures.interventions import ablations, dose, names, prices
from workbench.show.figures.sae import concepts, firing, pareto, training, verdict
from workbench.show.figures.users import answers, events, history, typical_users
from workbench.show.svg import svg_comparison
from workbench.show.tables import about, findings, refusal, table
from workbench.show.theme import escape, use
from workbench.show.widgets.compare_runs import cases_found, compare_runs, found_by, overlap
from workbench.show.widgets.explorers import explore_answers, explore_users, step_beams, walk_codes
from workbench.show.widgets.items import around, explore_items, search
from workbench.show.widgets.steering import steer_latents

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
