"""Intents and reasoning over a frozen encoder: nothing read ahead, in the order of the steps, and nothing frozen moves.
"""
from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import make_histories

from workbench import experiment, systems
from workbench.losses.ranking import full_softmax
from workbench.nets.sequences.intent_reasoner import IntentReasoner
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.sequential import sequential
from workbench.train import PROFILES, seeded_torch
from workbench.train.fit import TrainingSession
from workbench.train.turns import match

ITEMS, WIDTH, SLOTS = 40, 8, 3
igr_sr = systems.load("igr_sr")


def reasoner(*, prefix: int = 2, steps: int = 3, dropout: float = 0.0, shuffled: bool = False) -> IntentReasoner:
    with seeded_torch(0, "net"):
        encoder = SequenceEncoder(ITEMS, width=WIDTH, layers=2, heads=2, feedforward=16, max_length=6, dropout=dropout)
        made = IntentReasoner(encoder, prefix=prefix, intents=SLOTS, steps=steps, heads=2, feedforward=16,
                              shuffled=shuffled)  # fmt: skip
        with torch.no_grad():
            for p in made.parameters():
                p += 0.3 * torch.randn_like(p)
            made.item.weight[0] = 0
    return made.eval()


ROWS = torch.tensor([[3, 9, 4, 11, 30], [1, 2, 0, 0, 0]])


def test_without_steps_and_prefix_it_is_the_frozen_encoder_bit_for_bit():
    module, histories = reasoner(prefix=0, steps=0), make_histories([3, 9, 4], [7], [], [1, 2, 3, 4, 5, 6, 7, 8])

    def scores(network):
        return sequential(network, loss=lambda *_: None, max_length=6).score(histories)

    assert torch.equal(module(ROWS), module.encoder(ROWS))
    assert np.array_equal(scores(module), scores(module.encoder))
    assert not np.allclose(scores(reasoner(prefix=2, steps=0)), scores(module.encoder), atol=1e-2)
    assert not np.allclose(scores(reasoner(prefix=0, steps=1)), scores(module.encoder), atol=1e-2)


def test_intents_are_the_states_of_vectors_appended_to_each_prefix():
    module = reasoner()
    chains, h = module.begin(ROWS)
    z, encoder = module.intents(chains), module.encoder
    for t in range(5):
        x = encoder.item(ROWS[:1, : t + 1]) + encoder.position.weight[: t + 1]
        x = torch.cat([module.prefix[None], x, module.intent[None]], 1)
        for block in encoder.blocks:
            x = block(x)
        states = encoder.norm(x)[0]
        assert torch.allclose(h[0, t], states[-SLOTS - 1], atol=1e-5)
        assert torch.allclose(z[0, t], module.align(states[-SLOTS:]), atol=1e-5)
    last = module.intents(module.begin(ROWS, torch.tensor([4, 1]))[0])
    assert torch.allclose(last[:, 0], torch.stack([z[0, 4], z[1, 1]]), atol=1e-5)


def test_no_later_event_moves_a_state():
    module, changed = reasoner(), ROWS.clone()
    changed[0, 3:] = torch.tensor([12, 1])
    before, after = module(ROWS), module(changed)
    assert torch.equal(before[0, :3], after[0, :3]) and (before[0, 3:] != after[0, 3:]).any(1).all()
    assert torch.equal(before[1], after[1])


def test_a_step_reads_the_events_so_far_and_the_steps_before_it():
    """One causal pass over the encoder's states and all that the steps decide from gives the states of the steps."""
    module = reasoner()
    chains, h = module.begin(ROWS)
    z = module.intents(chains)
    states = module.reason(h, z, chains.bias)
    inputs = [h, *states[:-1]]
    decided = [s + module.deliberate(s, z) for s in inputs]
    for t in range(5):
        x = torch.cat([h[0, : t + 1], torch.stack([c[0, t] for c in decided])])[None]
        assert torch.allclose(module.decide(x)[0, t + 1 :], torch.stack([s[0, t] for s in states]), atol=1e-5)
    assert torch.equal(module(ROWS), states[-1]) and not torch.allclose(states[0], states[1], atol=1e-2)


def test_deliberation_by_hand():
    """With equal keys it is the mean of the values of the own intents."""
    module, s, z = reasoner().deliberate, torch.randn(2, 5, WIDTH), torch.randn(2, 5, SLOTS, WIDTH)
    with torch.no_grad():
        module.key_value.weight[:WIDTH] = 0
    values = module.key_value(z)[..., WIDTH:].mean(2)
    assert torch.allclose(module(s, z), module.out(values), atol=1e-6)


def test_the_placebo_reads_the_intents_of_another_row_in_training_alone():
    own, other = reasoner(), reasoner(shuffled=True)
    assert torch.equal(own(ROWS), other(ROWS))
    assert torch.allclose(own.train()(ROWS[[0, 0]]), other.train()(ROWS[[0, 0]])), "which has the same intents here"
    chains, h = own.begin(ROWS)
    swapped = own.reason(h, own.intents(chains)[[1, 0]], chains.bias)[-1]
    assert torch.allclose(other(ROWS), swapped) and not torch.allclose(own(ROWS), swapped, atol=1e-2)
    sizes = [sum(p.numel() for p in module.parameters()) for module in (own, other)]
    assert sizes[0] == sizes[1]


def test_the_frozen_encoder_has_no_dropout_and_no_gradient():
    module = reasoner(dropout=0.5).train()
    assert torch.equal(module.begin(ROWS)[1], module.begin(ROWS)[1])
    assert not torch.equal(module(ROWS), module(ROWS)), "the reasoner has"
    full_softmax(module(ROWS)[0], module.item.weight, torch.tensor([1, 2, 3, 4, 5])).backward()
    for name, p in module.named_parameters():
        assert (p.grad is None) == name.startswith("encoder.") and (p.grad is None or p.grad.any()), name


@pytest.mark.parametrize("name", igr_sr.TRAINED)
def test_what_is_trained_is_all_but_the_encoder(name):
    names = {id(p): n for n, p in reasoner().named_parameters()}
    module = reasoner()
    trained = {n for n, p in module.named_parameters() if any(p is each for each in match(module, igr_sr.TRAINED))}
    assert trained == {n for n in names.values() if not n.startswith("encoder.")}
    assert match(module, name)


def test_a_training_leaves_every_weight_of_the_trained_sasrec_as_it_was():
    profile = replace(PROFILES["smoke"], epochs=1, users=None)
    bench = experiment.open_bench("synthetic", profile=profile, options={"users": 100})
    sizes = {"width": 8, "layers": 1}
    settings, recipe = bench.plan("igr_sr", **sizes)
    recommender = bench.build("igr_sr", **settings)
    start = {name: p.detach().clone() for name, p in recommender.module.named_parameters()}
    recommender.fit(bench.split, TrainingSession(recipe, 0, "cpu", None))
    teacher = bench.teacher("sasrec", **sizes, max_length=50, dropout=settings["dropout"]).recommender().state()
    for name, p in recommender.module.named_parameters():
        assert torch.equal(p, start[name]) == name.startswith("encoder."), name
    frozen = {name: p.detach().numpy() for name, p in recommender.module.encoder.named_parameters()}
    assert frozen.keys() == teacher.keys() and all(np.array_equal(frozen[name], teacher[name]) for name in teacher)
