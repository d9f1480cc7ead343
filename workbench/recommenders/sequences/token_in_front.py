"""Reading encoders that put a token of their own in front of a history, such as the profile of its user."""
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from workbench.data import Histories
from workbench.interfaces import ReadoutPositions
from workbench.recommenders.sequential import LastState


@dataclass(frozen=True)
class TokenInFront:
    """A `vector.Reader` as `last`, of a module whose layers have `tokens` positions before those of the events, of
    which none is a readout position."""

    last: LastState
    tokens: int = 1

    readout_mask = None

    @property
    def max_length(self) -> int:
        return self.last.max_length

    @property
    def batch(self) -> int:
        return self.last.batch

    def states(self, module: nn.Module, histories: Histories) -> Tensor:
        """(B, D) hidden state after the last event of each history."""
        return self.last.states(module, histories)

    def trace(self, module: nn.Module, histories: Histories) -> ReadoutPositions:
        """Run histories of at most `max_length` events."""
        found = self.last.trace(module, histories)
        return found._replace(mask=np.pad(found.mask, ((0, 0), (self.tokens, 0))))
