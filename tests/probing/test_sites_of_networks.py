"""Recording and patching in recurrent and bidirectional networks and embedding tables."""
import numpy as np
import pytest
import torch

from workbench.data import Cases
from workbench.experiment import open_bench
from workbench.interfaces import MaskReadout, Traceable
from workbench.probing.activations.hooks import Site, capture, splice
from workbench.probing.activations.store import record_activations, split_into_chunks
from workbench.probing.dictionaries import baselines, sae, transcoder
from workbench.probing.interventions import faithfulness

KINDS = {
    "gru4rec": {"epochs": 8, "max_length": 6},
    "bert4rec": {"epochs": 8, "max_length": 6},
    "bpr_mf": {"epochs": 20, "lr": 0.01},
}
LAST = {"gru4rec": "out", "bert4rec": "norm", "bpr_mf": "user"}


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile="smoke", options={"users": 400, "items": 120})


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def model(bench, kind):
    return bench.fit(kind, **KINDS[kind]).recommender()


@pytest.fixture(scope="module")
def read(bench, model, kind):
    return record_activations(model, Site(LAST[kind]), bench.split.train)


@pytest.fixture(scope="module")
def bert(bench):
    return bench.fit("bert4rec", **KINDS["bert4rec"]).recommender()


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.module.modules())


def target_log_prob(model, cases) -> np.ndarray:
    """(C,) log-probability of the targets under a softmax of the scores."""
    scores = torch.from_numpy(model.score(cases.histories))[:, 1:].log_softmax(1).numpy()
    return scores[np.arange(len(scores)), cases.targets - 1]


def test_identity_edits_change_nothing_at_any_site(bench, model):
    histories = bench.split.test.histories.take(np.arange(60))
    plain = model.recommend(histories, 10)
    every = [Site(name) for name, _ in model.module.named_modules() if name]
    with capture(model.module, *every) as seen:
        model.recommend(histories, 10)
    sites = [site for site in every if seen[site]]
    for site in sites:
        with faithfulness.patched(model, site, lambda x: x):
            found = model.recommend(histories, 10)
        assert np.array_equal(found.items, plain.items) and np.array_equal(found.scores, plain.scores), site
        with faithfulness.patched(model, site, torch.zeros_like):
            model.recommend(histories, 10)
    assert sites and hooks(model) == 0


