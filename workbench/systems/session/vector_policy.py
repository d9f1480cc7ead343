"""A vector policy: the action is a point among the items, the nearest one is shown, and PPO moves the points.

Paper     Schulman et al., Proximal Policy Optimization Algorithms, arXiv:1707.06347; actions as points among the items
          after Dulac-Arnold et al., Deep Reinforcement Learning in Large Discrete Action Spaces, arXiv:1512.07679.
Idea      A network says where among the items to look, so that what is learnt of one item holds for those like it.
Equation  p_t ~ N(mu(s_t), sigma^2);  a_t = argmax_i p_t . e_i;  A_t = (rewards from t on) - V(s_t)
          loss = - mean min(r_t A_t, clip(r_t, .8, 1.2) A_t) + (V(s_t) - rewards from t on)^2,  r_t = new / old density
Claim     What is learned of one item holds for those near it (Dulac-Arnold et al.): from the rewards of its own
          sessions it obtains more than random_items and than what imitates a log (behaviour_cloning).
Differs   It is the low level of LERL; item vectors are given (category, popularity, content), not learnt; the state is
          read by a small network, not a transformer; no discount. When it is served it acts by its means.
Reported  Session length 14.352 on KuaiRand (in LERL's tables, another simulator).
"""
from workbench.errors import UserError
from workbench.recommenders.sessions.vector_policy import VECTOR_RECIPE, VectorPolicy
from workbench.recommenders.sessions.worlds import SessionWorlds

PARENT = None
OFF = None
PLACEBO = None
RECIPE = VECTOR_RECIPE


def build(bench, *, width=32, temper=6, horizon=20, value=5.0):
    """width: of the networks. temper, horizon, value: of the world, see random_items. UserError for a width below 1,
    or where the items have fewer than two categories."""
    if width < 1:
        raise UserError(f"vector_policy: {width=} is 1 or more")
    return VectorPolicy(bench, SessionWorlds(bench, temper=temper, horizon=horizon, value=value), width=width)
