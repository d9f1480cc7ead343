"""Items are decoded code by code in an order of each beam's own, among the items of the catalogue alone."""
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories, Split
from workbench.decode import decoded_lists
from workbench.errors import UserError, unknown_name
from workbench.interfaces import Recommendations
from workbench.nets.any_order_decoder import AnyOrderDecoder
from workbench.recommenders.sequential import LastState, next_items
from workbench.recommenders.state_dict import get_weights, load_weights
from workbench.tokens import ItemCodes
from workbench.train.fit import TrainingSession, fit

ORDERS = ("confidence", "fixed", "random")
PAIRS = 2048  # of a history and a code group, scored exactly at a time


class Beams(NamedTuple):
    """W beams of B histories. given: (B, W, L) rows of the codes emitted, 0 for none. scores: (B, W) sums of
    log-probabilities, -inf for an empty beam. owner, group: (P,) the pairs of a beam, counted over all histories, and
    a code group that its codes fit."""

    given: Tensor
    scores: Tensor
    owner: Tensor
    group: Tensor


class AnyOrder:
    """An `interfaces.Recommender` around an `AnyOrderDecoder`.

    codes: the items' codes, whose levels have no order; metrics are collision-corrected with them. beam: the beam
    width, which is also the maximum k. order: the codebook that a beam emits next: "confidence", the one with the most
    probable code; "fixed", the first; or "random", by `chance` (1 + K_1 + .. + K_L, L) in [0, 1), whose rows of the
    last item's and the emitted codes are added modulo 1. threshold: after every code, beams whose consistency is under
    `threshold` times the best one's are dropped; consistency is the geometric mean of the probabilities of the emitted
    codes, each given the others. The beams that stay hold as many code groups as the beam is wide, so no list gets
    shorter.

    The codes of a path are its item's, so an item has one path and its score is one number: the sum over the path of
    log p(code | history, codes before), p over all K codes of its codebook.
    """

    def __init__(
        self, module: AnyOrderDecoder, codes: ItemCodes, *, beam: int, max_length: int, order: str = "confidence",
        threshold: float = 0.0, chance: np.ndarray | None = None,
    ):  # fmt: skip
        if order not in ORDERS:
            raise unknown_name("order of codebooks", order, ORDERS)
        if not 0 <= threshold < 1:
            raise UserError(f"threshold={threshold} is a share of the best consistency: at least 0 and below 1")
        if order == "random" and chance is None:
            raise UserError("order='random' needs chance, random numbers for every code and codebook")
        self.module, self.codes, self.beam, self.max_length = module, codes, beam, max_length
        self.order, self.threshold, self.reader = order, threshold, LastState(max_length)
        self.chance = None if chance is None else torch.from_numpy(np.asarray(chance, np.float32))
        trie = codes.trie
        self.group_rows = module.item.rows[torch.from_numpy(trie.order[trie.first[-1]].astype(np.int64))]

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Learn every next item in train once per epoch. UserError if no train history has two events."""
        self.module.to(session.device)
        learned = next_items(lambda h, weight, targets, step: self.module.code_loss(h, targets),
                             max_length=self.max_length, full=False)(self.module, split, session)  # fmt: skip
        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(self.module, learned.batches, learned.loss, session, validate=validate, weight=learned.weight)

    @torch.no_grad()
    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The top-k items of the beam search, k at most `beam`. UserError as `decode.decoded_lists`."""
        return decoded_lists(self.codes, self._search, histories, k, beam=self.beam, exclude=exclude)

    @torch.no_grad()
    def exact_scores(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float32 scores of the paths of all items, column 0 -inf; beam search approximates them. It takes
        seconds a history for large catalogues, too long for an `interfaces.Scorer`, which audits ask of thousands."""
        h, last = self._states(histories)
        pairs = torch.cartesian_prod(torch.arange(len(h)), torch.arange(len(self.group_rows))).to(h.device)
        parts = [self._path_scores(h[row], last[row], self.group_rows.to(h.device)[group])
                 for row, group in (part.unbind(1) for part in pairs.split(PAIRS))]  # fmt: skip
        by_group = torch.cat(parts or [h.new_zeros(0)]).view(len(h), len(self.group_rows)).cpu().numpy()
        scores = by_group[:, self.codes.trie.group]
        scores[:, 0] = -np.inf
        return scores

    def state(self) -> dict[str, np.ndarray]:
        """The weights of the network and, as item.rows, the codes of the items."""
        return get_weights(self.module)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Load weights. UserError, with nothing changed, for the codes of other items."""
        if not np.array_equal(state.get("item.rows"), self.state()["item.rows"]):
            raise UserError("this state is of a network over other item codes", code=3)
        load_weights(self.module, state)

    def _states(self, histories: Histories) -> tuple[Tensor, Tensor]:
        """States (B, D) and the rows (B, L) of the codes of the last item read, 0 for an empty history."""
        self.module.eval()
        recent = histories.last(self.max_length)
        ends = np.concatenate([[0], recent.items])[np.where(recent.lengths > 0, recent.offsets[1:], 0)]
        h = self.reader.states(self.module, recent)
        return h, self.module.item.rows[torch.from_numpy(ends.astype(np.int64)).to(h.device)]

    def _search(self, histories: Histories, exclude: Histories | None) -> tuple[np.ndarray, np.ndarray]:
        """Code groups (B, W) of the beams, -1 where one is empty, and their scores."""
        h, last = self._states(histories)
        beams = self._start(len(h), exclude, h.device)
        for step in range(self.codes.levels):
            log_p = self.module.log_probs(h[:, None], beams.given)
            if step and self.threshold:
                kept = consistent(log_p, beams, self.module.columns[:, 0], self.threshold, self.beam)
                beams = beams._replace(scores=beams.scores.masked_fill(~kept, -torch.inf))
            beams = self._extend(beams, log_p, self._next(log_p, beams.given, last[:, None]))
        groups = torch.full((beams.scores.numel(),), -1, device=h.device).index_put((beams.owner,), beams.group)
        if beams.scores.isnan().any():
            raise UserError("a score is NaN: training diverged, or the weights or inputs contain NaN", code=1)
        return groups.view(beams.scores.shape).cpu().numpy(), beams.scores.cpu().numpy()

    def _start(self, B: int, exclude: Histories | None, device: torch.device) -> Beams:
        """One beam a history, which fits every code group that has an item left."""
        size = self.codes.trie.group_size
        left = np.tile(size, (B, 1))
        if exclude is not None:
            pairs = np.unique(np.column_stack([exclude.rows(), exclude.items]), axis=0)
            np.subtract.at(left, (pairs[:, 0], self.codes.trie.group[pairs[:, 1]]), 1)
        owner, group = (torch.from_numpy(at).to(device) for at in np.nonzero(left))
        given = torch.zeros(B, 1, self.codes.levels, dtype=torch.int64, device=device)
        return Beams(given, torch.zeros(B, 1, device=device), owner, group)

    def _next(self, log_p: Tensor, given: Tensor, last: Tensor) -> Tensor:
        """(B, W) the codebook that every beam emits next, of those not given yet."""
        if self.order == "confidence":
            priority = log_p.amax(-1)
        elif self.order == "fixed":
            priority = -torch.arange(given.shape[-1], device=given.device).float().expand(given.shape)
        else:
            chance = self.chance.to(given.device)
            priority = (chance[given].sum(-2) + chance[last].sum(-2)).remainder(1)
        return priority.masked_fill(given > 0, -torch.inf).argmax(-1)

    def _extend(self, beams: Beams, log_p: Tensor, level: Tensor) -> Beams:
        """The best beams with one more code, of codebook `level` (B, W), that an item of the catalogue goes on with."""
        B, W, L, K = log_p.shape
        rows = self.group_rows.to(log_p.device)[beams.group, level.flatten()[beams.owner]]
        edge = beams.owner * K + rows - self.module.columns[level.flatten()[beams.owner], 0]  # of each pair
        allowed = torch.zeros(B * W * K, dtype=torch.bool, device=rows.device).index_fill(0, edge, True)
        own = log_p.gather(2, level[..., None, None].expand(B, W, 1, K))[:, :, 0]
        total = (beams.scores[..., None] + own).flatten(1).masked_fill(~allowed.view(B, W * K), -torch.inf)
        scores, chosen = total.topk(min(self.beam, W * K), dim=1)
        parent, code = chosen // K, chosen % K
        emitted = level.gather(1, parent)
        given = beams.given.gather(1, parent[..., None].expand(*parent.shape, L))
        given = given.scatter(2, emitted[..., None], self.module.columns[emitted, code][..., None])
        child = torch.full((B * W * K,), -1, device=rows.device)  # the new beam of an edge
        at = (chosen + torch.arange(B, device=rows.device)[:, None] * W * K)[scores > -torch.inf]
        child[at] = torch.arange(scores.numel(), device=rows.device).view_as(scores)[scores > -torch.inf]
        owner = child[edge]  # a pair goes on with at most one child of its beam
        return Beams(given, scores, owner[owner >= 0], beams.group[owner >= 0])

    def _path_scores(self, h: Tensor, last: Tensor, rows: Tensor) -> Tensor:
        """(N,) the score of the path to codes given as rows (N, L), from states (N, D)."""
        given, score = torch.zeros_like(rows), torch.zeros(len(h), device=h.device)
        each = torch.arange(len(h), device=h.device)
        for _ in range(rows.shape[1]):
            log_p = self.module.log_probs(h, given)
            level = self._next(log_p, given, last)
            emitted = rows[each, level]
            score = score + log_p[each, level, emitted - self.module.columns[level, 0]]
            given = given.scatter(1, level[:, None], emitted[:, None])
        return score


def consistent(log_p: Tensor, beams: Beams, starts: Tensor, threshold: float, width: int) -> Tensor:
    """(B, W) which beams stay: those whose consistency is at least `threshold` times the best one's, and, the most
    consistent first, as many as it takes to hold `width` code groups.

    log_p: (B, W, L, K), where that of a code given is under the condition of the others. starts: (L,) the first row of
    each codebook.
    """
    emitted = beams.given > 0
    codes = (beams.given - starts).clamp_min(0)
    own = log_p.gather(3, codes[..., None])[..., 0].masked_fill(~emitted, 0).sum(-1)
    value = (own / emitted.sum(-1).clamp_min(1)).masked_fill(beams.scores == -torch.inf, -torch.inf)
    held = torch.bincount(beams.owner, minlength=value.numel()).view_as(value)
    ordered, order = value.sort(dim=1, descending=True, stable=True)
    in_order = held.gather(1, order)
    needed = in_order.cumsum(1) - in_order < width
    stays = needed | (ordered >= ordered[:, :1] + np.log(threshold) if threshold else torch.ones_like(needed))
    return torch.empty_like(stays).scatter(1, order, stays)
