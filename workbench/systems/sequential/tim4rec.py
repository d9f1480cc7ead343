"""TiM4Rec: a state-space network over the item sequence whose steps are scaled by the time between events.

Paper     TiM4Rec, arXiv:2409.16182; state-space duality of arXiv:2405.21060.
Idea      A state space forgets at a rate that it chooses from the items alone. Let the real time gaps scale its steps,
          so that a long pause can make it forget more, or remember more, than a short one.
Equation  S_t = exp(-a d_t) S_{t-1} + d_t B_t x_t^T,  y_t = C_t S_t,  d_t = softplus(g(u_t) z_t + b),
          s(i) = h_t . e_i;  z_t a projection of the event, u_t its gap, g > 0 learned
Claim     It ranks better than SASRec (the parent), and by the gaps: in another order within each history (the placebo)
          they buy nothing. times="none" is the state space without time.
Differs   The paper's network of time reads all gaps of a sequence at once, also later ones, so that only its last
          position may be trained; here g reads u_t alone, the logarithm of the gap over the mean gap before it, and
          every position is a target. Equal gaps give g = 1: the plain state space. Time features are not passed from
          layer to layer. Pre-norm, RMSNorm after the gate; no positions.
Reported  ML-1M, Beauty, KuaiRand, leave-one-out, full ranking: no figures at hand.
"""

from workbench.errors import UserError, unknown_name
from workbench.nets.sequences.state_space import HEAD, RelativeTime, StateSpaceEncoder
from workbench.recommenders.sequences.over_sasrec import (
    FEEDFORWARD,
    SASREC_RECIPE,
    check_sizes,
    cross_entropy,
    sasrec_encoder,
)
from workbench.recommenders.sequences.time_gaps import relative_gaps, shuffled_gaps
from workbench.recommenders.sequential import Additions, sequential

PARENT = "sasrec"
OFF = {"mixer": "attention"}
PLACEBO = {"times": "shuffled"}
RECIPE = SASREC_RECIPE
EXPAND = 2
MIXERS, TIMES = ("state-space", "attention"), {"gaps": relative_gaps, "shuffled": shuffled_gaps, "none": None}


def build(bench, *, mixer="state-space", times="gaps", state=32, width=64, layers=2, max_length=50, dropout=0.3):
    """A state-space network for the bench's catalogue.

    mixer: state-space, or attention for SASRec. times: gaps, shuffled (the placebo) or none, which scales no step.
    state: N, numbers in a head's state for each of its dimensions. The others as in sasrec. UserError for an unknown
    name, a setting out of range, or gaps where events have no times.
    """
    for kind, name, allowed in (("mixer", mixer, MIXERS), ("use of times", times, TIMES)):
        if name not in allowed:
            raise unknown_name(kind, name, allowed)
    check_sizes("tim4rec", width, layers, max_length, dropout, multiple=HEAD)
    if state < 1:
        raise UserError(f"tim4rec: {state=} numbers in a head's state for each of its dimensions, 1 or more")
    n_items, inputs = bench.split.n_items, TIMES[times]
    if mixer == "attention":
        encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    if inputs is not None and bench.split.train.times is None:
        raise UserError(
            f"tim4rec: the events of {bench.dataset.name} have no times; times='none' needs none, and beauty, "
            "movielens-small, foursquare-nyc and synthetic have some", code=3,
        )  # fmt: skip
    with bench.init():
        encoder = StateSpaceEncoder(
            n_items, width=width, layers=layers, feedforward=FEEDFORWARD, dropout=dropout, state=state, expand=EXPAND
        )
    if inputs is None:
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    with bench.init("time"):
        encoder.time = RelativeTime(EXPAND * width // HEAD)
    return sequential(encoder, loss=cross_entropy, max_length=max_length, additions=Additions(inputs=inputs))
