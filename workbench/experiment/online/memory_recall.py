"""How many of the exact nearest neighbours the hashed memory of a run finds, window by window."""
from typing import Any

import numpy as np
import pandas as pd
import torch

from workbench.errors import UserError
from workbench.nets.streams.error_memory import exact_nearest
from workbench.train.rng import named_rng


def memory_recall(run: Any, *, k: int = 0, sample: int = 500) -> pd.DataFrame:
    """One row per window of a run of reloop2: the share of the k nearest that the memory finds, "of all" that was
    observed so far, and "of kept", what it still holds; and how many it holds.

    k: by default that of the run. sample: events of a window that are looked up. UserError for a run without a memory.
    """
    observer = run.recommender()
    if "memory.keys" not in observer.state():
        raise UserError(f"{run.label} has no memory of errors; give a run of reloop2 with lam above 0")
    stream, memory, k = observer.stream, observer.module.memory, k or run.info["settings"]["k"]
    rows: list[dict[str, float]] = []
    observed = [observer.served(stream.valid).keys]
    observer.observe(stream.valid)
    for number in range(stream.windows):
        window, known = stream.window(number), torch.cat(observed)
        chosen = named_rng(0, "looked up", number).permutation(len(window.rows))[:sample]
        queries = observer.served(window.take(np.sort(chosen))).keys
        found = memory.nearest(queries, k)[2] - 1
        kept = torch.unique(memory.serials[memory.serials > 0]) - 1
        queries, known = memory.direction(queries), memory.direction(known)
        every, held = exact_nearest(queries, known, k), kept[exact_nearest(queries, known[kept], k)]
        rows.append({"window": number + 1, "of all": _share(every, found), "of kept": _share(held, found),
                     "observed": len(known), "kept": len(kept)})  # fmt: skip
        observed.append(observer.served(window).keys)
        observer.observe(window)
    return pd.DataFrame(rows).set_index("window")


def _share(exact: torch.Tensor, found: torch.Tensor) -> float:
    return float((exact[:, :, None] == found[:, None, :]).any(dim=2).float().mean())
