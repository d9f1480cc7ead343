"""Contrast of a batch's nodes in one direction: each row looked up once, cosines made a block of rows at a time."""
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.recommenders.graphs.propagated import Vectors
from workbench.recommenders.triples import Triples

ROWS = 128  # whose cosines with all others stay in the cache


def one_way_info_nce(a: Tensor, b: Tensor, tau: float) -> Tensor:
    """The mean over rows i of -log softmax_j(cos(a_i, b_j) / tau) at j = i, of two views (n, D) of n things: each row
    of a tells those of b apart (van den Oord et al. 2018). `losses.contrast.info_nce` is the mean of both directions.

    Cosines are discarded block by block, with both gradients made of them, so each costs one exponential.

    >>> round(one_way_info_nce(torch.eye(2), torch.eye(2), 1.0).item(), 4)
    0.3133
    """
    return _OneWay.apply(F.normalize(a, dim=1) / tau, F.normalize(b, dim=1))


def looked_up_once(vectors: Vectors, triples: Triples) -> tuple[Vectors, Triples, Tensor]:
    """The vectors of a batch's users and items, each looked up once, so that their gradients are put into the tables
    once; its triples by place in these; and the places (n,) among all nodes of its users, then of the items they have.
    """
    users, user = triples.users.unique(return_inverse=True)
    items, item = torch.cat([triples.items, triples.negatives]).unique(return_inverse=True)
    ids = Triples(user, *item.split(len(user)))
    batch = Vectors(F.embedding(users, vectors.user), F.embedding(items, vectors.item), [])
    return batch, ids, torch.cat([users, items[ids.items.unique()] + len(vectors.user)])


class _OneWay(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor) -> Tensor:
        a, b = a.detach(), b.detach()
        of_a, of_b, loss = -b, -a, a.new_zeros(())
        for start in range(0, len(a), ROWS):
            rows = a[start : start + ROWS]
            p = (rows @ b.T).softmax(1)
            loss -= p.diagonal(start).clamp_min(torch.finfo(p.dtype).tiny).log().sum()
            of_a[start : start + ROWS].addmm_(p, b)
            of_b.addmm_(p.T, rows)
        ctx.save_for_backward(of_a, of_b)
        return loss / len(a)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        of_a, of_b = ctx.saved_tensors
        grad = grad / len(of_a)
        return grad * of_a, grad * of_b
