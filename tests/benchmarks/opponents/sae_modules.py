"""Train the TopK SAE of dictionary_learning or of RecSAE on rows (n, D): seconds per epoch, and the fraction of
variance unexplained, for the best of three learning rates and two initializations.

usage: sae_modules.py dictionary_learning|recsae CHECKOUT FILE.npy. Needs torch and what the checkout imports.
"""
import json
import statistics
import sys
import time
import types

import numpy as np
import torch

LATENTS, K, BATCH, EPOCHS = 2048, 32, 4096, 4
RATES, SCALES = (3e-4, 1e-3, 3e-3), (1.0, 0.3)  # learning rates; factors on the initial encoder weights


def dictionary_learning(checkout: str, width: int, rate: float, factor: float):
    """A training step, the module, and a callback between epochs. Imports for language models are stubbed."""
    for name in ("nnsight", "datasets", "wandb", "circuitsvis", "umap"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["nnsight"].LanguageModel = object
    sys.modules["datasets"].load_dataset = None
    sys.path.insert(0, checkout)
    from dictionary_learning.trainers.top_k import TopKTrainer

    trainer = TopKTrainer(steps=10**6, activation_dim=width, dict_size=LATENTS, k=K, layer=0, lm_name="none", lr=rate,
                          warmup_steps=1, device="cpu", seed=0)  # fmt: skip
    trainer.ae.encoder.weight.data *= factor
    count = iter(range(10**6))
    return lambda x: trainer.update(next(count), x), trainer.ae, lambda: None


def recsae(checkout: str, width: int, rate: float, factor: float):
    """As RecSAE's runner trains it: the loss is FVU, decoder norms are set to 1 after every epoch."""
    sys.path.insert(0, checkout + "/src")
    from models.sae.sae import SAE

    torch.manual_seed(0)
    module = SAE(types.SimpleNamespace(sae_k=K, sae_scale_size=LATENTS // width, device="cpu"), width)
    module.encoder.weight.data *= factor
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)

    def step(x: torch.Tensor) -> None:
        optimizer.zero_grad()
        module(x, train_mode=True)
        module.fvu.backward()
        optimizer.step()

    return step, module, module.set_decoder_norm_to_unit_norm


def main(kind: str, checkout: str, path: str) -> None:
    """Print one JSON line."""
    x = torch.from_numpy(np.load(path))
    x = (x - x.mean(0)) / x.std()
    variance, results = float((x - x.mean(0)).square().sum()), []
    for rate in RATES:
        for factor in SCALES:
            step, module, between = globals()[kind](checkout, x.shape[1], rate, factor)
            generator, seconds = torch.Generator().manual_seed(1), []
            for _ in range(EPOCHS):
                order, start = torch.randperm(len(x), generator=generator), time.perf_counter()
                for at in range(0, len(x) - BATCH + 1, BATCH):
                    step(x[order[at : at + BATCH]])
                between()
                seconds.append(time.perf_counter() - start)
            with torch.no_grad():
                residual = sum(float((module(batch) - batch).square().sum()) for batch in x.split(BATCH))
            results.append((residual / variance, statistics.median(seconds), rate, factor))
    fvu, seconds, rate, factor = min(results)
    result = {"seconds": seconds, "rows_per_second": len(x) / seconds, "fvu": fvu, "lr": rate, "scale": factor}
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
