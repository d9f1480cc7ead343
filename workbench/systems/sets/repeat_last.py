"""Repeat last: prescribes the set of the user's last visit again, and the popular set at a first visit.

Paper     None; the rule "nearest" of the tables of GAMENet (Shang et al., AAAI 2019, arXiv:1809.01852).
Idea      What was prescribed last time is prescribed again.
Claim     Stands for treatment that goes on: the last set is nearer to what is prescribed than the popular one
          (popular_set). A network that reads visits (visit_net, leader) must beat it.
Differs   At a first visit the popular set; at later ones items of the last set come first, others by their share.
Reported  Nothing.
"""
from workbench.evaluate.sets.cases import cases_of
from workbench.recommenders.sets.cross_fitted import CrossFitted
from workbench.recommenders.sets.rules import Rule, last_sets, shares
from workbench.train import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe(monitor="jaccard")


def build(bench, *, folds=5):
    """folds: parts of the users, each tested once. UserError as `cases_of`."""
    cases = cases_of(bench, folds=folds)

    def score(learned, rows):
        there, last = last_sets(cases.visits, rows)
        share = learned["share"] / 2
        return (last + share) / (1 + share) * there[:, None] + 2 * share * ~there[:, None]

    def make(fold):
        return Rule(cases.visits, fold, lambda rows: {"share": shares(cases.visits, rows)}, score,
                    lambda rows: last_sets(cases.visits, rows))  # fmt: skip

    return CrossFitted(cases, make)
