"""X-Cross: networks adapted to other domains run side by side, frozen, and learn how to mix their states at each layer.

Paper     X-Cross: Dynamic Integration of Language Models for Cross-Domain Sequential Recommendation, SIGIR 2025. After
          the abstract of the paper and notes on its equations; no code was found.
Idea      A new domain needs no adapter of its own: what it needs is in those of others. Let every layer decide, from
          the states of all of them, how much of each to keep and to take over.
Equation  h_m = (W + B_m A_m) x_m for each source m, all frozen;  [z, w] = V [h_1 .. h_n] + b, a map for each layer
          h_m <- z_m h_m + sum_{m' != m} w_mm' h_m', which the next layer reads
          score = a . mean_m h_m - t log(1 + rank), a and t the head
Claim     On the target domain it ranks better than the first stage (the parent) and than a fresh adapter (fresh=True)
          that learns from as few events: `data_curve`. By what sources know: where their adapters learnt from texts of
          other items (the placebo), it does not.
Differs   A small network over frozen item vectors stands where the paper has a language model. What that knows before
          is learnt first, without adapters, from the sources' events in half of the epochs; then an adapter of each
          source in a quarter; then the mixing and the head from the target's in half. It scores candidates of a first
          stage for histories whose last item is of the target domain; for others the first stage's order stands. The
          head knows the rank that this gave to a candidate. All linear layers of the network but the head's have
          adapters, no scale alpha. Where items have no words, vectors="" takes collaborative ones, which have counted
          the events that are learnt from and none of test: nothing leaks, but train and test differ.
Reported  A quarter of the added parameters of LoRA at equal quality, and 50-75 % less data of the target; Amazon Toys,
          Tools, Electronics and Sports.
"""
from collections.abc import Callable, Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError, unknown_name
from workbench.nets.low_rank import adapter_parameters
from workbench.recommenders.domains.item_domains import WHERE, item_domains
from workbench.recommenders.rerank.first_stages import check_candidates, first_stage_alone, first_stages
from workbench.recommenders.rerank.mixed_sources import MixedSources
from workbench.recommenders.rerank.trained import Batch, Phase, TrainedReranker
from workbench.train import Recipe, named_rng

PARENT = "item_transitions"
OFF = {"n": 0}
PLACEBO = {"permuted": True}
NEEDS = ("domain",)
RECIPE = Recipe(
    epochs=40, batch_size=64, lr=1e-3, patience=5,
    sizes={"small": {"lr": 2e-3, "patience": 3, "valid_every": 2}},
)  # fmt: skip


def build(
    bench, *, first="item_transitions", n=20, target="", vectors="", rank=4, share=1.0, fresh=False, permuted=False,
    width=32,
):  # fmt: skip
    """The first n items of `first`, for histories of the target domain in the order of the mixed networks.

    first: a system. n: candidates; 0 leaves the order of `first`. target: a domain, "" for the last by name; the others
    are the sources. vectors: kind of item vectors, "" for the bench's own. rank: of adapters. share: of the target's
    users whose events are learnt from; a smaller share is part of a larger one. fresh: an adapter of the target in
    place of the sources' and their mixing. permuted: the placebo. UserError for a setting out of range or an unknown
    domain, before anything is trained.
    """
    check_candidates("x_cross", n, bench.split.n_items)
    domains, names = item_domains(bench.dataset)
    if target and target not in names:
        raise UserError(f"{unknown_name(f'domain of {bench.dataset.name}', target, names)}; {WHERE}")
    if len(names) < 2:
        raise UserError(f"x_cross: {bench.dataset.name} is one domain, and there is no other to learn from; {WHERE}",
                        code=3)  # fmt: skip
    if min(rank, width) < 1 or not 0 < share <= 1:
        raise UserError(f"x_cross: {rank=} and {width=} are 1 or more, {share=} of the users above 0, at most 1")
    if not n:
        return first_stage_alone(bench, first)
    own = names.index(target) if target else len(names) - 1
    sources = [place for place in range(len(names)) if place != own]
    table = bench.vectors(vectors)
    order = bench.rng("permuted sources").permutation(len(table) - 1) if permuted else np.arange(len(table) - 1)
    with bench.init():
        module = MixedSources(
            table, table[np.append(0, 1 + order)], domains, own, n=1 if fresh else len(sources), rank=rank, width=width
        )
    users = named_rng(bench.seed, "users of the target").permutation(bench.split.n_users) < share * bench.split.n_users
    phases = sources_then_target(module, sources, users, fresh=fresh)
    return TrainedReranker(
        first_stages(bench, first), module, phases, n=n, n_items=bench.split.n_items, seed=bench.seed
    )


def sources_then_target(
    module: MixedSources, sources: Sequence[int], users: np.ndarray, *, fresh: bool
) -> list[Phase]:
    """The network from the events of the sources, an adapter from those of each, then what learns from the target's, of
    users (U,) bool: the mixing, or with fresh the one adapter; and the head."""

    def loss(states: Callable[[Batch], Tensor]) -> Callable[[Batch, int], Tensor]:
        return lambda batch, step: F.cross_entropy(module.head(states(batch), batch.ranks), batch.places)

    def adapter(which: int) -> list[str]:
        return [f"layers.{name}" for name in adapter_parameters(module.layers, which)]

    def of_source(which: int) -> Callable[[Batch], Tensor]:
        return lambda batch: module.one(module.read(*batch[:3], module.others), which)

    network = loss(lambda batch: module.one(module.read(*batch[:3]), None))
    mixed = loss(lambda batch: module.mixed(module.read(*batch[:3])).mean(2))
    phases = [Phase(network, "network", 0.5, ("layers.*.linear.*", "head.*"), module.of_domains(sources), False)]
    for which, source in enumerate([] if fresh else sources):
        of = module.of_domains([source])
        phases.append(Phase(loss(of_source(which)), f"adapter-{which}", 0.25, adapter(which), of, False))
    learns = adapter(0) if fresh else ["mixing.*"] if module.n > 1 else []
    return [*phases, Phase(mixed, "target", 0.5, [*learns, "head.*"], module.of_domains([module.target], users))]


def data_curve(
    bench, shares: Sequence[float] = (0.1, 0.25, 0.5, 1.0), *, metric: str = "ndcg@10", **changes
) -> list[dict[str, float]]:
    """A row for each share of the target's users: share, and the metric over the target's test cases of the mixed
    sources (mixed) and of an adapter that is new (fresh). The first stage, and vectors of kind "collaborative", have
    all of train. changes: settings and fields of the recipe, for all."""
    domains, names = item_domains(bench.dataset)
    own = names.index(changes["target"]) if changes.get("target") else len(names) - 1
    last = bench.split.test.histories.last(1).padded(1)[:, 0]
    cases, rows = (domains[last] == own) & (last > 0), []
    for share in shares:
        runs = {"mixed": bench.fit("x_cross", share=share, **changes),
                "fresh": bench.fit("x_cross", share=share, fresh=True, **changes)}  # fmt: skip
        rows.append({"share": share} | {name: float(run.per_case(metric)[cases].mean()) for name, run in runs.items()})
    return rows
