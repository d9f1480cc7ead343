"""Generative recommenders: a network decodes an item's semantic ID code by code, constrained to a trie of items."""
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench import decode
from workbench.data import Cases, Histories, Split
from workbench.errors import UserError
from workbench.evaluate import top_k
from workbench.interfaces import ReadoutPositions, Recommendations
from workbench.losses.code_sequences import CodeLoss, code_cross_entropy, within_trie
from workbench.recommenders.code_buffer import CodeBuffer
from workbench.recommenders.sequential import token_batches
from workbench.recommenders.state_dict import get_weights, load_weights
from workbench.tokens import ItemCodes
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit

VALIDATION_CASES = 1000  # cases for the per-level validation loss in the learning curve


class Additions(NamedTuple):
    """What a system adds to a `Generative`. mark(rows, histories): rows (B, T, L + S, R) of histories as the network is
    to read them. loss(states, items, step): a further term, of the hidden states (N, L, D) that predict the codes of
    the targets, and these items (N,). each_epoch(epochs): see train.fit; it gives new codes to `code_buffer.write`.
    report(): further columns of the learning curve, at every validation."""

    mark: Callable[[Tensor, Histories], Tensor] | None = None
    loss: Callable[[Tensor, Tensor, int], Tensor] | None = None
    each_epoch: Callable[[int], None] | None = None
    report: Callable[[], dict[str, float]] | None = None


NOTHING = Additions()


