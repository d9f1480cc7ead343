"""LEADER: a small network of visits learns, beside the sets, to say what a text model's hidden state says of a visit.

Paper     Liu et al., Large language model distilling medication recommendation model (LEADER), arXiv:2402.02803, 2024.
Idea      What a language model makes of a visit's codes in words is distilled into a student that reads ids, which then
          serves alone.
Equation  loss = BCE(p, set) + contrast * InfoNCE(profile, set) + alpha * MSE(W h, z)
          h (2D) the student's last layer; z the teacher's hidden state for the visit in words, frozen
Claim     The student with the teacher (on) prescribes better than the student alone (off), and than one with the
          teacher's states of other visits (the placebo); most at first visits, where the words of the profile help.
Differs   The teacher is not a LLaMA-7B that is tuned on the sets, but frozen vectors of the same words (TF-IDF and SVD,
          or a sentence encoder), fitted on the train visits of the fold, centred and scaled to a mean square of 1: it
          knows words, not medication. Words of ICD-9 codes are those of their sections, and the words of an admission
          are among them. Positions say how many visits ago; the threshold is chosen on validation (paper: .3), and the
          greatest score always counts. The release's medication prompt reads the diagnosis head; here there are no
          heads. Users are tested in folds, as the data at hand are tiny.
Reported  PRAUC MIMIC-III .7816 (best baseline .7582), first visits .7631 (.7521); MIMIC-IV .7120 (.6823) and .7033
          (.6773); without distillation .7673 -> .7795 with it. All on credentialed data, other splits.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from workbench.errors import UserError, unknown_name
from workbench.evaluate.sets.cases import cases_of
from workbench.recommenders.sets.cross_fitted import CrossFitted
from workbench.recommenders.sets.visit_model import VISIT_RECIPE, VisitModel, visit_network
from workbench.recommenders.sets.visit_texts import documents, draw_on, text_vectors
from workbench.train import named_rng

PARENT = "visit_net"
OFF = {"alpha": 0.0}
PLACEBO = {"teacher": "shuffled"}
RECIPE = VISIT_RECIPE
TEACHERS = ("own", "shuffled")


def build(
    bench, *, folds=5, width=64, past=3, profile=True, contrast=0.005, alpha=0.4, teacher="own", vectors="text", dim=64,
    model="",
):  # fmt: skip
    """folds, width, past, profile, contrast: as of visit_net. alpha: weight of the distillation; 0 has no teacher.
    teacher: own; shuffled, the states of other train visits, the placebo. vectors: text, or sentence with a model. dim:
    of the teacher's state. UserError as `cases_of`, for a setting out of range, or vectors that read no text."""
    if teacher not in TEACHERS:
        raise unknown_name("teacher of leader", teacher, TEACHERS)
    if min(alpha, contrast) < 0 or dim < 1:
        raise UserError(f"leader: {alpha=} and {contrast=} are weights, 0 or more, and {dim=} is 1 or more")
    cases = cases_of(bench, folds=folds)
    visits = cases.visits
    if alpha:
        draw_on(vectors, model)

    def make(fold):
        module = visit_network(bench, visits, fold, width=width, past=past, tokens=profile)
        weight = contrast if profile and visits.sizes else 0.0
        if not alpha:
            return VisitModel(visits, fold, module, past=past, contrast=weight)
        with bench.init(f"teacher {fold.number}"):
            module.teacher = nn.Linear(2 * width, dim)

        def lesson():
            z = text_vectors(documents(visits, fold.train), vectors, dim=dim, seed=bench.seed, model=model)
            if teacher == "shuffled":
                z = z[named_rng(bench.seed, "shuffled teacher", fold.number).permutation(len(z))]
            said = torch.from_numpy(np.ascontiguousarray(z)).to(module.out.weight.device)
            return lambda reading, places: alpha * F.mse_loss(module.teacher(reading.hidden), said[places])

        return VisitModel(visits, fold, module, past=past, contrast=weight, lesson=lesson)

    return CrossFitted(cases, make)
