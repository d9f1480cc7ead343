"""Low-rank adapters: rank 0 is the model, each sample has its own mixture, and only the adapters are saved."""
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_lm import tiny_model

from workbench import llm
from workbench.errors import UserError
from workbench.llm.lora import LoRALinear, add_lora, weights_digest

PROMPTS = ["She bought a lamp, then", "x", "A rug and a chair and then"]
LETTERS = ("A", "B", "C")
QV = ("*.q_proj", "*.v_proj")


def adapted(n: int = 1, rank: int = 2, spread: float = 0.3, seed: int = 1):
    """A tiny model with adapters that change it."""
    lm = llm.CausalLM(*tiny_model())
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        adapters = lm.add_lora(QV, rank=rank, n=n)
        for layer in adapters.layers.values():
            torch.nn.init.normal_(layer.up, std=spread)
    return lm, adapters


@torch.no_grad()
def test_rank_0_and_new_adapters_are_the_model_bit_for_bit():
    plain = llm.CausalLM(*tiny_model())
    before = plain.logits_after(PROMPTS)
    state = torch.get_rng_state()
    none = plain.add_lora(QV, rank=0)
    assert torch.equal(torch.get_rng_state(), state) and not none.parameters(), "nothing is added or drawn"
    assert torch.equal(plain.logits_after(PROMPTS), before)
    assert not any(isinstance(layer, LoRALinear) for layer in plain.model.modules())
    fresh = llm.CausalLM(*tiny_model())
    fresh.model.requires_grad_(False)
    before = fresh.logits_after(PROMPTS)
    fresh.add_lora(QV, rank=3)
    assert torch.equal(fresh.logits_after(PROMPTS), before)
    assert not torch.equal(adapted()[0].logits_after(PROMPTS), before)


def test_mixtures_of_samples_in_a_batch_equal_a_loop_over_samples():
    lm, adapters = adapted(n=3)
    mix = torch.tensor([[1.0, 0, 0], [0.2, 0.5, 0.3], [0, 0, 1.0]])
    with torch.no_grad(), adapters.using(mix):
        together = lm.logits_after(PROMPTS)
    for row, prompt in enumerate(PROMPTS):
        with torch.no_grad(), adapters.using(mix[row : row + 1]):
            torch.testing.assert_close(lm.logits_after([prompt])[0], together[row], atol=1e-4, rtol=1e-4)
    with pytest.raises(UserError, match="needs their weights"):
        lm.logits_after(PROMPTS)
    with pytest.raises(UserError, match="weights of shape"), adapters.using(mix[:, :2]):
        pass


def test_a_layer_by_hand_and_weights_by_layer():
    layer = LoRALinear(torch.nn.Linear(4, 3), 2, 2, 0.5)
    torch.nn.init.normal_(layer.up)
    x, mix = torch.randn(5, 7, 4), torch.rand(5, 2)
    layer.mix = mix
    changes = torch.einsum("nor,nri->noi", layer.up, layer.down)
    by_hand = torch.stack([layer.linear(x[b]) + 0.5 * x[b] @ (mix[b, 0] * changes[0] + mix[b, 1] * changes[1]).T
                           for b in range(5)])  # fmt: skip
    torch.testing.assert_close(layer(x), by_hand, atol=1e-5, rtol=1e-5)
    lm, adapters = adapted(n=2)
    first = torch.tensor([[1.0, 0.0]])
    by_layer = {name: first for name in adapters.layers}
    with torch.no_grad():
        with adapters.using(first):
            one = lm.logits_after(PROMPTS)
        with adapters.using(by_layer):
            assert torch.equal(lm.logits_after(PROMPTS), one)
        with adapters.using(by_layer | {next(iter(by_layer)): first.flip(1)}):
            assert not torch.equal(lm.logits_after(PROMPTS), one)


def test_training_lowers_the_loss_and_leaves_the_model():
    lm = llm.CausalLM(*tiny_model())
    base = {name: value.clone() for name, value in lm.model.state_dict().items()}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        adapters = lm.add_lora(QV, rank=4)
    target = torch.tensor([lm.tokenizer(letter).input_ids[0] for letter in LETTERS])
    optimiser, losses = torch.optim.Adam(adapters.parameters(), lr=0.02), []
    for _ in range(20):
        losses.append(torch.nn.functional.cross_entropy(lm.logits_after(PROMPTS), target))
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < losses[0] - 0.5
    after = {name.replace(".linear.", "."): value for name, value in lm.model.state_dict().items()}
    assert all(torch.equal(after[name], value) for name, value in base.items())
    assert [name for name, p in lm.model.named_parameters() if p.requires_grad] and lm.model.lm_head.weight.grad is None


def test_only_adapters_and_the_digest_of_their_model_are_saved(tmp_path):
    lm, adapters = adapted(n=2)
    adapters.save(tmp_path / "kept")
    tensors = load_file(tmp_path / "kept" / "adapters.safetensors")
    assert sum(map(torch.numel, tensors.values())) == sum(p.numel() for p in adapters.parameters())
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["adapters.safetensors", "manifest.json"]
    other = llm.CausalLM(*tiny_model())
    restored = llm.load_lora(other.model, tmp_path / "kept")
    mix = torch.tensor([[0.3, 0.7]])
    with torch.no_grad(), adapters.using(mix), restored.using(mix):
        assert torch.equal(other.logits_after(PROMPTS), lm.logits_after(PROMPTS))
    with pytest.raises(UserError, match="a model with other weights"):
        llm.load_lora(tiny_model(seed=5)[0], tmp_path / "kept")
    with pytest.raises(UserError, match="holds no adapters"):
        llm.load_lora(tiny_model()[0], tmp_path)
    assert weights_digest(tiny_model()[0]) == adapters.about["base"]


def test_with_adapters_nothing_is_remembered():
    lm = llm.CausalLM(*tiny_model(), key="a model")
    lm.add_lora(QV, rank=0)
    assert lm.key == "a model"
    lm.add_lora(QV, rank=1)
    assert lm.key == "" and np.isfinite(lm.answer_logits(PROMPTS, LETTERS)).all()


@pytest.mark.parametrize(("pattern", "changes", "complaint"), [
    ("*.query", {"rank": 2}, "no linear layer of the model matches"),
    ("*norm*", {"rank": 2}, "no linear layer"),
    (QV, {"rank": -1}, "rank=-1"), (QV, {"rank": 1, "n": 0}, "n=0"),
])  # fmt: skip
def test_what_cannot_be_adapted(pattern, changes, complaint):
    with pytest.raises(UserError, match=complaint):
        add_lora(tiny_model()[0], pattern, **changes)
