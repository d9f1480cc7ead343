"""Visit net: a network that reads the sets of codes of a visit and of those before, and prescribes a set.

Paper     Liu et al., Large language model distilling medication recommendation model (LEADER), arXiv:2402.02803, 2024:
          its student, without the teacher.
Idea      Codes inside a visit are a set, visits are a sequence, and a profile stands in for the past of a first visit.
Equation  v_t = mean of Transformer(codes of visit t), for each kind;  m_t likewise, of the set of visit t
          h = relu(W [mean of T(.., v_t) for each kind, mean of T(profile tokens, .., m_{t-1})]),  T causal and shared
          p = sigmoid(U h);  loss = BCE(p, set of t) + contrast * InfoNCE(mean of profile tokens, m_t)
Claim     At first visits the tokens of the profile help: off (no tokens) is worse there.
Differs   See leader. Off keeps everything but the tokens of the profile, and with them the contrast.
Reported  MIMIC-III without distillation: PRAUC .7673, with .7795 (paper, Table 3, as summarised).
"""
from workbench.errors import UserError
from workbench.evaluate.sets.cases import cases_of
from workbench.recommenders.sets.cross_fitted import CrossFitted
from workbench.recommenders.sets.visit_model import VISIT_RECIPE, VisitModel, visit_network

PARENT = None
OFF = {"profile": False}
PLACEBO = None
RECIPE = VISIT_RECIPE


def build(bench, *, folds=5, width=64, past=3, profile=True, contrast=0.005):
    """folds: parts of the users, each tested once. width: D. past: earlier visits that are read. profile: whether its
    tokens are. contrast: weight of the contrast of profile and set. UserError as `cases_of`, or for a setting out of
    range."""
    if contrast < 0:
        raise UserError(f"visit_net: {contrast=} is a weight, 0 or more")
    cases = cases_of(bench, folds=folds)

    def make(fold):
        module = visit_network(bench, cases.visits, fold, width=width, past=past, tokens=profile)
        weight = contrast if profile and cases.visits.sizes else 0.0
        return VisitModel(cases.visits, fold, module, past=past, contrast=weight)

    return CrossFitted(cases, make)
