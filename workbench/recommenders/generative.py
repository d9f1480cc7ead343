"""Generative recommenders: a network that spells items in semantic IDs, and a trie that keeps the spelling honest."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench import decode
from workbench.data import Cases, Histories, Split
from workbench.errors import UserError
from workbench.evaluate import top_k
from workbench.interfaces import Recommendations, Units
from workbench.recommenders.sequential import token_batches
from workbench.tokens import ItemCodes
from workbench.train import stream
from workbench.train.fit import Session, fit

ROWS = 64  # histories decoded at a time
LOOKED = 1000  # validation cases whose codes' losses are kept with the learning curve


class Generative:
    """A `roles.Recommender`, `Scorer` and `Likelihood` around a network that answers taught, prefill and step.

    codes: the items' semantic IDs; metrics are collision-corrected by them. beam: prefixes kept at each level, also the
    longest list that can be asked for. max_length: items of a history that are read. all_positions: whether a row
    teaches all of its items (a causal decoder) or its last one (an encoder-decoder).
    """

    def __init__(self, module: nn.Module, codes: ItemCodes, *, beam: int, max_length: int, all_positions: bool):
        self.module, self.beam, self.max_length = module, beam, max_length
        self.all_positions = all_positions
        self.adopt(codes)

    def adopt(self, codes: ItemCodes) -> None:
        """Read and spell with these codes from now on. UserError where the network has no rows for them."""
        table = self.module.code
        if table.sizes != codes.sizes or (table.prefixes and table.prefixes != codes.prefixes):
            given, wanted = ((made.sizes, made.prefixes) for made in (codes, table))
            raise UserError(f"codes of sizes and prefixes {given} for a network built for {wanted}; build another, "
                            "without prefixes where codes are to change", code=3)  # fmt: skip
        self.codes = codes
        names, nodes = (torch.from_numpy(table.astype(np.int64)) for table in (codes.codes, codes.trie.node))
        self.rows = self.module.code.catalogue(names, nodes)
        self.children = decode.tables(codes.trie, self.device)

    @property
    def device(self) -> torch.device:
        return self.module.code.weight.device

    def fit(self, split: Split, session: Session) -> list[dict]:
        """Train on every successor in train once an epoch: the mean cross-entropy of codes, each given those before. A
        decoder also learns to begin: the first item of each window, from nothing.

        UserError where no train history holds two events.
        """
        self.module.to(session.device)
        self.adopt(self.codes)
        length = self.max_length + 1
        rows = split.train.windows(length) if self.all_positions else split.train.prefixes(length)
        if not len(rows):
            raise UserError("no train history holds two events, so there is no successor to learn from", code=3)
        tokens = session.recipe.batch_size * float(np.mean(rows.lengths))

        def batches(epoch: int) -> list[np.ndarray]:
            return token_batches(rows.lengths, tokens, stream(session.seed, "order", epoch))

        def loss(index: np.ndarray, step: int) -> Tensor:
            states, targets = self.module.taught(self.read(rows.take(index))[0])
            table = self.module.code
            parts = [
                F.cross_entropy(table.logits(states[:, level], level), targets[:, level] - table.starts[level])
                for level in range(self.codes.levels)
            ]
            return torch.stack(parts).mean()

        valid = split.valid.take(np.arange(min(LOOKED, len(split.valid.targets))))

        def validate() -> dict[str, float]:
            nats = -self.spell_out(valid).mean(0)
            return session.validate(self) | {f"nats/{level + 1}": float(nat) for level, nat in enumerate(nats)}

        validate = validate if session.validate else None
        return fit(self.module, batches, loss, session, validate=validate)

    def read(self, histories: Histories) -> tuple[Tensor, Tensor]:
        """Histories as rows of the code table (B, T, L, R), right-padded with zeros, and their lengths (B,)."""
        if len(histories.items) and not 1 <= histories.items.min() <= histories.items.max() <= self.codes.n_items:
            raise UserError(f"a history holds an id that is no item's: those are 1 to {self.codes.n_items}", code=3)
        length = max(1, int(histories.lengths.max(initial=1)))
        rows = self.rows[torch.from_numpy(histories.padded(length))]
        return rows.to(self.device), torch.from_numpy(histories.lengths).to(self.device)

    def beams(
        self, histories: Histories, *, beam: int = 0, exclude: Histories | None = None, constrained: bool = True
    ) -> decode.Beams:
        """Where the beams of each history stood after every level; `beam`: 0 for the recommender's own."""
        self.module.eval()
        dead = None
        if exclude is not None:
            if len(exclude) != len(histories):
                raise UserError(f"{len(exclude)} rows to exclude for {len(histories)} histories; expected as many")
            dead = decode.dead_edges(self.codes.trie, exclude.rows(), exclude.items, self.device)
        rows, lengths = self.read(histories.last(self.max_length))
        return decode.beam_search(
            self.module, rows, lengths, self.children, beam=beam or self.beam, dead=dead, constrained=constrained
        )

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The k items of the best beams; items that share a code stand together, in the order of their ids.

        UserError if k is wider than the beam, larger than the catalogue, or more than a history leaves over.
        """
        if not 1 <= k <= self.codes.n_items:
            raise UserError(f"k={k}: the catalogue has {self.codes.n_items} items, so k must be between 1 and that")
        if k > self.beam:
            raise UserError(f"k={k}: a beam of {self.beam} can fill no longer list; build with beam={k} or more")
        parts = []
        for start in range(0, max(1, len(histories)), ROWS):
            index = np.arange(start, min(start + ROWS, len(histories)))
            masked = None if exclude is None else exclude.take(index)
            found = self.beams(histories.take(index), exclude=masked)
            parts.append(expand(self.codes, found.nodes[-1], found.scores[-1], k, masked))
        return Recommendations(*(None if part[0] is None else np.concatenate(part) for part in zip(*parts)))

    @torch.no_grad()
    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float32 exact log-probability of every item's codes, column 0 -inf: what a beam approximates."""
        self.module.eval()
        by_group = decode.exact_scores(self.module, *self.read(histories.last(self.max_length)), self.codes.trie)
        scores = by_group.cpu().numpy()[:, self.codes.trie.group]
        scores[:, 0] = -np.inf
        return scores

    def exact(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The k best items by exact score, where `recommend` has those that a beam finds."""
        found = top_k(self.score(histories), k, exclude)
        if not self.codes.collides:
            return found
        group = self.codes.trie.group[found.items]
        left = np.tile(self.codes.trie.group_size, (len(group), 1))
        if exclude is not None:
            pairs = np.unique(np.column_stack([exclude.rows(), exclude.items]), axis=0)
            np.subtract.at(left, (pairs[:, 0], self.codes.trie.group[pairs[:, 1]]), 1)
        return found._replace(group=group, group_size=np.take_along_axis(left, group, axis=1))

    def log_prob(self, histories: Histories, items: np.ndarray) -> np.ndarray:
        """(B, n) log-probability of the codes of items (B, n), by a plain forward pass; items that share a code share
        its probability evenly. What the network gives to codes that no item has is not redistributed.

        UserError on an id that is no item's.
        """
        items = np.asarray(items)
        if items.ndim != 2 or len(items) != len(histories):
            raise UserError(f"items of shape {items.shape} for {len(histories)} histories; expected a row a history")
        if items.size and not 1 <= items.min() <= items.max() <= self.codes.n_items:
            raise UserError(f"items {items.min()} to {items.max()}: ids go from 1 to {self.codes.n_items}")
        asked = np.repeat(np.arange(len(items)), items.shape[1])
        whole = self.spell_out(Cases(histories.take(asked), items.ravel())).sum(1).reshape(items.shape)
        return whole - np.log(self.codes.trie.group_size[self.codes.trie.group[items]]).astype(np.float32)

    @torch.no_grad()
    def spell_out(self, cases: Cases) -> np.ndarray:
        """(C, L) float32 log-probability of each code of the targets, given the history and the true codes before."""
        self.module.eval()
        table, out = self.module.code, np.zeros((len(cases.targets), self.codes.levels), np.float32)
        for index in cases.histories.batches(4 * ROWS):
            past = cases.histories.take(index).last(self.max_length)
            items = np.insert(past.items, past.offsets[1:], cases.targets[index])
            whole = Histories(past.offsets + np.arange(len(past) + 1), items, past.users)
            states, targets = self.module.taught(self.read(whole)[0])
            if self.all_positions:
                last = np.cumsum(whole.lengths) - 1
                states, targets = states[last], targets[last]
            for level, start in enumerate(table.starts):
                log_p = table.logits(states[:, level], level).log_softmax(-1)
                out[index, level] = log_p.gather(1, targets[:, level, None] - start)[:, 0].cpu().numpy()
        return out

    @torch.no_grad()
    def trace(self, histories: Histories) -> Units:
        """A pass over histories of at most `max_length` events, true codes before each: L units for every event but the
        first of a history, each at the slot that foretells one of its codes.

        UserError for an encoder-decoder, whose modules have slots of two kinds.
        """
        if not self.all_positions:
            raise UserError("an encoder-decoder cannot be traced yet: build with architecture='decoder'")
        self.module.eval()
        rows, _ = self.read(histories)
        self.module.taught(rows)
        L, row = self.codes.levels, histories.rows()
        place = np.arange(len(row)) - histories.offsets[row]
        mask = np.zeros((len(histories), rows.shape[1], L), bool)
        mask[row[place > 0], place[place > 0]] = True
        event = np.flatnonzero(place > 0) - 1
        return Units(mask.reshape(len(mask), -1), np.repeat(event, L), np.tile(np.arange(L), len(event)))

    def state(self) -> dict[str, np.ndarray]:
        """The network's weights, and the codes it was trained on."""
        weights = {name: tensor.detach().cpu().numpy() for name, tensor in self.module.state_dict().items()}
        return weights | {"item_codes": self.codes.codes[1:]}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over weights and codes. UserError, and nothing is changed, where they are of another shape."""
        weights = {name: torch.from_numpy(np.array(array)) for name, array in state.items() if name != "item_codes"}
        shapes = {name: tuple(tensor.shape) for name, tensor in self.module.state_dict().items()}
        if {name: tuple(tensor.shape) for name, tensor in weights.items()} != shapes or "item_codes" not in state:
            raise UserError("this state is of a network of another shape, or holds no codes", code=3)
        codes = state["item_codes"]
        self.adopt(self.codes if np.array_equal(codes, self.codes.codes[1:]) else self.codes.renewed(codes))
        self.module.load_state_dict(weights)
        self.module.eval()


def expand(
    codes: ItemCodes, nodes: np.ndarray, scores: np.ndarray, k: int, exclude: Histories | None = None
) -> Recommendations:
    """Beams over code groups (B, W), best first, as lists of k items. Excluded items leave their groups, which shrink.

    UserError where a row has fewer than k items.
    """
    trie, B = codes.trie, len(nodes)
    order = np.lexsort((trie.order[trie.first[-1][nodes]], -scores))  # where two are as probable, the lower id
    nodes, scores = np.take_along_axis(nodes, order, 1), np.take_along_axis(scores, order, 1)
    size = np.where(nodes >= 0, trie.group_size[nodes], 0)
    slot = np.repeat(np.arange(nodes.size), size.ravel())
    within = np.arange(len(slot)) - np.repeat(np.cumsum(size.ravel()) - size.ravel(), size.ravel())
    items = trie.order[trie.first[-1][nodes.ravel()[slot]] + within]
    row = slot // nodes.shape[1]
    if exclude is not None:
        width = codes.n_items + 1
        keep = ~np.isin(row * width + items, exclude.rows() * width + exclude.items)
        slot, items, row = slot[keep], items[keep], row[keep]
    left = np.bincount(slot, minlength=nodes.size)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    if np.bincount(row, minlength=B).min(initial=k) < k:
        raise UserError(f"k={k}: the beam and what is excluded leave fewer items than that; build with a wider beam")
    slot, items = (x[place < k].reshape(B, k) for x in (slot, items))
    groups = (nodes.ravel()[slot], left[slot]) if codes.collides else (None, None)
    return Recommendations(items.astype(np.int64), scores.ravel()[slot], *groups)
