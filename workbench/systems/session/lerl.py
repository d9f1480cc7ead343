"""LERL: a planner says of which categories items may be shown, and a policy that acts by vectors chooses among them.

Paper     LERL, LLM-enhanced reinforcement learning for long-term user satisfaction in interactive recommendation; read
          in a summary, as neither the full text nor code was at hand.
Idea      What tires a user is a matter of categories, and slow to learn from clicks: a planner that sees the categories
          shown and how earlier sessions went narrows the choice, and a continuous policy makes it.
Equation  c_t = the best categories by worth(place in the profile, times shown lately) + explore sqrt(log n / n_arm),
          n how often the bandit chose, n_arm how often that pair of place and times
          a_t = argmax over items i in c_t of p_t . e_i,  p_t ~ N(mu(s_t), sigma^2), learnt by PPO
Claim     It obtains more than its vector policy with all categories (off, vector_policy), through longer sessions, and
          a planner that draws as many categories by chance (the placebo) does not.
Differs   After a summary of LERL: a bandit stands where a language model plans and reflects on sessions by their
          return; its arms' worth, learnt from the returns of all sessions, takes the place of the reflections. With
          model= a local language model plans, without reflections. The low level is that of vector_policy, with its
          departures; one item is shown, not a slate of six.
Reported  KuaiRand: session length 17.238 (PPO 14.352), return 12.284 (best baseline 9.824), per step .719 (.720);
          KuaiRec 16.400 (13.305), 10.507 (9.235), .637 (best baseline .800). Another simulator.
"""
import numpy as np

from workbench.errors import UserError, unknown_name
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.sessions.asked_model import AskedModel
from workbench.recommenders.sessions.categories import CategoryBandit, RandomCategories
from workbench.recommenders.sessions.vector_policy import VECTOR_RECIPE, VectorPolicy
from workbench.recommenders.sessions.worlds import SessionWorlds

PARENT = "vector_policy"
OFF = {"planner": "all"}
PLACEBO = {"planner": "random"}
RECIPE = VECTOR_RECIPE
PLANNERS = ("bandit", "model", "random", "all")


def build(bench, *, planner="bandit", keep=2, explore=0.5, width=32, temper=6, horizon=20, value=5.0, model=""):
    """planner: bandit; model, a local language model of the name `model`; random, the placebo; all, which is
    vector_policy. keep: categories that it allows at a step. explore: weight of the bonus of arms that were seldom
    tried. width, temper, horizon, value: as vector_policy. UserError for a setting out of range."""
    if planner not in PLANNERS:
        raise unknown_name("planner of lerl", planner, PLANNERS)
    worlds = SessionWorlds(bench, temper=temper, horizon=horizon, value=value)
    if not 1 <= keep <= worlds.n_categories or not 0 <= explore < np.inf or width < 1:
        raise UserError(f"lerl: {keep=} is from 1 to {worlds.n_categories}, the categories of these data, {explore=} 0 "
                        f"or more, {width=} 1 or more")  # fmt: skip
    if (planner == "model") != bool(model):
        raise UserError(f"lerl: {planner=} and {model=}; the planner model alone takes the name of a local one")
    if planner == "all":
        return VectorPolicy(bench, worlds, width=width)
    if planner == "random":
        return VectorPolicy(bench, worlds, width=width, planner=RandomCategories(keep))
    if planner == "model":
        asked = AskedModel(local_model(model), worlds.names, worlds.categories, keep=keep)
        return VectorPolicy(bench, worlds, width=width, planner=asked)
    bandit = CategoryBandit(worlds.categories, worlds.n_categories, keep=keep, explore=explore)
    return VectorPolicy(bench, worlds, width=width, planner=bandit)
