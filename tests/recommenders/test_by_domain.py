"""Two small worlds as two domains: decoding stays within one, adapters touch their own domain and nothing else."""
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.data import Histories, datasets, synthetic
from workbench.data.datasets.several import merged
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.evaluate.top_k import top_k
from workbench.nets.low_rank import shared_parameters
from workbench.recommenders.domains.by_domain import ByDomain
from workbench.recommenders.domains.pruned_codes import pruned
from workbench.systems.generative import gmc
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

PROFILE = replace(PROFILES["smoke"], epochs=4, users=None)
SMALL = {"width": 32, "layers": 1}
K = 10


@pytest.fixture(scope="module")
def bench():
    """Two worlds of 45 items or so, read by dataset merged in the place of two others."""
    with pytest.MonkeyPatch.context() as patch:
        worlds = {seed: synthetic.load("synthetic", users=120, items=45, seed=seed) for seed in (0, 1)}
        patch.setattr(datasets, "load", lambda name: worlds[name == "beauty"])
        dataset = merged.load(of="office,beauty")
    return replace(experiment.open_bench("synthetic", profile=PROFILE), given={"dataset": dataset})


def train(bench, **changes):
    settings, recipe = bench.plan("gmc", **SMALL, **changes)
    model = bench.build("gmc", **settings)

    def validate(current):
        return evaluate(current, bench.split.valid, bench.split, quiet=True).metrics(bench.split.valid, bench.split)

    return model, model.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", validate))


@pytest.fixture(scope="module")
def trained(bench):
    return train(bench)


def own_domain(bench, histories):
    """(B,) domain names of the users."""
    return bench.dataset.users["domain"].to_numpy()[histories.users]


def equal(a, b):
    return np.array_equal(a.items, b.items) and np.array_equal(a.scores, b.scores)


def test_no_list_leaves_the_domain_of_its_user(bench, trained):
    model, histories = trained[0], bench.split.test.histories
    domain = bench.dataset.items["domain"].to_numpy()
    for exclude in (None, histories):
        items = model.recommend(histories, K, exclude).items
        assert (domain[items - 1] == own_domain(bench, histories)[:, None]).all()
    beams = model.beams(histories)
    assert len(beams.nodes) == model.codes.levels and beams.nodes[-1].shape == (len(histories), 20)
    free = train(bench, within=False, epochs=1)[0].recommend(histories, K).items
    assert (domain[free - 1] != own_domain(bench, histories)[:, None]).any(), "else the test could not fail"


def test_a_wide_beam_ranks_as_exact_scores_do(bench, trained):
    model, histories = deepcopy(trained[0]), bench.split.test.histories.take(np.arange(40))
    model.beam = model.base.beam = 100
    model.views = {d: view for d, view in ByDomain(model.base, model.domains, model.names).views.items()}
    for exclude in (None, histories):
        exact = top_k(model.score(histories), K, exclude)
        found = model.recommend(histories, K, exclude)
        assert np.allclose(found.scores, exact.scores, atol=1e-4)
        assert (found.items == exact.items).mean() > 0.99


def test_an_empty_history_has_the_whole_catalogue(bench, trained):
    nothing = np.zeros(0, np.int32)
    empty = Histories(np.zeros(2, np.int64), nothing, np.zeros(1, np.int32), {"timestamp": nothing.astype(np.int64)})
    assert equal(trained[0].recommend(empty, K), trained[0].base.recommend(empty, K))
    assert np.isfinite(trained[0].score(empty)[:, 1:]).all()


def test_untrained_adapters_and_rank_0_are_the_joint_model_exactly(bench):
    histories = bench.split.test.histories
    joint, curve = train(bench, rank=0)
    assert len(curve) == 4 and not any("down" in name for name in joint.state())
    adapters = bench.build("gmc", **bench.plan("gmc", **SMALL)[0])
    old, new = joint.state(), adapters.state()
    names = {name.replace(".linear", ""): name for name in new}
    adapters.load_state(new | {names[name]: array for name, array in old.items()})
    assert equal(adapters.recommend(histories, K), joint.recommend(histories, K))
    assert np.array_equal(adapters.score(histories), joint.score(histories))


