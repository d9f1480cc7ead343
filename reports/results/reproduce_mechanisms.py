"""What mechanisms do on real data beside their scores: python reports/results/reproduce_mechanisms.py [--tables ...]

Writes mechanisms.json beside itself, a table a name. Runs are stored, so an interrupted call goes on, and a finished
table is kept. Smoke and one seed, but for "tiger: sentence vectors on Beauty": --profile workshop --seeds 3, two hours.
"""
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench import systems
from workbench.data.links.knowledge_graph import item_relations
from workbench.embed.knn_graph import item_knn_graph
from workbench.envs.session_optimum import optimum
from workbench.evaluate.by_item_group import item_groups, per_case_by_item_group
from workbench.evaluate.intervals import estimate_mean
from workbench.evaluate.rerank.binary import binary_metrics
from workbench.evaluate.rerank.given_lists import hits_within
from workbench.evaluate.rerank.list_length import list_similarity
from workbench.evaluate.sampled import evaluate_sampled
from workbench.experiment import Bench
from workbench.experiment.unseen.held_out_users import held_out_table
from workbench.experiment.zero_shot import zero_shot_table
from workbench.recommenders.knowledge.link_restoration import link_restoration
from workbench.recommenders.rerank.judged import judgements
from workbench.recommenders.rerank.stopped_lists import learnt_stop
from workbench.recommenders.screens.mixed import noise_table
from workbench.recommenders.sessions.following_returns import asked_and_obtained
from workbench.systems.generative.letter import aligned_codes
from workbench.systems.multimodal.dgvae import prototype_table
from workbench.systems.rerank.x_cross import data_curve

RATIO, SHARES = {"split": "ratio"}, (0.0, 0.5, 1.0)


def larger_tiger(bench: Bench) -> pd.DataFrame:
    """`tiger` on codes of sentence vectors, by size and dropout: best on validation, which chooses, and on test."""
    small = {"vectors": "sentence", "schedule": "linear", "patience": 8}
    sizes = [{"epochs": 30}, {"epochs": 40, "dropout": 0.3}, {"epochs": 40, "dropout": 0.3, "width": 128, "lr": 1e-3}]
    rows = []
    for changes in sizes if bench.seed == 0 else sizes[-1:]:
        run = bench.fit("tiger", **small, **changes)
        best = max(row["ndcg@10"] for row in run.info["curve"] if "ndcg@10" in row)
        found = {name: run.metrics[name] for name in ("ndcg@10", "recall@10")}
        rows.append({"settings": str(changes), "validation": best, **found, "minutes": run.info["seconds"]["fit"] / 60})
    return pd.DataFrame(rows)


def shared_prefixes(bench: Bench) -> pd.DataFrame:
    """How many leading codes an item has in common with the ten nearest by collaborative vectors, means over items."""
    near = item_knn_graph(bench.vectors("collaborative"), 10).tocoo()
    kinds = {"rq-vae": bench.codes("rq-vae"), "letter": aligned_codes(bench, "text", 0.02, 1e-4, False),
             "letter, vectors of other items": aligned_codes(bench, "text", 0.02, 1e-4, True)}  # fmt: skip
    rows = []
    for name, made in kinds.items():
        codes = made.codes[:, :3]
        rows.append({"codes": name, "shared": np.cumprod(codes[near.row] == codes[near.col], axis=1).sum(1).mean(),
                     "codes used, level 1": len(np.unique(codes[1:, 0]))})  # fmt: skip
    return pd.DataFrame(rows)


def new_items(bench: Bench) -> pd.DataFrame:
    """Test cases whose targets are of a tenth of the items, at random, that are in no train event."""
    new = bench.rng("new items").random(bench.split.n_items + 1) < 0.1
    variant = bench.variant(train=~new[bench.split.train.items], label="a tenth of the items in no train event")
    cases, by_chance = new[bench.split.test.targets], 20 / bench.split.n_items
    arms = {"sasrec": {}, "llm2rec": {}, "llm2rec, not tuned": {"tuned": False},
            "llm2rec, vectors of other items": {"vectors": "permuted"}, "recformer": {}}  # fmt: skip
    rows = []
    for arm, changes in arms.items():
        hits = variant.fit(arm.partition(",")[0], **changes).per_case("recall@20")[cases]
        low, high = estimate_mean(hits).interval()
        rows.append({"model": arm, "recall@20": hits.mean(), "from": low, "to": high, "by chance": by_chance,
                     "cases": len(hits)})  # fmt: skip
    return pd.DataFrame(rows)


