"""ContRec: the next item is a point in a continuous space, denoised under the state of the history, not one of classes.

Paper     ContRec, arXiv:2504.12007; denoising under a history as in DreamRec, arXiv:2310.20453.
Idea      Discrete semantic IDs lose what quantisation loses. Generate the embedding of the next item instead, by
          conditional denoising, with a term that keeps predictions from crowding together.
Equation  x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e,  x_0 the target's vector
          L = |f(x_t, h, t) - x_0|^2 / D + lambda log mean_ij exp(-|x'_i - x'_j|^2 / D),  x' = f(x_t, h, t)
          sampling with x' = (1 + w) f(x_t, h, t) - w f(x_t, null, t);  s(i) = x' . e_i
Claim     Denoising the vectors of a trained SASRec ranks better than that SASRec (the parent), and by its condition:
          conditions of other targets in training (the placebo) leave no more than popularity.
Differs   Vectors are those of a SASRec in place of a trained tokenizer (a VAE of fixed variance), and h is the state of
          a SASRec-like encoder in place of a language model's; no bonus for text that matches, history not masked.
          10 deterministic steps of 200. The dispersive term has the published sign: minimised, it spreads predictions;
          the release adds it negated. It takes at most 1,024 predictions of a batch.
Reported  LastFM, ML-1M, Beauty and Games, leave-one-out, seen items masked: no figures at hand.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data import Histories
from workbench.errors import UserError
from workbench.interfaces import ReadoutPositions
from workbench.nets.denoiser import DenoisedNext, Denoiser, add_noise
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import LastState, next_items, sequential
from workbench.recommenders.vector import VectorRecommender

PARENT = "sasrec"
OFF = {"steps": 0}
PLACEBO = {"shuffled": True}
RECIPE = SASREC_RECIPE
TIMES = 200
UNCONDITIONED = 0.1  # share of the targets that are denoised under the null condition
DISPERSED = 1024  # predictions whose pairs are compared


def build(
    bench, *, steps=10, guidance=2.0, dispersion=0.5, shuffled=False, width=64, layers=2, max_length=50, dropout=0.3
):
    """Denoising of the item vectors of a trained SASRec, for the bench's catalogue.

    steps: of the sampler; 0 trains SASRec instead. guidance: w. dispersion: lambda. shuffled: the placebo, targets are
    denoised under the states of other ones in training. The others as in sasrec, for its vectors and for the encoder.
    UserError for a setting out of range.
    """
    check_sizes("contrec", width, layers, max_length, dropout)
    if not 0 <= steps <= TIMES or not guidance >= 0 <= dispersion:
        raise UserError(f"contrec: {steps=} are 0 to {TIMES}; {guidance=} and {dispersion=} are weights, 0 or more")
    sizes = {"width": width, "layers": layers, "max_length": max_length, "dropout": dropout}
    encoder = sasrec_encoder(bench, **sizes)
    if not steps:
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    table = torch.from_numpy(bench.teacher("sasrec", **sizes).recommender().state()["item.weight"])
    encoder.item.weight.data.copy_(table)
    with bench.init("denoiser"):
        denoiser = Denoiser(width, 4 * width)
    noise = torch.from_numpy(bench.rng("start of denoising").standard_normal(width)).float()
    module = DenoisedNext(encoder, unit_scale(table), denoiser, noise, times=TIMES)

    def loss(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        """h (N, D) states, weight (I+1, D) item vectors, targets (N,)."""
        x = weight[targets]
        t = torch.randint(1, TIMES + 1, targets.shape, device=h.device)
        noised = add_noise(x, torch.randn_like(x), module.shares[t])
        h = torch.where(torch.rand_like(h[:, :1]) < UNCONDITIONED, module.denoiser.null, h)
        h = h[torch.randperm(len(h), device=h.device)] if shuffled else h
        predicted = module.denoiser(noised, h, t)
        denoised = F.mse_loss(predicted, x)
        return denoised + dispersion * log_closeness(predicted) if dispersion else denoised

    reader = DenoisedState(max_length, steps=steps, guidance=guidance)
    return VectorRecommender(module, reader, next_items(loss, max_length=max_length, full=False), likelihood=False)


def unit_scale(table: Tensor) -> Tensor:
    """(I+1, D) rows of norm sqrt(D), so that an entry is about as large as one of the noise; row 0 is zeros."""
    rows = F.normalize(table, dim=1) * table.shape[1] ** 0.5
    rows[0] = 0
    return rows


def log_closeness(x: Tensor) -> Tensor:
    """log mean_ij exp(-|x_i - x_j|^2 / D) of predictions x (N, D), the dispersive term: 0 where they are all the same,
    lower the farther apart they are. Of more than DISPERSED predictions it takes some, evenly spread."""
    x = x[:: -(-len(x) // DISPERSED)]
    squared = x.square().sum(1)
    apart = (squared[:, None] + squared - 2 * x @ x.T).clamp_min(0)
    return (-apart / x.shape[1]).flatten().logsumexp(0) - 2 * torch.tensor(float(len(x))).log()


class DenoisedState:
    """A `vector.Reader` of a `DenoisedNext`: the vector that is denoised under the state after the last event. Every
    event is a readout position of the encoder."""

    readout_mask = None

    def __init__(self, max_length: int, *, steps: int, guidance: float, batch: int = 256):
        self.last, self.steps, self.guidance = LastState(max_length, batch=batch), steps, guidance
        self.max_length, self.batch = max_length, batch

    def states(self, module: DenoisedNext, histories: Histories) -> Tensor:
        """(B, D); a history's own, whatever the others of the batch are."""
        with torch.no_grad():
            return module.generate(self.last.states(module, histories), steps=self.steps, guidance=self.guidance)

    def trace(self, module: DenoisedNext, histories: Histories) -> ReadoutPositions:
        """Run the encoder over histories of at most `max_length` events."""
        return self.last.trace(module, histories)
