"""ReLoop2: a memory of the last errors of a served model corrects it at once, without training, where inputs are alike.

Paper     Zhu et al., "ReLoop2: Building self-adaptive recommendation models via responsive error compensation loop",
          KDD 2023, arXiv:2306.08808.
Idea      A model that is served errs where the world has changed since it was trained. What it errs by on what was just
          observed is known: keep it, and add what is kept of the most similar inputs to the next predictions.
Equation  memory: (h(x_j), y_j - f(x_j)), in buckets by the signs of random projections, the oldest overwritten
          e(x) = sum over the k nearest of softmax(cos(h(x), h(x_j)) / tau) (y_j - f(x_j))
          p = clip(f(x) + lam * e(x), 0, 1)
Claim     It adapts to what changes faster than training by increments: AUC and log loss by windows are better than
          those of the same model alone (off), of one with errors of other inputs of the window (the placebo, which
          still knows how the rate of clicks has changed), and of one that is trained a step further after every window
          (tuned_ctr).
Differs   After the abstract and summaries of the paper; no code is released. The model is small (served_ctr), h its
          last hidden vector. Several hash tables, whose finds are united; h is whitened by the first events that are
          remembered, as it varies nearly all along the model's output. Nothing is retrained between windows. Before the
          first, the memory holds the errors of the last events before it, which the model was not trained on.
Reported  AUC and grouped AUC on AmazonElectronics, MicroVideo and KuaiVideo, and in production; no figures at hand.
"""
import torch

from workbench.errors import UserError, unknown_name
from workbench.evaluate.streams.events import stream_of
from workbench.nets.streams.click_network import ClickNetwork
from workbench.nets.streams.error_memory import ErrorMemory
from workbench.recommenders.streaming.served_clicks import ServedClicks
from workbench.train import Recipe, named_rng

PARENT = "served_ctr"
OFF = {"lam": 0.0}
PLACEBO = {"errors": "shuffled"}
RECIPE = Recipe(epochs=20, batch_size=256, lr=2e-3, weight_decay=0.1, patience=2, monitor="auc")
ERRORS = ("own", "shuffled")


def build(
    bench, *, windows=10, start=0.5, width=16, lam=0.5, k=32, tau=0.5, tables=4, bits=8, slots=8, errors="own",
):  # fmt: skip
    """windows, start, width: as of served_ctr. lam: weight of the expected error; 0 has no memory. k, tau: neighbours,
    and the temperature of their weights. tables, bits, slots: the memory has `tables` times 2^bits buckets of `slots`
    places. errors: own; shuffled, each remembered for another event of its window, the placebo. UserError for a setting
    out of range, data without times, or fewer windows."""
    if errors not in ERRORS:
        raise unknown_name("errors of reloop2", errors, ERRORS)
    if not 0 <= lam <= 1 or not tau > 0 or min(width, k, tables, bits, slots) < 1 or bits > 16:
        raise UserError(f"reloop2: {lam=} is from 0 to 1, {tau=} above 0, {bits=} from 1 to 16, and {width=}, {k=}, "
                        f"{tables=} and {slots=} are 1 or more")  # fmt: skip
    stream = stream_of(bench, windows=windows, start=start)
    with bench.init():
        module = ClickNetwork(stream.n_users, stream.n_items, width=width)
    if not lam:
        return ServedClicks(stream, module, seed=bench.seed)
    with bench.init("hyperplanes"):
        module.memory = memory = ErrorMemory(width, tables=tables, bits=bits, slots=slots)

    def correct(served):
        return (served.p + lam * memory.read(served.keys, k=k, tau=tau)).clip(0, 1)

    def learn(events, served):
        wrong = torch.from_numpy(events.labels).to(served.p) - served.p
        if errors == "shuffled":
            order = named_rng(bench.seed, "shuffled errors", int(events.rows[0])).permutation(len(wrong))
            wrong = wrong[torch.from_numpy(order)]
        if not memory.written:
            memory.whiten(served.keys)
        memory.write(served.keys, wrong)

    return ServedClicks(stream, module, seed=bench.seed, correct=correct, learn=learn)
