"""Train vector-quantize-pytorch's ResidualVQ inside an autoencoder of vectors (n, D) for a fixed number of steps, and
encode them.

usage: residual_vq.py FILE.npy STEPS. Needs vector-quantize-pytorch, torch and numpy. Three levels of 256 codes, a
latent of 32, one hidden layer of 256, batches of 1,024 and AdamW, as the other side has them; codebooks by k-means at
the start and by moving averages, dead codes replaced, as the package does it.
"""
import json
import sys
import time

import numpy as np
import torch
from torch import nn
from vector_quantize_pytorch import ResidualVQ

WIDTH, HIDDEN, LEVELS, SIZE, BATCH, RATE = 32, 256, 3, 256, 1024, 1e-3


def main(path: str, steps: int) -> None:
    """Print one JSON line."""
    torch.manual_seed(0)
    rows = torch.from_numpy(np.load(path))
    rows = (rows - rows.mean(0)) / (rows - rows.mean(0)).square().mean().sqrt()
    start = time.perf_counter()
    encoder = nn.Sequential(nn.Linear(rows.shape[1], HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, WIDTH))
    decoder = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, rows.shape[1]))
    quantiser = ResidualVQ(
        dim=WIDTH, num_quantizers=LEVELS, codebook_size=SIZE, kmeans_init=True, kmeans_iters=10,
        threshold_ema_dead_code=1,
    )  # fmt: skip
    trained = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=RATE)
    for _ in range(steps):
        x = rows[torch.randint(len(rows), (BATCH,))]
        quantised, _, commitment = quantiser(encoder(x)[None])
        loss = (decoder(quantised[0]) - x).square().mean() + commitment.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    quantiser.eval()
    with torch.no_grad():
        quantised, codes, _ = quantiser(encoder(rows)[None])
        error = ((decoder(quantised[0]) - rows).square().sum() / rows.square().sum()).item()
    seconds = time.perf_counter() - start
    used = min(len(codes[0, :, level].unique()) for level in range(LEVELS))
    print(json.dumps({"seconds": seconds, "error": error, "used": used}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
