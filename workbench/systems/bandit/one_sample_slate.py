"""one_sample_slate: plain Thompson sampling, one sample of the user's vector fills the whole slate.

Paper     Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 1933; the rule beside
          which Eide, Leslie and Frigessi set in-slate Thompson sampling, arXiv:2104.15046.
Idea      Show what would be best if one plausible guess of the user were true, and guess anew for every slate.
Equation  z_t ~ N(m_t, variance P_t^-1);  slate_t = top_k of z_t . v_i + b_i
Claim     To explore earns at least the clicks of greedy slates (off), as Eide et al. find, and it is what the posterior
          knows that counts: noise of its size in every direction (the placebo) earns fewer.
Differs   As slate_ts.
Reported  No table at hand.
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
    """variance: factor of the posterior's covariance, 0 for the mean. noise: of the posterior, or isotropic, of the
    same size in every direction, the placebo. The others as greedy_slate. UserError for an unknown name or a setting
    out of range."""
    worlds = SlateWorlds(bench, tastes=tastes, k=k, horizon=horizon, fatigue=fatigue)
    return slate_policy(bench, worlds, likelihood=likelihood, width=width, variance=variance, noise=noise)
