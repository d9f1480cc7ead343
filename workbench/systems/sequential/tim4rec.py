"""TiM4Rec: a state-space layer in place of attention, whose step size follows the real time between events.

Paper     TiM4Rec, arXiv:2409.16182; state-space duality (SSD) as in Mamba-2, arXiv:2405.21060.
Idea      A state-space layer decides by its step size how much an event writes and how much is forgotten. Let the time
          since the event before have a say in it.
Equation  S_t = exp(-a dt_t) S_{t-1} + dt_t B_t x_t^T,  y_t = S_t^T C_t + d x_t, for each head
          dt_t = softplus(t w u_t + bias),  t = exp(f(g_t)),  g_t = (log(1 + days since the event before) - mean) / sd
Claim     Steps of real gaps rank better than attention (the parent), and than steps of gaps that are shuffled within
          each history (the placebo). times="none" is the plain layer, for a study of the time alone.
Differs   f is a network of each gap alone; the released one mixes all positions of the sequence, so that a state sees
          later gaps, and here every position is trained. Gaps in logarithms of days, standardised by train in place of
          within a sequence; 0, the mean, at the first event that is read, and where all gaps are equal. No convolutions
          over gaps, and each layer reads the gaps themselves; GELU in the feed-forward network, pre-norm blocks.
Reported  ML-1M, Beauty, KuaiRand and Steam, 5-core, leave-one-out, full ranking: no figures at hand.
"""
import numpy as np

from workbench.data import Histories
from workbench.data.splits import splitmix64
from workbench.errors import UserError, unknown_name
from workbench.nets.sequences.state_space import StateSpaceEncoder
from workbench.recommenders.sequences.over_sasrec import (
    FEEDFORWARD,
    SASREC_RECIPE,
    check_sizes,
    cross_entropy,
    sasrec_encoder,
)
from workbench.recommenders.sequential import Additions, EventInputs, padded_column, sequential
from workbench.train import derive_seed

PARENT = "sasrec"
OFF = {"mixer": "attention"}
PLACEBO = {"times": "shuffled"}
RECIPE = SASREC_RECIPE
DAY = 86_400.0
MIXERS, TIMES = ("ssd", "attention"), ("real", "shuffled", "none")
TIMED = "beauty, sports, movielens-100k, movielens-1m, movielens-small, foursquare-nyc, retailrocket and synthetic"


def build(bench, *, mixer="ssd", times="real", state=32, width=64, layers=2, max_length=50, dropout=0.3):
    """An encoder of state-space layers with time-aware steps, for the bench's catalogue.

    mixer: ssd, or attention, which is sasrec. times: what the steps read, real gaps, those of a history in random order
    (shuffled, the placebo) or none. state: rows N of a head's state. The others as in sasrec. UserError for an unknown
    name or a setting out of range, and for a dataset without times.
    """
    if mixer not in MIXERS:
        raise unknown_name("mixer", mixer, MIXERS)
    if times not in TIMES:
        raise unknown_name("times", times, TIMES)
    check_sizes("tim4rec", width, layers, max_length, dropout, multiple=16)
    if state < 1:
        raise UserError(f"tim4rec: {state=} rows of a head's state, 1 or more")
    n_items, sizes = bench.split.n_items, {"width": width, "layers": layers, "dropout": dropout}
    if mixer == "attention":
        encoder = sasrec_encoder(bench, max_length=max_length, **sizes)
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    additions = Additions()
    if times != "none":
        if not bench.dataset.has_times:
            raise UserError(
                f"tim4rec: {bench.dataset.name} has no times of events. Datasets that have them: {TIMED}, and your own "
                "log with a column timestamp (dataset csv). times=none does without", code=3,
            )  # fmt: skip
        seed = derive_seed(bench.seed, "shuffled gaps") if times == "shuffled" else None
        additions = Additions(inputs=gap_inputs(bench.split.train, seed))
    with bench.init():
        encoder = StateSpaceEncoder(n_items, feedforward=FEEDFORWARD, state=state, timed=times != "none", **sizes)
    return sequential(encoder, loss=cross_entropy, max_length=max_length, additions=additions)


def gap_inputs(train: Histories, shuffled: int | None = None) -> EventInputs:
    """The `Additions.inputs` of standardised gaps, one array (B, T) float32. shuffled: the seed of the placebo."""
    gaps, known = log_gaps(train)
    mean, deviation = (gaps[known].mean(), gaps[known].std()) if known.any() else (0.0, 0.0)
    scale = 1 / deviation if deviation > 1e-6 else 0.0  # equal gaps say nothing, and rounding is no difference

    def inputs(histories: Histories, T: int) -> list[np.ndarray]:
        read = histories.last(T)
        gaps, known = log_gaps(read)
        gaps = np.where(known, (gaps - mean) * scale, 0).astype(np.float32)
        return [padded_column(read, gaps if shuffled is None else gaps[_order(read, known, shuffled)], T)]

    return inputs


def log_gaps(histories: Histories) -> tuple[np.ndarray, np.ndarray]:
    """(N,) log(1 + days since the event before), and (N,) bool, whether there is one. Events out of order are at once.

    >>> two_days = Histories(np.array([0, 2]), np.array([1, 2]), np.array([0]), {"timestamp": np.array([0, 172_800])})
    >>> log_gaps(two_days)[0].round(3).tolist()
    [0.0, 1.099]
    """
    times = histories.columns["timestamp"]
    known = np.ones(len(times), bool)
    known[histories.offsets[:-1][histories.lengths > 0]] = False
    days = np.diff(times, prepend=times[:1]) / DAY
    return np.where(known, np.log1p(days.clip(0)), 0), known


def _order(histories: Histories, known: np.ndarray, seed: int) -> np.ndarray:
    """(N,) places of the events with those that have a gap in a random order within each history, which is the same
    whenever the history is read."""
    row = histories.rows()
    key = splitmix64(histories.users[row], np.arange(len(row)) - histories.offsets[row], seed=seed)
    return np.lexsort((key, known, row))
