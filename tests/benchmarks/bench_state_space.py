"""State-space duality, forward and backward: chunked, by all pairs, and by one event after the other (6,400 events in
windows of 50 or 200, 4 heads of 32, state 32); and the short convolution, as shifts or grouped."""
import json
import sys
import time
from pathlib import Path

import numpy as np
from rounds import Faster, arguments, measure, report

SIDES = ("chunked 50", "recurrent 50", "chunked 200", "quadratic 200", "shifts 50", "grouped 50")
EVENTS, H, P, N = 6_400, 4, 32, 32


def ours(name: str, T: int) -> dict:
    """seconds: of a forward and a backward pass, the median of several."""
    import torch
    import torch.nn.functional as F

    from workbench.nets.sequences import state_space
    from workbench.train.runtime import configure_runtime

    configure_runtime("cpu")
    torch.manual_seed(0)
    B = EVENTS // T
    x, step = torch.randn(B, T, H, P), F.softplus(torch.randn(B, T, H) - 3)
    rate, b, c = torch.rand(H) * 15 + 1, torch.randn(B, T, N), torch.randn(B, T, N)
    inputs = [each.requires_grad_() for each in (x, step, rate, b, c)]
    mixer = state_space.StateSpaceMixer(64)
    channels = torch.randn(B, T, mixer.kernel.shape[1], requires_grad=True)

    def once() -> float:
        start = time.perf_counter()
        if name == "shifts":
            mixer._convolve(channels).square().mean().backward()
        elif name == "grouped":
            kernel = mixer.kernel.T[:, None]
            F.conv1d(F.pad(channels.mT, (3, 0)), kernel, groups=len(kernel)).mT.square().mean().backward()
        else:
            getattr(state_space, name)(*inputs).square().mean().backward()
        return time.perf_counter() - start

    return {"seconds": float(np.median([once() for _ in range(12)][2:]))}  # the first two warm up


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(sys.argv[2], int(sys.argv[3]))))
        return
    options = arguments(__doc__)
    records = measure(
        {name: [sys.executable, Path(__file__), "--side", *name.split()] for name in SIDES},
        rounds=options.rounds, threads=options.threads,
    )  # fmt: skip
    pairs = {("chunked 50", "recurrent 50"): 3, ("chunked 200", "quadratic 200"): 1.3, ("shifts 50", "grouped 50"): 1}
    targets = [Faster(side, against, at_least) for (side, against), at_least in pairs.items()]
    report(__doc__, records, targets, out=options.out)


if __name__ == "__main__":
    main()
