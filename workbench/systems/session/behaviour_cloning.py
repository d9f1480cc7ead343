"""Behaviour cloning: a transformer over states and actions of logged sessions shows what would have been shown.

Paper     Pomerleau, "Efficient training of artificial neural networks for autonomous navigation", Neural Computation 3,
          1991; the network is that of Chen et al., "Decision Transformer", NeurIPS 2021, arXiv:2106.01345.
Idea      A log says what was done, not whether it was good: what imitates it is as good as who made it.
Equation  p(a_t | s_1, a_1 ... s_t) from a causal transformer;  loss = cross-entropy of the logged items
Claim     Stands for imitation alone: it obtains more than random_items and less than rotating_taste, as the log holds
          careful and careless sessions alike. A policy conditioned on returns (dt4ier, tadt_csa) must obtain more.
Differs   Actions are drawn from p, not its best one: who made the log drew them as well.
Reported  Nothing on the data here.
"""
from workbench.recommenders.sessions.cloning import CLONING_RECIPE, behaviour_cloning, check_session_sizes
from workbench.recommenders.sessions.worlds import SessionWorlds

PARENT = None
OFF = None
PLACEBO = None
RECIPE = CLONING_RECIPE


def build(bench, *, width=32, layers=2, temper=6, horizon=20, value=5.0):
    """width, layers: of the transformer. temper, horizon, value: of the world, see random_items. UserError
    for a size out of range, or where the items have fewer than two categories."""
    check_session_sizes("behaviour_cloning", width, layers)
    worlds = SessionWorlds(bench, temper=temper, horizon=horizon, value=value)
    return behaviour_cloning(bench, worlds, width=width, layers=layers)
