"""greedy_slate: the k items that are best by what is expected of the user, with no thought of what is not yet known.

Paper     The greedy policy beside which Eide, Leslie and Frigessi set in-slate Thompson sampling, "Dynamic slate
          recommendation with gated recurrent units and Thompson sampling", DMKD 2022, arXiv:2104.15046.
Idea      Show what is best as far as is known; what is learnt comes by itself.
Equation  p(click i | slate) = e^(z.v_i + b_i + place) / (e^none + sum over the slate), none grows with its length
          z ~ N(0, 1) at first, N(m_t, P_t^-1) after t slates;  slate_t = top_k of m_t . v_i + b_i
Claim     Stands for no exploration: it learns a user's taste and earns more clicks than one slate for all
          (popular_slate). By the paper policies that explore (one_sample_slate, slate_ts) earn as many or more.
Differs   As slate_ts.
Reported  No table at hand.
"""
from workbench.recommenders.slates.policy import SLATE_RECIPE, slate_policy
from workbench.recommenders.slates.worlds import SlateWorlds

PARENT = None
OFF = None
PLACEBO = None
RECIPE = SLATE_RECIPE


def build(bench, *, likelihood="slate", width=6, tastes="log", k=5, horizon=20, fatigue=0.15):
    """likelihood: of a click, among the items of the slate, or all-items. width: of user and item vectors. The others
    as popular_slate. UserError for an unknown name or a setting out of range."""
    worlds = SlateWorlds(bench, tastes=tastes, k=k, horizon=horizon, fatigue=fatigue)
    return slate_policy(bench, worlds, likelihood=likelihood, width=width)
