"""Where the lists of a re-ranker end that learns to stop, on test cases."""
import numpy as np
import torch

from workbench.data import Cases
from workbench.evaluate.rerank.list_length import StopCurve, stop_curve
from workbench.recommenders.rerank.trained import TrainedReranker


@torch.no_grad()
def learnt_stop(model: TrainedReranker, cases: Cases, *, masked: bool) -> tuple[StopCurve, np.ndarray, np.ndarray]:
    """Hits against length of the lists that end and of every fixed cut of the same order; the lists (C, n) and their
    lengths (C,). model: its module has `walk`, to a `nets.rerank.pointer.Walk`, and `stop`. masked: without the items
    of the histories."""
    cases, orders, lengths = cases.one_each(), [], []
    model.module.eval()
    for at in np.array_split(np.arange(len(cases.targets)), -(-len(cases.targets) // 256)):
        histories = cases.histories.take(at)
        items = model.candidates(histories, histories if masked else None).astype(np.int64)
        given = torch.from_numpy(items).to(model.device)
        walk = model.module.walk(histories, given, torch.arange(items.shape[1]).to(given).expand_as(given),
                                 items.shape[1])  # fmt: skip
        orders.append(np.take_along_axis(items, walk.chosen.cpu().numpy(), axis=1))
        lengths.append(walk.lengths(model.module.stop).cpu().numpy())
    items, length = np.concatenate(orders), np.concatenate(lengths)
    hit = items == cases.targets[:, None]
    places = np.where(hit.any(axis=1), hit.argmax(axis=1), -1)
    return stop_curve(places, length, items.shape[1]), items, length
