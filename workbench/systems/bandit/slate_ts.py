"""slate_ts: in-slate Thompson sampling, one sample of the user's vector for every slot of the slate.

Paper     Eide, Leslie and Frigessi, "Dynamic slate recommendation with gated recurrent units and Thompson sampling",
          DMKD 2022, arXiv:2104.15046 (FINN.no).
Idea      A slate has room for several guesses of what the user likes: sample one for each slot, and take the best items
          of all of them before the second best of any.
Equation  p(click i | slate) = e^(z.v_i + b_i + slot) / (e^none + sum over the slate), slot and none the logits of a
          place and of no click, which grows with the slate's length;  v_i ~ N(centre of its category, sigma_i)
          z ~ N(0, 1) at first, N(m_t, P_t^-1) after t slates
          z_s ~ N(m_t, variance P_t^-1), s = 1 .. k, each ranks all items; read all first places, then all second ones,
          each item once, until the slate is full
Claim     Slates that explore earn at least the clicks of greedy ones (the parent), as they are more diverse, and learn
          more than one sample for the whole slate (one_sample_slate). It is what the posterior knows that counts, not
          noise of its size (the placebo).
Differs   After the paper and its code. The user's vector is constant in an episode, with a Gaussian posterior by an
          online Laplace step in place of a variational GRU; slates without a click count too. The score is an inner
          product with a bias, not a distance. Samples are of the user, not of the items, whose prior is a penalty. A
          user begins at the prior, not at what was clicked before. Slots have logits. Slates are logged, by popularity,
          in a simulated world whose categories tire, which the model does not know. The placebo's noise has the mean
          variance of the posterior in every direction.
Reported  No table at hand; FINN.no: exploring is no worse than greedy.
"""
from workbench.recommenders.slates.policy import SLATE_RECIPE, slate_policy
from workbench.recommenders.slates.worlds import SlateWorlds

PARENT = "greedy_slate"
OFF = {"variance": 0.0}
PLACEBO = {"noise": "isotropic"}
RECIPE = SLATE_RECIPE


def build(
    bench, *, variance=1.0, noise="posterior", likelihood="slate", width=6, tastes="log", k=5, horizon=20, fatigue=0.15
):  # fmt: skip
    """As one_sample_slate, with k samples: a sample for each slot. UserError as there."""
    worlds = SlateWorlds(bench, tastes=tastes, k=k, horizon=horizon, fatigue=fatigue)
    return slate_policy(bench, worlds, likelihood=likelihood, width=width, samples=k, variance=variance, noise=noise)
