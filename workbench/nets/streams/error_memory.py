"""A memory of the last errors of a model, by the vector of the input; near ones are found by hashing.

Random hyperplanes (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002): vectors at a
small angle fall on the same side of most of them. Time and memory do not grow with what is written.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FLOOR = 1e-4  # of the variance of a direction, as a share of the greatest


class ErrorMemory(nn.Module):
    """`tables` hash tables of 2^bits buckets with `slots` places each; in a full bucket the oldest is overwritten.

    serials: (tables, buckets, slots) the number of what is written, from 1, and 0 where nothing is. written: how much
    was, since the start. All that it holds is in buffers.
    """

    def __init__(self, width: int, *, tables: int, bits: int, slots: int):
        super().__init__()
        shape = (tables, 2**bits, slots)
        self.register_buffer("planes", torch.randn(width, tables * bits))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("white", torch.eye(width))
        self.register_buffer("powers", 2.0 ** torch.arange(bits))
        self.register_buffer("keys", torch.zeros(*shape, width))
        self.register_buffer("errors", torch.zeros(shape))
        self.register_buffer("serials", torch.zeros(shape, dtype=torch.int64))
        self.register_buffer("counts", torch.zeros(shape[:2], dtype=torch.int64))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))

    def whiten(self, keys: Tensor) -> None:
        """From now on see every key as its deviation from the mean of these (n, D), of which every direction varies
        alike (Kessy, Lewin and Strimmer, The American Statistician 2018: ZCA). The last vector of a model varies nearly
        all along its output: hashed as it is, it tells apart what the model says and hardly of what it says it."""
        deviations = keys.double() - keys.double().mean(dim=0)
        values, vectors = torch.linalg.eigh(deviations.T @ deviations / len(keys))
        scale = values.clamp(min=float(values.max()) * FLOOR + 1e-12).rsqrt()
        self.centre[:], self.white[:] = keys.mean(dim=0), vectors @ (scale[:, None] * vectors.T)

    def direction(self, keys: Tensor) -> Tensor:
        """(n, D) of length 1: keys as they are compared."""
        return F.normalize((keys - self.centre) @ self.white, dim=-1)

    def buckets(self, keys: Tensor) -> Tensor:
        """(n, tables) the bucket of each key (n, D) in each table."""
        return self._buckets(self.direction(keys))

    def _buckets(self, directions: Tensor) -> Tensor:
        sides = (directions @ self.planes > 0).view(len(directions), -1, len(self.powers))
        return (sides.to(directions) @ self.powers).long()

    def write(self, keys: Tensor, errors: Tensor) -> None:
        """Remember errors (n,) with their keys (n, D), the oldest first."""
        n, n_slots = len(keys), self.errors.shape[2]
        keys = self.direction(keys)
        buckets = self._buckets(keys)
        serials = self.written + 1 + torch.arange(n, device=keys.device)
        for table in range(self.errors.shape[0]):
            bucket = buckets[:, table]
            order = by_bucket(bucket, self.counts.shape[1])
            size = torch.bincount(bucket, minlength=self.counts.shape[1])
            place = torch.empty_like(order)
            place[order] = torch.arange(n, device=keys.device) - (size.cumsum(0) - size)[bucket[order]]
            kept = place >= size[bucket] - n_slots  # of more than a bucket holds, the last
            slot = ((self.counts[table, bucket] + place) % n_slots)[kept]
            at = (table * self.counts.shape[1] + bucket[kept]) * n_slots + slot
            self.keys.view(-1, self.keys.shape[-1]).index_copy_(0, at, keys[kept])
            self.errors.view(-1).index_copy_(0, at, errors[kept].float())
            self.serials.view(-1).index_copy_(0, at, serials[kept])
            self.counts[table] += size
        self.written += n

    def found(self, keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, tables * slots) cosines, errors and serials of all that shares a bucket with keys (n, D), the newest
        first; cosine -inf where a place is empty, or holds what was found in another table too."""
        keys = self.direction(keys)
        n, size = len(keys), self.counts.shape[1]
        at = (self._buckets(keys) + torch.arange(len(self.counts), device=keys.device) * size).flatten()
        held, errors, serials = (each.flatten(0, 1).index_select(0, at).view(n, -1, *each.shape[3:])
                                 for each in (self.keys, self.errors, self.serials))  # fmt: skip
        serials, newest = newest_first(serials)
        near = torch.einsum("nd,nmd->nm", keys, held)
        again = F.pad(serials[:, 1:] == serials[:, :-1], (1, 0))  # found in two tables
        near = near.gather(1, newest).masked_fill_(again | (serials == 0), -torch.inf)
        return near, errors.gather(1, newest), serials

    def nearest(self, keys: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """(n, k) cosines, errors and serials of the nearest that share a bucket with keys (n, D), the nearest first and
        of equally near ones the newest; serial 0 and cosine -inf where there are fewer than k."""
        near, errors, serials = self.found(keys)
        near, best = near.sort(dim=1, descending=True, stable=True)
        near, best = near[:, :k], best[:, :k]
        there = near > -torch.inf
        return near, errors.gather(1, best) * there, serials.gather(1, best) * there

    def read(self, keys: Tensor, *, k: int, tau: float) -> Tensor:
        """(n,) the error to be expected at keys (n, D): the mean of those of the k nearest, weighted by
        softmax(cosine / tau); 0 where none is found."""
        all_count = k >= self.errors.shape[0] * self.errors.shape[2]  # then there is nothing to sort by
        near, errors, _ = self.found(keys) if all_count else self.nearest(keys, k)
        weights = (near / tau).softmax(dim=1).nan_to_num_(0.0)  # NaN where all are -inf
        return (weights * errors).sum(dim=1)


def newest_first(serials: Tensor) -> tuple[Tensor, Tensor]:
    """(n, m) serials in falling order, and (n, m) the columns that they were in; of two alike either may be first."""
    if not serials.is_cpu:
        return serials.sort(dim=1, descending=True)
    m = serials.shape[1]  # numpy sorts short rows of whole numbers several times as fast, columns in their last bits
    bits = m.bit_length()
    packed = torch.from_numpy(np.sort((-serials.numpy() << bits) + np.arange(m), axis=1))
    return -(packed >> bits), packed & (2**bits - 1)


def by_bucket(buckets: Tensor, n_buckets: int) -> Tensor:
    """(n,) places by bucket (n,), a number below n_buckets, those of one bucket in their order."""
    if not buckets.is_cpu or n_buckets > 2**16:
        return buckets.argsort(stable=True)
    return torch.from_numpy(np.argsort(buckets.numpy().astype(np.uint16), kind="stable"))  # a radix sort, of 16 bits


def exact_nearest(queries: Tensor, keys: Tensor, k: int) -> Tensor:
    """(n, k) places of the k keys (m, D) with the greatest cosine to each query (n, D), the nearest first."""
    near = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T
    return near.topk(min(k, len(keys)), dim=1).indices
