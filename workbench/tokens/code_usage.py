"""How the codes of a tokenizer are used, level by level, and what error they leave: what is to be known about them."""
import logging
from collections.abc import Sequence

import numpy as np

log = logging.getLogger("workbench")
MIN_USED = 0.1  # warn where a smaller share of a level's codes is used


def code_usage(codes: np.ndarray, sizes: Sequence[int]) -> dict[str, list]:
    """Per level of codes (n, L): `used`, how many codes occur, and `perplexity`, exp of the entropy of their shares.

    >>> code_usage(np.array([[0, 0], [1, 0], [2, 0], [3, 0]]), (4, 4))
    {'used': [4, 1], 'perplexity': [4.0, 1.0]}
    """
    used, perplexity = [], []
    for level, size in enumerate(sizes):
        count = np.bincount(codes[:, level], minlength=size)
        share = count[count > 0] / len(codes)
        used.append(len(share))
        perplexity.append(round(float(np.exp(-(share * np.log(share)).sum())), 3))
    return {"used": used, "perplexity": perplexity}


def warn_of_unused_codes(kind: str, used: Sequence[int], sizes: Sequence[int]) -> None:
    """Warn, with the remedy, of each level that uses less than a tenth of its codes."""
    for level, (n, size) in enumerate(zip(used, sizes), start=1):
        if n < MIN_USED * size:
            log.warning(
                "%s: level %d uses %d of %d codes (%.0f %%): choose a smaller size or fewer levels, or "
                "balanced-kmeans, which fills every code", kind, level, n, size, 100 * n / size,
            )  # fmt: skip


def unexplained_variance(rows: np.ndarray, approximations: Sequence[np.ndarray]) -> list[float]:
    """For each approximation (n, D) the squared error as a share of the variance of rows (n, D).

    >>> rows = np.array([[0.0, 0.0], [2.0, 2.0]])
    >>> unexplained_variance(rows, [rows * 0 + 1, rows])
    [1.0, 0.0]
    """
    variance = np.square(rows - rows.mean(0)).sum()
    return [round(float(np.square(rows - each).sum() / variance), 6) for each in approximations]