def stops(bench: Bench) -> pd.DataFrame:
    """Where lists of `scasrec` end, what they hit, and what fixed cuts of the same order do."""
    rows = []
    for name, changes in (("by gains", {}), ("all steps alike", {"weighted": False})):
        model = bench.fit("scasrec", **changes).recommender()
        curve, lists, lengths = learnt_stop(model, bench.split.test, masked=False)
        ends = [("its own end", curve.length, curve.hit, lengths)]
        ends += [(f"cut at {k}", k, curve.hits[k - 1], np.full(len(lists), k)) for k in (1, 2, 3, 5, 10, 20)]
        rows += [{"weights": name, "end": end, "length": length, "hits": hit, "hits of a cut as long":
                  curve.at_length if end == "its own end" else hit, "cosine in a list":
                  list_similarity(lists, own, bench.vectors("text"))} for end, length, hit, own in ends]  # fmt: skip
    return pd.DataFrame(rows)


def judged(bench: Bench) -> pd.DataFrame:
    """AUC, log loss and calibration error of `reclora`'s judgements of retrieved candidates, by its gate."""
    gates = {"learnt": {}, "uniform": {"gate": "uniform"}, "one adapter": {"gate": "single"}}
    models = {name: bench.fit("reclora", **changes).recommender() for name, changes in gates.items()}
    return pd.DataFrame({"gate": name} | binary_metrics(*judgements(model, bench.split.test, masked=False))
                        for name, model in models.items())  # fmt: skip


def sampled_pairs(bench: Bench) -> pd.DataFrame:
    """AUC and NDCG@10 of `kcan` among the target and 100 sampled items, which is another protocol than full ranking."""
    arms = {"as it is": {}, "not conditioned": {"conditioned": False}, "rewired": {"rewired": True}}
    found = {name: evaluate_sampled(bench.fit("kcan", **changes).recommender(), bench.split.test, bench.split)
             for name, changes in arms.items()}  # fmt: skip
    return pd.DataFrame({"arm": name, "auc": each.auc, "ndcg@10, sampled": each.metric("ndcg@10")}
                        for name, each in found.items())  # fmt: skip


def restored_links(bench: Bench) -> pd.DataFrame:
    """Average precision of a tenth of the links of `bench`, left out, as `diffkg`'s diffusion restores them."""
    return pd.DataFrame([link_restoration(item_relations(bench.dataset), seed=bench.seed)._asdict()])


def boundaries(bench: Bench) -> pd.DataFrame:
    """Hits at 1 within the published candidates by the number of negatives, `dynamic_po` and DMPO."""
    arms = {"dynamic_po": {}, "dmpo": {"boundary": "all", "dynamic": False}}
    rows = [{"loss": name, "negatives": n, "hits@1 within candidates": hits_within(
        bench.fit("dynamic_po", negatives=n, **changes).recommender(), bench.split.test,
        bench.dataset.tables["candidates"]).mean()} for name, changes in arms.items() for n in (5, 15, 50)]  # fmt: skip
    return pd.DataFrame(rows)


def prototypes(bench: Bench) -> pd.DataFrame:
    """The top words and items of each prototype of `dgvae`, and where words are those of other items."""
    arms = {"as it is": {}, "words of other items": {"permuted": True}}
    return pd.concat(prototype_table(bench.fit("dgvae", **changes).recommender(), bench, top=5).assign(arm=name)
                     for name, changes in arms.items())  # fmt: skip


def measures(system: str, **controls: dict) -> Callable[[Bench], pd.DataFrame]:
    """Every measure of a system as it is, off, with its placebo, and with further controls."""
    module = systems.load(system)
    arms = {"as it is": {}, "off": module.OFF, "placebo": module.PLACEBO, **controls}

    def make(bench: Bench) -> pd.DataFrame:
        return pd.DataFrame({"arm": arm} | bench.fit(system, **changes).metrics for arm, changes in arms.items())

    return make


def asked_returns(bench: Bench) -> pd.DataFrame:
    """What `dt4ier` obtains for a grid of returns asked for, and the best policy that knows the tastes, by what a user
    who comes back is worth: the front that no policy can pass."""
    rows = []
    for name, changes in (("as it is", {}), ("shuffled returns", {"shuffled": True})):
        policy = bench.fit("dt4ier", **changes).recommender()
        clicks, returns = policy.module.scale.tolist()  # the most that the log has of either
        grid = [(clicks * click, returns * back) for click in SHARES for back in SHARES]
        rows += [{"policy": name} | row for row in asked_and_obtained(policy, grid, part="test")]
    world = policy.world("test")
    for value in (0.0, 1.0, 5.0, 20.0):
        best = optimum(world, np.arange(world.n), value=value)
        rows.append({"policy": "optimum", "a return is worth": value} | {name: float(np.mean(each))
                    for name, each in best._asdict().items()})  # fmt: skip
    return pd.DataFrame(rows)


