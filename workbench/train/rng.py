"""Named random streams: every generator is derived from (seed, name), so an ablated component cannot shift the random
numbers of the others.

Streams used in training are also named by epoch or step, so a resumed run is bit-exact without a saved generator state.
"""
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def derive_seed(seed: int, *name: object) -> int:
    """A 63-bit seed for the random stream `name`.

    >>> derive_seed(0, "order", 1) == derive_seed(0, "order", 1) != derive_seed(0, "order", 2)
    True
    """
    digest = hashlib.sha256("/".join(map(str, (seed, *name))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def named_rng(seed: int, *name: object) -> np.random.Generator:
    """A numpy random generator for the random stream `name`."""
    return np.random.default_rng(derive_seed(seed, *name))


@contextmanager
def seeded_torch(seed: int, *name: str | int) -> Iterator[None]:
    """Inside, torch draws from a stream of its own for `name`, derived from the seed: what is drawn there depends on
    nothing outside, and nothing outside on it."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, *name))
        yield