def test_an_adapter_moves_the_lists_of_its_domain_only(bench, trained):
    histories, model = bench.split.test.histories, deepcopy(trained[0])
    before, office = model.recommend(histories, K), own_domain(bench, histories) == "office"
    which = model.names.index("office")
    with torch.no_grad():
        for name, parameter in model.module.named_parameters():
            if name.endswith(f"up.{which}"):
                parameter.zero_()
    after = model.recommend(histories, K)
    assert np.array_equal(before.scores[~office], after.scores[~office]) and office.any() and not office.all()
    assert (before.scores[office] != after.scores[office]).any(1).all()


def test_phases_are_one_curve_and_train_what_they_name(bench, trained):
    model, curve = trained
    assert [row["epoch"] for row in curve] == [1, 2, 3, 4, 5] and curve[-1]["step"] > curve[2]["step"]
    assert (np.diff([row["seconds"] for row in curve]) > 0).all()
    alone = train(bench, rank=0, epochs=3)[0]
    joint = {name.replace(".linear", ""): dict(model.module.named_parameters())[name] for name in
             shared_parameters(model.module)}  # fmt: skip
    for name, parameter in alone.module.named_parameters():
        assert torch.equal(parameter, joint[name]), f"{name} moved with the adapters"
    ups = [p for name, p in model.module.named_parameters() if ".up." in name]
    assert len(ups) == 8 and all(up.any() for up in ups)


def test_all_off_is_the_parent_bit_for_bit_and_blind_has_as_many_parameters(bench):
    states = []
    for system, changes in (("gmc", gmc.OFF), ("tiger_rqvae", {})):
        settings, recipe = bench.plan(system, **SMALL, **changes)
        model = bench.build(system, **settings)
        model.fit(bench.split, TrainingSession(recipe, bench.seed))
        states.append({name: array.tobytes() for name, array in model.state().items()})
    assert states[0] == states[1]
    sizes = [sum(p.numel() for name, p in bench.build("gmc", **SMALL, blind=blind).module.named_parameters()
                 if "down" in name or "up" in name) for blind in (False, True)]  # fmt: skip
    assert sizes[0] == sizes[1] > 0


def test_a_contrast_of_weight_0_has_the_codes_of_rq_vae(bench):
    domains, names = gmc.item_domains(bench.dataset)
    assert names == ["beauty", "office"] and (bench.dataset.items["domain"] == np.array(names)[domains[1:]]).all()
    content = bench.vectors("text", dim=gmc.CONTENT)[1:]
    found = gmc._contrasted(content, domains[1:], bench.dataset.items["raw_id"].to_numpy(object), 0.0, bench.seed)
    assert np.array_equal(found.codes, bench.codes("rq-vae").codes)


def test_a_pruned_trie_leads_to_its_items_and_to_no_other(bench):
    trie, some = bench.codes("rq-vae").trie, np.arange(bench.dataset.n_items + 1) % 3 == 0
    part, nodes = pruned(trie, some), np.zeros(1, int)
    for table in part.children:
        nodes = table[nodes]
        nodes = np.unique(nodes[nodes >= 0])
    assert sorted(trie.order[trie.first[-1][nodes]]) == [item for item in np.flatnonzero(some) if item]
    assert part.counts[0].tolist() == [some[1:].sum()]


def test_bad_domains_are_errors(bench, trained):
    base, domains = trained[0].base, trained[0].domains
    with pytest.raises(UserError, match="domain toys has no items"):
        ByDomain(base, domains, ["beauty", "office", "toys"])
    with pytest.raises(UserError, match="k=19: domain beauty has .* items"):
        few = np.where(np.arange(len(domains)) <= 12, 0, 1) * (np.arange(len(domains)) > 0)
        ByDomain(base, few, ["beauty", "office"]).recommend(_history(3), 19)
    items = bench.dataset.items
    for wrong in ("", None):
        column = items["domain"].where(items.index != 7, wrong)
        with pytest.raises(UserError, match="1 of .* items of .* have no domain"):
            gmc.item_domains(replace(bench.dataset, items=items.assign(domain=column)))
    train_events = bench.split.train
    office = np.flatnonzero(items["domain"].to_numpy()[train_events.items - 1] == "office")
    keep = np.ones(len(train_events.items), bool)
    keep[office[1:]] = False
    poor = replace(bench, given=bench.given | {"split": replace(bench.split, train=train_events.where(keep))})
    with pytest.raises(UserError, match="domain office: no train history has two events"):
        train(poor)
    with pytest.raises(UserError, match="rank=33"):
        bench.build("gmc", **SMALL, rank=33)


def _history(item):
    return Histories(np.array([0, 1]), np.array([item], np.int32), np.zeros(1, np.int32))
