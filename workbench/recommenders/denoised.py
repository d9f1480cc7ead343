"""Recommenders that generate the embedding of the next item by denoising, given the state of the history."""
import torch
from torch import Tensor, nn

from workbench.data import Histories
from workbench.interfaces import ReadoutPositions
from workbench.nets.denoiser import Denoiser, denoise, signal_shares
from workbench.recommenders.sequential import LastState


class DenoisedNext(nn.Module):
    """An encoder of histories and a denoiser of item vectors.

    vectors (I+1, D): the frozen embeddings of the items, `item`; row 0 is zeros. noise (D,): where every history's
    denoising starts, a buffer. times: T of the noise schedule. Called with ids (B, T) it is the encoder.
    """

    def __init__(self, encoder: nn.Module, vectors: Tensor, denoiser: Denoiser, noise: Tensor, *, times: int):
        super().__init__()
        self.item = nn.Embedding.from_pretrained(vectors, freeze=True, padding_idx=0)
        self.encoder, self.denoiser = encoder, denoiser
        self.register_buffer("noise", noise)
        self.register_buffer("shares", signal_shares(times))

    def forward(self, items: Tensor) -> Tensor:
        return self.encoder(items)

    def generate(self, h: Tensor, *, steps: int, guidance: float) -> Tensor:
        """(B, D) vectors denoised under conditions h (B, D). guidance: see `Denoiser.guided`."""

        def predict(x: Tensor, t: int) -> Tensor:
            return self.denoiser.guided(x, h, t, guidance)

        return denoise(predict, self.noise.expand_as(h), self.shares, steps)


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
