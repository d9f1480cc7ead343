"""One generative recommender for several domains: each history is decoded within the domain of its last item."""
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace

import numpy as np
import torch

from workbench import decode
from workbench.data import Cases, Histories, Split
from workbench.errors import UserError
from workbench.interfaces import Recommendations
from workbench.nets.low_rank import adapted, adapter_parameters, shared_parameters
from workbench.recommenders.domains.pruned_codes import PrunedCodes
from workbench.recommenders.generative import Generative
from workbench.tokens import ItemCodes
from workbench.train.curves import continued
from workbench.train.fit import TrainingSession
from workbench.train.recipe import change_recipe

ADAPTING = 0.25  # share of the epochs in which adapters are trained


class ByDomain:
    """An `interfaces.Recommender`, `Scorer`, `Likelihood` and `HasBeam` around a `Generative` without collisions.

    domains: (I+1,) int, the domain of each item, an index of names. within: whether a history is decoded in the trie of
    its own domain, that of its last item; an empty one is decoded in the whole trie, without an adapter. adapters: of
    the network (nets.low_rank), "own" for one of each domain, "shared" for one of all, "" for none. They are trained
    after all else, each on the train events of its domains, in the last ADAPTING of the epochs. UserError for a domain
    without items, or items that share their codes.
    """

    def __init__(
        self, base: Generative, domains: np.ndarray, names: Sequence[str], *, within: bool = True, adapters: str = ""
    ):
        counts = np.bincount(domains[1:], minlength=len(names))
        if not counts.all():
            empty = [name for name, count in zip(names, counts) if not count]
            raise UserError(f"domain {', '.join(empty)} has no items, so nothing can be decoded for it", code=3)
        if base.codes.has_collisions:
            raise UserError("items of two domains may share their codes: resolve collisions, such as by policy dedup")
        self.base, self.domains, self.names, self.counts = base, np.asarray(domains), list(names), counts
        self.adapters, self.within, self.likelihood = adapters, within, True
        self.module, self.beam = base.module, base.beam
        self.views = {domain: _view(base, self.domains == domain) for domain in range(len(names))} if within else {}

    @property
    def codes(self) -> ItemCodes:
        """The codes of all items."""
        return self.base.codes

    @property
    def device(self) -> torch.device:
        return self.base.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train the network on all domains, then each adapter, with all else as it is. Returns one learning curve.

        UserError for a domain of which no train history has two events.
        """
        validate = session.validate
        session = replace(session, validate=validate and (lambda _: validate(self)))
        if not self.adapters:
            return self.base.fit(split, session)
        everyone = range(len(self.names))
        parts = [self._part(split, own) for own in ([[each] for each in everyone] if self.adapters == "own" else
                                                    [list(everyone)])]  # fmt: skip
        last = max(1, round(ADAPTING * session.recipe.epochs))
        joint = change_recipe(session.recipe, {"epochs": max(1, session.recipe.epochs - last)})
        curve = self._trained(shared_parameters(self.module), split, replace(session, recipe=joint))
        for which, part in enumerate(parts):
            phase = session.phase(f"{self.adapters}-{which}", epochs=last)
            with adapted(self.module, which):
                curve = continued(curve, self._trained(adapter_parameters(self.module, which), part, phase))
        return curve

    def _trained(self, parameters: list[str], split: Split, session: TrainingSession) -> list[dict]:
        part = copy(self.base)
        part.trainable = parameters
        return part.fit(split, session)

    def _part(self, split: Split, own: list[int]) -> Split:
        """What there is to learn from in some domains. UserError if one of them has no pair of events in train."""
        events = self.domains[split.train.items]
        for domain in own:
            if split.train.where(events == domain).lengths.max(initial=0) < 2:
                raise UserError(f"domain {self.names[domain]}: no train history has two events of it, so there is "
                                "nothing to adapt to; leave it out, let more users in, or set rank=0",
                                code=3)  # fmt: skip
        cases = np.flatnonzero(np.isin(self.domain_of(split.valid.histories), own))
        valid = split.valid.take(cases) if len(cases) else split.valid
        return replace(split, train=split.train.where(np.isin(events, own)), valid=valid)

    def domain_of(self, histories: Histories) -> np.ndarray:
        """(B,) the domain of the last item of each history, -1 for an empty one."""
        last = histories.items[np.maximum(histories.offsets[1:] - 1, 0)] if len(histories.items) else 0
        known = (histories.lengths > 0) & (last >= 1) & (last < len(self.domains))
        return np.where(known, self.domains[np.where(known, last, 0)], -1)

    def _groups(self, histories: Histories) -> Iterator[tuple[int, np.ndarray, Generative]]:
        """Domains, the histories of each, and what decodes them, its adapter active."""
        domain = self.domain_of(histories)
        for each in np.unique(domain):
            which = None if each < 0 or not self.adapters else int(each) if self.adapters == "own" else 0
            with adapted(self.module, which):
                yield int(each), np.flatnonzero(domain == each), self.views.get(int(each), self.base)

    def _gather(self, histories: Histories, compute: Callable) -> list[np.ndarray]:
        """Arrays with a row for each history, of compute(domain, rows, what decodes them), in their order."""
        found = [(rows, compute(domain, rows, view)) for domain, rows, view in self._groups(histories)]
        order = np.argsort(np.concatenate([rows for rows, _ in found]))
        return [np.concatenate(parts)[order] for parts in zip(*(arrays for _, arrays in found))]

    def _excluded(self, domain: int, exclude: Histories | None, rows: np.ndarray) -> Histories | None:
        if exclude is None:
            return None
        own = exclude.take(rows)
        return own.where(self.domains[own.items] == domain) if domain in self.views else own

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The top-k items of the beam search. UserError if k exceeds the beam width, the items of a history's domain or
        those left after exclusion."""
        if not len(histories):
            return self.base.recommend(histories, k, exclude)

        def lists(domain: int, rows: np.ndarray, view: Generative) -> tuple[np.ndarray, np.ndarray]:
            if domain in self.views and k > self.counts[domain]:
                raise UserError(f"k={k}: domain {self.names[domain]} has {self.counts[domain]} items, and lists for it "
                                "hold no others")  # fmt: skip
            found = view.recommend(histories.take(rows), k, self._excluded(domain, exclude, rows))
            return found.items, found.scores

        return Recommendations(*self._gather(histories, lists))

    def beams(
        self, histories: Histories, *, beam: int = 0, exclude: Histories | None = None, constrained: bool = True
    ) -> decode.Beams:
        """The beams of each history after every level. beam: 0 for the recommender's own beam width."""
        levels = self.codes.levels

        def found(domain: int, rows: np.ndarray, view: Generative) -> list[np.ndarray]:
            beams = view.beams(histories.take(rows), beam=beam, exclude=self._excluded(domain, exclude, rows),
                               constrained=constrained)  # fmt: skip
            return [*beams.nodes, *beams.scores]

        arrays = self._gather(histories, found)
        return decode.Beams(arrays[:levels], arrays[levels:])

    def score(self, histories: Histories) -> np.ndarray:
        """(B, I+1) float32 exact log-probability of every item's codes; -inf for items of other domains."""

        def scores(domain: int, rows: np.ndarray, view: Generative) -> list[np.ndarray]:
            found = self.base.score(histories.take(rows))
            if domain in self.views:
                found[:, self.domains != domain] = -np.inf
            return [found]

        return self._gather(histories, scores)[0]

    def log_prob(self, histories: Histories, items: np.ndarray) -> np.ndarray:
        """(B, n) log-probability of items (B, n), over the codes of all domains; see `Generative.log_prob`."""
        items = np.asarray(items)
        return self._gather(histories, lambda domain, rows, view: [
            self.base.log_prob(histories.take(rows), items[rows])])[0]  # fmt: skip

    def code_log_probs(self, cases: Cases) -> np.ndarray:
        """(C, L) log-probability of each code of the targets, given the history and the true codes before."""
        return self._gather(cases.histories, lambda domain, rows, view: [self.base.code_log_probs(cases.take(rows))])[0]

    def state(self) -> dict[str, np.ndarray]:
        """The weights of the network, adapters included, and the codes of the items."""
        return self.base.state()

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Load weights and codes. UserError, with nothing changed, if their shapes do not fit."""
        self.base.load_state(state)


def _view(base: Generative, items: np.ndarray) -> Generative:
    """The same recommender, which decodes some items only."""
    view = copy(base)
    view.code_buffer = PrunedCodes(base.code_buffer, items)
    return view
