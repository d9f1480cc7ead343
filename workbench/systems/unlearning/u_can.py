"""U-CAN: neurons that respond to the forgotten and are of little use to the rest are damped, once, without gradients.

Paper     U-CAN, unlearning by utility-aware contrastive attenuation for language-model recommenders. After a page about
          it: neither the paper's text nor code was at hand.
Idea      A neuron is risky if it responds more before what is to be forgotten than before what stays, and useful if it
          moves the state much where something stays. Scale the risky ones down smoothly, the less the more useful.
Equation  risk_d = (a_F - a_R) / (a_F + a_R) in standard deviations of the layer, a the mean |activation| of neuron d
          use_d = |W_d| sqrt(mean a_d^2 over R), to [0, 1) by u / (u + median)
          W_d <- W_d exp(-decay max(0, risk_d - threshold) (1 - use_d)), W_d the column by which d is read
Claim     Membership of the forgotten falls and what stays is kept (decay=0 is the base), more than with the same
          dampings of other neurons of the layer (the placebo).
Differs   The neurons are those of the feed-forward networks of a SASRec, in place of dimensions of the LoRA weights of
          a 7 B model. Activations are those at the event before each forgotten or kept one. The page gives no formula
          of the normalisations; these are ours. Its trade-off score, by which retraining itself does badly, is not
          used: it seems to reward distance from the original, so what counts here is the distance to the oracle.
Reported  ML-100K, a quarter of the events: trade-off@10 29.45, retraining 13.94, gradient ascent -3.82; R@10 .1435 on
          the forgotten, .1098 on the rest.
"""
import numpy as np
import torch

from workbench.errors import UserError
from workbench.recommenders.unlearning.rest import untrained
from workbench.recommenders.unlearning.sides import learned_cases
from workbench.recommenders.unlearning.units import NEURONS, encoder_of, recorded
from workbench.train import named_rng

PARENT = "sasrec"
OFF = {"decay": 0.0}
PLACEBO = {"permuted": True}
BATCH = 256


def build(bench, *, base="sasrec", users=0.05, events=0.0, decay=2.0, threshold=0.5, sample=1024, permuted=False):
    """An unlearner that damps neurons. base, users, events: as in retrain.

    decay: how much a standard deviation of risk damps; 0 leaves the base. threshold: risk from which it does. sample:
    events of each side that are read. permuted: the placebo, other neurons have the dampings. UserError for a setting
    out of range, or a base without transformer blocks.
    """
    if decay < 0 or sample < 1:
        raise UserError(f"u_can: {decay=} must be 0 or more, {sample=} at least 1")
    encoder_of(untrained(bench, base), "u_can", base)
    return Damping(decay, threshold, sample, permuted)


class Damping:
    """A `verb_interfaces.Unlearner`. scales: of the last time, what each neuron (F,) was multiplied by, by block."""

    curve = []

    def __init__(self, decay, threshold, sample, permuted):
        self.decay, self.threshold, self.sample, self.permuted = decay, threshold, sample, permuted
        self.scales = []

    @torch.no_grad()
    def forget(self, model, split, rows, session):
        """The base with damped neurons."""
        rest = np.setdiff1d(np.arange(len(split.train.items)), rows)
        self.scales = []
        if self.decay and len(rows) and len(rest):
            sides = [self.activations(model, split, side, session.seed) for side in (rows, rest)]
            for layer, block in enumerate(model.module.blocks):
                scale = self.scale(sides[0][layer], sides[1][layer], block.contract.weight)
                if self.permuted:
                    order = named_rng(session.seed, "permuted neurons", layer).permutation(len(scale))
                    scale = scale[torch.from_numpy(order)]
                block.contract.weight *= scale
                self.scales.append(scale)
        return model

    def activations(self, model, split, rows, seed):
        """(n, F) by block, at the event before each of at most `sample` events in rows."""
        cases = learned_cases(model, split, rows, most=self.sample, rng=named_rng(seed, "sample", len(rows)))
        found = [[] for _ in model.module.blocks]
        for index in cases.histories.batches(BATCH):
            histories = cases.histories.take(index)
            with recorded(model.module) as values:
                model.states(histories)
            last = torch.from_numpy(histories.lengths - 1)
            for layer, parts in enumerate(found):
                parts.append(values[layer, NEURONS][torch.arange(len(last)), last])
        return [torch.cat(parts) for parts in found]

    def scale(self, forgotten, kept, weight):
        """(F,) from 0 to 1, of activations (n, F) and (m, F) and the weight (D, F) that reads them."""
        f, r = forgotten.abs().mean(0), kept.abs().mean(0)
        contrast = (f - r) / (f + r).clamp_min(1e-12)
        risk = contrast / contrast.std().clamp_min(1e-12)
        use = weight.norm(dim=0) * kept.square().mean(0).sqrt()
        use = use / (use + use.median()).clamp_min(1e-12)
        return torch.exp(-self.decay * (risk - self.threshold).clamp_min(0) * (1 - use))