class Generative:
    """An `interfaces.Recommender`, `Scorer` and `Likelihood` around a network with `teacher_forced`, `prefill` and
    `step` (workbench.nets.semantic_id_decoder).

    codes: the items' semantic IDs; metrics are collision-corrected with them. They are state of the network, in its
    buffer `item_codes`. streams: (I+1, S) rows of the embedding table that follow the codes of each item read, for a
    network with `streams`. beam: the beam width, which is also the maximum k. max_length: number of most recent items
    that are read. all_positions: whether every item of a training row is a target (a causal decoder) or only the last
    one (an encoder-decoder). loss: of the logits of the target codes. trie_softmax: whether a code is normalised over
    those that continue an item's prefix, instead of over all of its level. trainable: see train.fit.
    additions: see `Additions`.
    """

    def __init__(
        self, module: nn.Module, codes: ItemCodes, *, beam: int, max_length: int, all_positions: bool,
        streams: np.ndarray | None = None, loss: CodeLoss = code_cross_entropy, trie_softmax: bool = False,
        trainable: str | Sequence[str] = "*", additions: Additions = NOTHING,
    ):  # fmt: skip
        self.likelihood, self.additions = True, additions
        self.module, self.beam, self.max_length, self.all_positions = module, beam, max_length, all_positions
        self.loss, self.trie_softmax, self.trainable = loss, trie_softmax, trainable
        self.code_buffer = CodeBuffer(module, codes, streams)

    @property
    def codes(self) -> ItemCodes:
        """The codes that the network holds now; other ones have another `version`."""
        return self.code_buffer.read().codes

    @property
    def device(self) -> torch.device:
        return self.module.code.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train on every next item in train once per epoch: the loss of its codes under teacher forcing.
        A causal decoder also learns to predict the first item of each window, from the start token alone.

        UserError if no train history has two events.
        """
        self.module.to(session.device)
        length = self.max_length + 1
        rows = split.train.windows(length) if self.all_positions else split.train.prefixes(length)
        if not len(rows):
            raise UserError("no train history has two events, so there is no next item to learn from", code=3)
        tokens = session.recipe.batch_size * float(np.mean(rows.lengths))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(rows.lengths, tokens, named_rng(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            histories = rows.take(index)
            states, targets = self.module.teacher_forced(self.tokenize(histories)[0])
            codes = self.loss(*self._logits(states, targets))
            if self.additions.loss is None:
                return codes
            items = histories.items if self.all_positions else histories.items[histories.offsets[1:] - 1]
            return codes + self.additions.loss(states, torch.from_numpy(items).to(self.device).long(), step)

        valid = split.valid.one_each()
        valid = valid.take(np.arange(min(VALIDATION_CASES, len(valid.targets))))

        def validate() -> dict[str, float]:
            nats = -self.code_log_probs(valid).mean(0)
            curve = session.validate(self) | {f"nats/{level + 1}": float(nat) for level, nat in enumerate(nats)}
            return curve | (self.additions.report() if self.additions.report else {})

        validate = validate if session.validate else None
        return fit(
            self.module, batches, loss, session, validate=validate, trainable=self.trainable,
            each_epoch=self.additions.each_epoch,
            weight=lambda index: int(rows.lengths[index].sum()) if self.all_positions else len(index),
        )  # fmt: skip

    def _logits(self, states: Tensor, rows: Tensor) -> tuple[list[Tensor], Tensor, list[Tensor]]:
        """What a `CodeLoss` is given: logits of every level, codes (N, L) of the targets' embedding rows, the trie."""
        table, levels = self.module.code, self.codes.levels
        logits = [table.logits(states[:, level], level) for level in range(levels)]
        return logits, rows - torch.tensor(table.starts[:levels], device=rows.device), self.code_buffer.read().children

    def tokenize(self, histories: Histories) -> tuple[Tensor, Tensor]:
        """Histories as rows of the code embedding table (B, T, L + S, R), right-padded with 0, and their lengths (B,).

        UserError on an unknown item id.
        """
        if len(histories.items) and not 1 <= histories.items.min() <= histories.items.max() <= self.codes.n_items:
            raise UserError(f"a history holds an unknown item id; ids go from 1 to {self.codes.n_items}", code=3)
        length = max(1, int(histories.lengths.max(initial=1)))
        rows = self.code_buffer.read().item_rows[torch.from_numpy(histories.padded(length))]
        rows = rows if self.additions.mark is None else self.additions.mark(rows, histories)
        return rows.to(self.device), torch.from_numpy(histories.lengths).to(self.device)

    def beams(
        self, histories: Histories, *, beam: int = 0, exclude: Histories | None = None, constrained: bool = True
    ) -> decode.Beams:
        """The beams of each history after every level. beam: 0 for the recommender's own beam width."""
        self.module.eval()
        excluded = None
        if exclude is not None:
            if len(exclude) != len(histories):
                raise UserError(f"exclude has {len(exclude)} rows for {len(histories)} histories; expected as many")
            excluded = decode.excluded_edges(self.codes.trie, exclude.rows(), exclude.items, self.device)
        rows, lengths = self.tokenize(histories.last(self.max_length))
        return decode.beam_search(
            self.module, rows, lengths, self.code_buffer.read().children,
            beam=beam or self.beam, excluded=excluded, constrained=constrained, trie_softmax=self.trie_softmax,
        )

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The top-k items of the beam search, k at most `beam`. UserError as `decode.decoded_lists`."""

        def search(some: Histories, masked: Histories | None) -> tuple[np.ndarray, np.ndarray]:
            beams = self.beams(some, exclude=masked)
            return beams.nodes[-1], beams.scores[-1]

        return decode.decoded_lists(self.codes, search, histories, k, beam=self.beam, exclude=exclude)

    @torch.no_grad()
    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float32 exact log-probability of every item's codes, column 0 -inf; beam search approximates it."""
        self.module.eval()
        tokens = self.tokenize(histories.last(self.max_length))
        by_group = decode.exact_scores(self.module, *tokens, self.codes.trie, trie_softmax=self.trie_softmax)
        scores = by_group.cpu().numpy()[:, self.codes.trie.group]
        scores[:, 0] = -np.inf
        return scores

    def recommend_exact(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The top-k items by exact score, without the search errors of `recommend`."""
        recommendations = top_k(self.score(histories), k, exclude)
        if not self.codes.has_collisions:
            return recommendations
        group = self.codes.trie.group[recommendations.items]
        group_size = np.tile(self.codes.trie.group_size, (len(group), 1))
        if exclude is not None:
            pairs = np.unique(np.column_stack([exclude.rows(), exclude.items]), axis=0)
            np.subtract.at(group_size, (pairs[:, 0], self.codes.trie.group[pairs[:, 1]]), 1)
        return recommendations._replace(group=group, group_size=np.take_along_axis(group_size, group, axis=1))

    def log_prob(self, histories: Histories, items: np.ndarray) -> np.ndarray:
        """(B, n) log-probability of items (B, n), from a teacher-forced forward pass; items that share their codes
        share the probability evenly. Probability on codes that no item has is not redistributed.

        UserError on an unknown item id.
        """
        items = np.asarray(items)
        if items.ndim != 2 or len(items) != len(histories):
            raise UserError(f"items of shape {items.shape} for {len(histories)} histories; expected a row per history")
        if items.size and not 1 <= items.min() <= items.max() <= self.codes.n_items:
            raise UserError(f"items {items.min()} to {items.max()}: ids go from 1 to {self.codes.n_items}")
        rows = np.repeat(np.arange(len(items)), items.shape[1])
        by_group = self.code_log_probs(Cases(histories.take(rows), items.ravel())).sum(1).reshape(items.shape)
        return by_group - np.log(self.codes.trie.group_size[self.codes.trie.group[items]]).astype(np.float32)

    @torch.no_grad()
    def code_log_probs(self, cases: Cases) -> np.ndarray:
        """(C, L) float32 log-probability of each code of the targets, given the history and the true codes before."""
        self.module.eval()
        out = np.zeros((len(cases.targets), self.codes.levels), np.float32)
        for index in cases.histories.batches(4 * decode.BATCH):
            past = cases.histories.take(index).last(self.max_length)
            items = np.insert(past.items, past.offsets[1:], cases.targets[index])
            with_target = Histories(past.offsets + np.arange(len(past) + 1), items, past.users)
            states, targets = self.module.teacher_forced(self.tokenize(with_target)[0])
            if self.all_positions:
                last = np.cumsum(with_target.lengths) - 1
                states, targets = states[last], targets[last]
            logits, codes, children = self._logits(states, targets)
            logits = within_trie(logits, codes, children) if self.trie_softmax else logits
            for level, each in enumerate(logits):
                out[index, level] = each.log_softmax(-1).gather(1, codes[:, level, None])[:, 0].cpu().numpy()
        return out

    @torch.no_grad()
    def trace(self, histories: Histories) -> ReadoutPositions:
        """Run histories of at most `max_length` events under teacher forcing: L readout positions for every event but
        the first of a history, each at the position that predicts one of its codes.

        UserError for an encoder-decoder, whose encoder and decoder have different positions.
        """
        if not self.all_positions:
            raise UserError("an encoder-decoder cannot be traced yet: build with architecture='decoder'")
        self.module.eval()
        rows, _ = self.tokenize(histories)
        self.module.teacher_forced(rows)
        L, row = self.codes.levels, histories.rows()
        position = np.arange(len(row)) - histories.offsets[row]
        mask = np.zeros((len(histories), *rows.shape[1:3]), bool)
        mask[row[position > 0], position[position > 0], :L] = True
        event = np.flatnonzero(position > 0) - 1
        return ReadoutPositions(mask.reshape(len(mask), -1), np.repeat(event, L), np.tile(np.arange(L), len(event)))

    def state(self) -> dict[str, np.ndarray]:
        """The weights of the network and, as item_codes, the codes of the items."""
        return get_weights(self.module)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Load weights and codes. UserError, with nothing changed, if their shapes do not fit."""
        shapes = {name: array.shape for name, array in self.state().items() if name != "item_codes"}
        if {n: a.shape for n, a in state.items() if n != "item_codes"} != shapes or "item_codes" not in state:
            raise UserError("this state is of a network with other shapes, or has no item codes", code=3)
        codes = self.codes.with_codes(state["item_codes"])
        if not np.array_equal(codes.codes, self.codes.codes):
            self.code_buffer.write(codes)
        load_weights(self.module, state)