def noise_shares(bench: Bench) -> pd.DataFrame:
    """F1 of the same intents, one or two interleaved, among more and more noise, by what remembers the screens."""
    arms = {"threads": ("pirf", {}), "one rolling summary": ("rolling_summary", {}), "any evidence in any thread": (
        "pirf", {"route": "random"}), "no memory": ("every_screen", {})}  # fmt: skip
    return pd.concat(noise_table(bench.fit(system, **changes).recommender(), seed=bench.seed).assign(memory=arm)
                     for arm, (system, changes) in arms.items())  # fmt: skip


def of_a_third_catalogue(bench: Bench) -> pd.DataFrame:
    """`recgpt`, trained on two catalogues, on a third that it never saw."""
    other = wb.open_bench("toys", profile=bench.profile, seed=bench.seed)
    return zero_shot_table(bench.fit("recgpt", vectors="sentence"), other)


def domains_together(bench: Bench) -> pd.DataFrame:
    """`gmc` on merged domains, as it is and without contrast and adapters, and `tiger_rqvae` on each domain alone, on
    as many of its users: each decodes among the items of one domain."""
    groups, metric, rows = item_groups(bench.dataset), "ndcg@10", []
    for arm, changes in {"gmc": {}, "neither contrast nor adapters": {"contrast": 0.0, "rank": 0}}.items():
        found = per_case_by_item_group(bench.fit("gmc", **changes), bench.split, groups, metric)
        rows += [{"arm": arm, "domain": domain, metric: values.mean(), "cases": len(values)}
                 for domain, values in found.items()]  # fmt: skip
    for row in rows[: len(found)]:
        profile = replace(bench.profile, users=row["cases"])
        alone = wb.open_bench(row["domain"], profile=profile, seed=bench.seed).fit("tiger_rqvae").per_case(metric)
        rows.append({"arm": "apart", "domain": row["domain"], metric: alone.mean(), "cases": len(alone)})
    return pd.DataFrame(rows)


def beams(bench: Bench) -> pd.DataFrame:
    """The share of targets whose prefixes a beam still holds after each code, with `apao`'s loss and without."""
    arms = {"as it is": {}, "off": systems.load("apao").OFF}
    found = [wb.inspect_decoder(bench.fit("apao", **changes), cases=1500, beam=50).beam_widths((5, 10, 20, 50))
             .rename_axis("beam").reset_index().assign(loss=name) for name, changes in arms.items()]  # fmt: skip
    return pd.concat(found)


TABLES = {  # dataset, options, protocol, how it is made
    "letter: shared prefixes": ("office", {}, {}, shared_prefixes),
    "tiger: sentence vectors on Beauty": ("beauty", {}, {}, larger_tiger),
    "apao: beams": ("office", {}, {}, beams),
    "gmc: domains together and apart": ("merged", {"of": "office,grocery,beauty"}, {}, domains_together),
    "llm2rec: new items": ("office", {}, {}, new_items),
    "scasrec: ends of lists": ("office", {}, {}, stops),
    "reclora: judgements": ("office", {}, {}, judged),
    "x_cross: share of the target's users": ("merged", {"of": "office,grocery"}, {},
                                            lambda bench: pd.DataFrame(data_curve(bench))),
    "dgvae: prototypes": ("office", {}, RATIO, prototypes),
    "easyrec: users held out": ("office", {}, RATIO, lambda bench: held_out_table(bench).reset_index()),
    "kcan: sampled pairs": ("kg-bookcrossing", {}, RATIO, sampled_pairs),
    "diffkg: restored links": ("lastfm", {}, RATIO, restored_links),
    "dynamic_po: negatives": ("lastfm-cans20", {}, {}, boundaries),
    "dt4ier: returns asked for": ("movielens-small", {}, {}, asked_returns),
    "bot_play: all measures": ("movielens-small", {}, {}, measures("bot_play", untrained={"learnt": False})),
    "leader: all measures": ("mimic-demo", {}, {}, measures("leader")),
    "leader: baskets": ("beauty-baskets", {}, {}, measures("leader")),
    "music_for_video: all measures": ("tiktok-mm", {}, {}, measures("music_for_video")),
    "music_for_video: captions": ("musiccaps", {}, {}, measures("music_for_video")),
    "pirf: noise": ("synthetic-screens", {}, {}, noise_shares),
    "recgpt: a third catalogue": ("merged", {"of": "office,movielens-small"}, {}, of_a_third_catalogue),
}  # fmt: skip


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "mechanisms.json", tables=list(TABLES), seeds=1)
    for name in given.tables:
        dataset, extra, protocol, make = TABLES[name]
        benches = [wb.open_bench(dataset, profile=given.profile, seed=seed, options=extra, protocol=protocol)
                   for seed in range(given.seeds)]  # fmt: skip

        def measured(benches: list[Bench] = benches, make=make) -> pd.DataFrame:
            return pd.concat([make(bench).assign(seed=bench.seed) for bench in benches])

        keep(given.out, name, benches[0], measured, dataset=dataset, options=extra, seeds=given.seeds)


if __name__ == "__main__":
    main()