def test_hooks_are_removed_after_an_error(bench, model, kind):
    def breaks(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"), faithfulness.patched(model, Site(LAST[kind]), breaks):
        model.recommend(bench.split.test.histories, 10)
    assert hooks(model) == 0


def test_one_labelled_row_per_position(bench, model, kind, read):
    train = bench.split.train
    ends = np.flatnonzero(np.diff(np.append(train.rows(), -1))) if kind == "bpr_mf" else np.arange(len(train.items))
    row = train.rows()[ends]
    assert isinstance(model, Traceable) and isinstance(model, MaskReadout)
    assert (model.readout_mask is not None) == (kind == "bert4rec")
    assert len(set(zip(read.user.tolist(), read.position.tolist()))) == len(read) == len(ends)
    assert np.array_equal(read.user, train.users[row]) and np.array_equal(read.last, train.items[ends])
    assert np.array_equal(read.position, ends - train.offsets[row]) and np.array_equal(read.length, train.lengths[row])
    following = np.where(read.position + 1 < read.length, np.append(train.items, 0)[ends + 1], 0)
    assert np.array_equal(read.next, following) and (kind != "bpr_mf" or not following.any())


def test_rows_are_what_recommendations_are_made_from(bench, model, kind, read):
    """Each is the state after the events of its chunk up to its own, computed alone."""
    train = bench.split.train
    for at in range(0, len(read), max(1, len(read) // 60)):
        user, place = int(read.user[at]), int(read.position[at])
        n = int(train.lengths[user])
        begin = max(0, n - 6 * (-(-(n - place) // 6))) if kind != "bpr_mf" else 0
        alone = train.take([user]).where((np.arange(n) >= begin) & (np.arange(n) <= place))
        assert np.allclose(model.states(alone)[0].detach(), read.x[at], atol=1e-5)


def test_batch_composition_does_not_matter(bench, model, kind, read, monkeypatch):
    user = int(np.argsort(bench.split.train.lengths)[len(bench.split.train) // 2])
    alone = record_activations(model, Site(LAST[kind]), bench.split.train.take([user]))
    assert len(alone) and np.allclose(alone.x, read.take(read.user == user).x, atol=1e-5)
    if kind == "bert4rec":
        monkeypatch.setattr(model, "batch", 7)
    else:
        monkeypatch.setattr("workbench.probing.activations.store.BATCH", 7)
    few = record_activations(model, Site(LAST[kind]), bench.split.train)
    assert np.allclose(few.x, read.x, atol=1e-5) and np.array_equal(few.last, read.last)


def test_patching_with_a_dictionary(bench, model, kind, read):
    site, train = Site(LAST[kind]), bench.split.train
    cases = Cases(train.without_last(1), train.items[train.offsets[1:] - 1])  # training targets, so the states matter
    D, mean = read.x.shape[1], read.x.mean(axis=0)
    learned = sae.train(read.x, latents=128, k=8, epochs=10, batch=256)
    assert faithfulness.evaluate_reconstruction(learned, read.x)["fvu"] < 0.9
    whole = baselines.fit_baseline("pca", read.x, k=D)
    assert faithfulness.evaluate_reconstruction(whole, read.x)["fvu"] < 1e-6
    values = {"base": target_log_prob(model, cases)}
    edits = faithfulness.replacement_edits(whole, mean)
    edits["learned"] = faithfulness.replacement_edits(learned, mean)["spliced"]
    for name, edit in edits.items():
        with faithfulness.patched(model, site, edit):
            values[name] = target_log_prob(model, cases)
    kept = faithfulness.recovered(values["base"], values["spliced"], values["mean"])
    assert kept.share == pytest.approx(1, abs=1e-3)
    partly = faithfulness.recovered(values["base"], values["learned"], values["mean"])
    assert not np.array_equal(values["learned"], values["base"]) and partly.share < 1
    assert np.array_equal(target_log_prob(model, cases), values["base"]), "and no hook remains"


@pytest.mark.parametrize("path", ["item", "blocks.0.out", "blocks.0.attention"])
def test_only_the_mask_is_edited_not_what_it_attends_to(bench, bert, path):
    histories, site = bench.split.test.histories.take(np.arange(40)), Site(path)
    shift = torch.linspace(-1, 1, bert.module.item.weight.shape[1])  # the norms would take away a constant
    with capture(bert.module, site) as seen:
        plain = bert.score(histories)
    with faithfulness.patched(bert, site, lambda x: x + shift), capture(bert.module, site) as edited:
        once = bert.score(histories)
    before, after = seen[site][0], edited[site][0]
    assert torch.equal(after[:, 0], before[:, 0] + shift) and torch.equal(after[:, 1:], before[:, 1:])
    with splice(bert.module, site, lambda x: x + shift):
        everywhere = bert.score(histories)
    assert not np.allclose(once, plain) and not np.allclose(once, everywhere)


def test_a_transcoder_is_patched_at_the_mask_only(bench, bert):
    histories = bench.split.test.histories.take(np.arange(40))
    reads, makes = Site("blocks.0.feedforward_norm"), Site("blocks.0.contract")
    x = record_activations(bert, reads, bench.split.train).x
    made = transcoder.linear_map(x, np.ones_like(x) + x)
    with capture(bert.module, reads, makes) as seen:
        bert.score(histories)
    with transcoder.patched_by_transcoder(bert, reads, makes, made), capture(bert.module, makes) as edited:
        bert.score(histories)
    before, after = seen[makes][0], edited[makes][0]
    assert torch.allclose(after[:, 0], 1 + seen[reads][0][:, 0], atol=1e-4)
    assert torch.equal(after[:, 1:], before[:, 1:])


def test_padding_content_does_not_matter(bench, bert):
    """No position attends to padding, whatever its content."""
    part = bench.split.test.histories.take(np.arange(40))
    assert len(set(part.lengths.clip(max=6))) > 1
    padding = split_into_chunks(part.last(6), 6).histories.padded() == 0
    padding = torch.from_numpy(np.pad(padding, ((0, 0), (1, 0))))
    plain = bert.score(part)
    for path in ("item", "blocks.0.attention_norm", "blocks.0.out", "blocks.1.out"):
        with splice(bert.module, Site(path), lambda x: x * 0 + 1e6, where=lambda x: padding):
            assert np.array_equal(bert.score(part), plain), path
