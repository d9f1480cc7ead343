"""A click model of slates: users and items are vectors, and a click is a softmax over what was shown, or no click.

After Eide, Leslie and Frigessi, "Dynamic slate recommendation with gated recurrent units and Thompson sampling", Data
Mining and Knowledge Discovery 2022 (arXiv:2104.15046): items are drawn around their category, users are variational.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

OWN, CENTRE, BIAS = 0.5, 1.0, 1.0  # prior standard deviations: of an item around its category, of a category, of a bias


class ClickModel(nn.Module):
    """Utility of item i for a user z ~ N(0, 1): z . (centre of its category + own_i) + bias_i.

    n_users: of the train log, each with a mean and a deviation (variational). category: (I+1,) int. slots: k of a
    slate; the first is as it is, the others have a logit of their own. none: (2,) the logit of no click is none[0] +
    none[1] * log(items in the slate).
    """

    def __init__(self, n_users: int, category: np.ndarray, *, slots: int, width: int):
        super().__init__()
        self.register_buffer("category", torch.from_numpy(np.asarray(category, np.int64)), persistent=False)
        self.mean, self.log_deviation = nn.Embedding(n_users, width), nn.Embedding(n_users, width)
        self.centre = nn.Embedding(int(category.max()) + 1, width)
        self.own = nn.Embedding(len(category), width)
        self.bias, self.place = nn.Embedding(len(category), 1), nn.Parameter(torch.zeros(slots - 1))
        self.none = nn.Parameter(torch.zeros(2))
        with torch.no_grad():
            self.mean.weight.mul_(0.1)
            self.log_deviation.weight.fill_(-0.5)
            self.centre.weight.mul_(0.3)
            self.own.weight.mul_(0.1)  # never 0: items alike to the last bit would be ranked by their place in memory
            self.bias.weight.zero_()

    def vectors(self) -> Tensor:
        """(I+1, D) of the items; row 0 is meaningless."""
        return self.centre(self.category) + self.own.weight

    def places(self) -> Tensor:
        """(k,) logits of the slots."""
        return F.pad(self.place, (1, 0))

    def log_probs(self, z: Tensor, shown: Tensor, *, all_items: bool) -> Tensor:
        """(B, T, 1 + k) log-probabilities of no click and of every slot, of slates (B, T, k) and users z (B, D).

        all_items: the softmax is over no click and all items, shown or not; slots then weigh nothing, and the
        probabilities of those shown do not sum to 1. An empty slot, item 0, has probability 0.
        """
        utility = (self.vectors()[shown] @ z[:, None, :, None])[..., 0] + self.bias(shown)[..., 0]
        filled = shown > 0
        none = self.none[0] + self.none[1] * filled.sum(dim=2).clamp(min=1).to(z).log()
        if all_items:
            everything = (z @ self.vectors()[1:].T + self.bias.weight[1:, 0]).logsumexp(1)
            total = torch.logaddexp(none, everything[:, None].expand_as(none))
        else:
            utility = utility + self.places()
            total = torch.logaddexp(none, utility.masked_fill(~filled, -torch.inf).logsumexp(2))
        return torch.cat([none[..., None], utility.masked_fill(~filled, -torch.inf)], dim=2) - total[..., None]

    def loss(
        self, users: Tensor, shown: Tensor, clicked: Tensor, noise: Tensor, *, all_items: bool, total: int
    ) -> Tensor:
        """The negative evidence lower bound per slate. users: (B,). shown: (B, T, k). clicked: (B, T) slots from 1, 0
        for none. noise: (B, D) standard normal. total: slates of the whole log, over which the priors of items are
        spread."""
        mean, log_deviation = self.mean(users), self.log_deviation(users)
        found = self.log_probs(mean + log_deviation.exp() * noise, shown, all_items=all_items)
        surprise = -found.gather(2, clicked[..., None]).mean()
        divergence = (mean.square() + (2 * log_deviation).exp() - 1).sum(1) / 2 - log_deviation.sum(1)
        priors = ((self.own.weight, OWN), (self.centre.weight, CENTRE), (self.bias.weight, BIAS))
        penalty = sum((weight / deviation).square().sum() / 2 for weight, deviation in priors)
        return surprise + divergence.mean() / shown.shape[1] + penalty / total
