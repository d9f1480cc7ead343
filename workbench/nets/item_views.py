"""Items as two views of what they are, such as text and image, and a mixture of both on the sphere."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN = 4  # times the width, inside the network of a view
NEAREST = 1e-6  # of the cosine to 1, where the angle still has a gradient


def slerp(a: Tensor, b: Tensor, p: Tensor | float) -> Tensor:
    """(n, D) unit vectors on the arc from b (p = 0) to a (p = 1), of unit vectors a, b (n, D) and shares p, a number or
    (n, 1): sin(p w) / sin w a + sin((1 - p) w) / sin w b, w the angle between a and b (Shoemake, 1985). Of opposite
    vectors no arc is the shortest, and the result is not of length 1.

    >>> slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 0.5)
    tensor([[0.7071, 0.7071]])
    """
    angle = (a * b).sum(1, keepdim=True).clamp(-1 + NEAREST, 1 - NEAREST).acos()
    return (torch.sin(p * angle) * a + torch.sin((1 - p) * angle) * b) / torch.sin(angle)


class ItemViews(nn.Module):
    """`weight`: (I+1, 3 D) items as three unit vectors of D each: a network's of the first view, one's of the second,
    and the mixture of linear projections of both. No parameter belongs to an item. Row 0 is zeros.

    first, second: (I+1, F) each, of any F; kept times sqrt(F), so that entries of unit rows are about 1.
    mixing: while training, the share p of the first view in the mixture is drawn anew for each item, from
    Beta(mixing, mixing) by torch's generator, whenever `weight` is asked for; else it is 1/2, the mean of that.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray, width: int, mixing: float):
        super().__init__()
        self.mixing = mixing
        for name, view in (("first", first), ("second", second)):
            scaled = torch.from_numpy(view[1:].astype(np.float32) * view.shape[1] ** 0.5)
            self.register_buffer(name, scaled, persistent=False)
        self.networks = nn.ModuleList(view_network(view.shape[1], width) for view in (first, second))
        self.projections = nn.ModuleList(nn.Linear(view.shape[1], width) for view in (first, second))

    @property
    def weight(self) -> Tensor:
        """(I+1, 3 D)."""
        views = self.first, self.second
        own = [F.normalize(network(view), dim=1) for network, view in zip(self.networks, views)]
        a, b = (F.normalize(project(view), dim=1) for project, view in zip(self.projections, views))
        return F.pad(torch.cat([*own, slerp(a, b, self._shares())], 1), (0, 0, 1, 0))

    def _shares(self) -> Tensor | float:
        if not self.training:
            return 0.5
        alpha = torch.full((len(self.first), 1), self.mixing, device=self.first.device)
        return torch.distributions.Beta(alpha, alpha).sample()


def view_network(features: int, width: int) -> nn.Sequential:
    """(n, F) -> (n, D): one hidden layer, four times as wide, with a leaky ReLU."""
    return nn.Sequential(
        nn.Linear(features, HIDDEN * width), nn.LeakyReLU(), nn.Linear(HIDDEN * width, width, bias=False)
    )
