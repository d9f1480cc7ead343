"""Likelihoods of 20 candidates after a prompt of 200 tokens, its states computed once or anew for each; 16 rollouts of
a trie-constrained beam against the beam of 20 that evaluates tiger; the influence of every Office history."""
import json
import sys
import time
from pathlib import Path

import numpy as np
from rounds import Faster, Limit, arguments, measure, report

TESTS = Path(__file__).parents[1]
SIDES = ("once", "anew", "rollouts", "beam", "influence")
LAYERS, WIDTH, PROMPT, CANDIDATES, USERS = 6, 256, 200, 20, 256


def likelihoods(name: str) -> dict:
    """seconds of eight prompts, by a random model of a token a byte; both ways give the same numbers."""
    sys.path.insert(0, str(TESTS))
    from tiny_lm import tiny_model

    from workbench.llm import CausalLM

    lm = CausalLM(*tiny_model(layers=LAYERS, width=WIDTH))
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz "))
    prompts = ["".join(rng.choice(letters, PROMPT)) for _ in range(8)]
    titles = ["".join(rng.choice(letters, 10)) for _ in range(CANDIDATES)]
    lm.log_prob(prompts[:1], titles[:2])
    start = time.perf_counter()
    for prompt in prompts:
        if name == "once":
            lm.log_prob([prompt], titles)
        else:
            lm.log_prob([prompt] * CANDIDATES, [[title] for title in titles])
    return {"seconds": time.perf_counter() - start}


def beams(name: str) -> dict:
    """seconds of beams for the test users of the built-in world, by an untrained tiger."""
    from workbench.experiment import open_bench

    bench = open_bench("synthetic", profile="smoke")
    tiger, histories = bench.build("tiger"), bench.split.test.histories.take(np.arange(USERS))
    tiger.beams(histories.take(np.arange(8)), beam=4)
    start = time.perf_counter()
    tiger.beams(histories, beam=16 if name == "rollouts" else 20)
    return {"seconds": time.perf_counter() - start}


def influences(name: str) -> dict:
    """seconds of the influence of every train history of Office, on a SASRec trained for one epoch."""
    from workbench.experiment import open_bench
    from workbench.recommenders.selection.influence import influence
    from workbench.recommenders.selection.surrogate import Surrogate

    bench = open_bench("office", profile="paper")
    model = bench.fit("sasrec", epochs=1).recommender()
    start = time.perf_counter()
    values = influence(Surrogate(model, bench.split.train), steps=500, seed=0)
    return {"seconds": time.perf_counter() - start, "histories": len(values)}


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        side = sys.argv[2]
        work = likelihoods if side in ("once", "anew") else influences if side == "influence" else beams
        print(json.dumps(work(side)))
        return
    options = arguments(__doc__)
    sides = {name: [sys.executable, Path(__file__), "--side", name] for name in SIDES}
    records = measure(sides, rounds=options.rounds, threads=options.threads)
    targets = [Faster("once", "anew", 4), Faster("rollouts", "beam", 1), Limit("influence", "seconds", 180)]
    report(__doc__, records, targets, out=options.out)


if __name__ == "__main__":
    main()
