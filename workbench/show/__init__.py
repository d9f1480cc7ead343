"""What a person looks at: one look, figures that say what was found, tables that are safe, controls to leave aside."""
from workbench.show.compare import comparison, contrast, curve, differences, strata
from workbench.show.explore import leakage, lengths, over_time, popularity, ties
from workbench.show.svg import svg_comparison
from workbench.show.tables import about, findings, refusal, table
from workbench.show.theme import escape, use
from workbench.show.user import answers, events, history, typical_users
from workbench.show.widgets import explore_users

__all__ = [
    "about", "answers", "comparison", "contrast", "curve", "differences", "escape", "events", "explore_users",
    "findings", "history", "leakage", "lengths", "over_time", "popularity", "refusal", "strata", "svg_comparison",
    "table", "ties", "typical_users", "use",
]  # fmt: skip
