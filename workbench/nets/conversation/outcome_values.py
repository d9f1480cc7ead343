"""Values of asking and recommending by the outcomes of the turns so far and how many candidates are left."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

BITS = 16  # of a number of candidates


class OutcomeValues(nn.Module):
    """A state to values (B, 2) of recommending and asking (Lei et al., SCPR, KDD 2020, section 4.3.2).

    The state: outcomes (B, T) int64 codes of the turns, 0 for those to come. count (B,) int64 candidates, which is read
    as binary digits. may_ask (B,) bool; where it does not hold asking has the value -inf. codes: number of codes.
    """

    def __init__(self, turns: int, codes: int, *, width: int):
        super().__init__()
        self.codes = codes
        self.layers = nn.Sequential(
            nn.Linear(turns * codes + BITS, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
        )

    def forward(self, state: dict[str, Tensor]) -> Tensor:
        outcomes = F.one_hot(state["outcomes"], self.codes).flatten(1).float()
        values = self.layers(torch.cat([outcomes, digits(state["count"])], dim=1))
        never = torch.zeros_like(values).bool()
        never[:, 1] = ~state["may_ask"]
        return values.masked_fill(never, -torch.inf)


def digits(numbers: Tensor) -> Tensor:
    """(B, BITS) the binary digits of numbers (B,), lowest first.

    >>> digits(torch.tensor([5]))[0, :4].tolist()
    [1.0, 0.0, 1.0, 0.0]
    """
    return ((numbers[:, None] >> torch.arange(BITS, device=numbers.device)) & 1).float()
