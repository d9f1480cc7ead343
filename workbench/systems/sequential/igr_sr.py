"""IGR-SR: reasoning steps led by intents, which learned vectors read off a frozen SASRec. After its abstract.

Paper     Intent-Guided Reasoning for Sequential Recommendation, arXiv:2512.14034.
Idea      Reasoning that learns from the next item alone follows the last events and slips with an accidental one. Read
          the intents of a history first, with a few vectors around a frozen encoder, and reason from them; intents
          should stay when events are masked.
Equation  Z = W f([prefix, x_1 .. x_t, intent_1 .. intent_m]) at the last m places, f frozen;  s_0 = h_t
          c_j = s_{j-1} + Attention(s_{j-1}, Z);  s_j = Block(c_j; h_1 .. h_t, c_1 .. c_j);  s(i) = s_T . e_i
          L = CE + lambda mean over slots of InfoNCE(Z, Z'),  Z' of the history with 20 % of its events masked
Claim     The steps help the frozen SASRec (its parent), by intents of the user's own: those of others in training (the
          placebo) do not. With 20 % random events it loses less than its parent does, and than without consistency:
          `evaluate.noise.noise_drop`.
Differs   No code was found: a reconstruction. Every position of a history is learned from, with intents of its own; the
          consistency is that of the last position. A masked event has the vector of padding, zeros, and its position.
          The encoder's items and states stay as SASRec left them; the steps share their weights.
Reported  By its abstract 7.13 % over the best baselines on average of three datasets; with 20 % noise 10.4 % are lost,
          against 16.2 % and 18.6 % of competing methods.
"""
import torch
from torch import Tensor

from workbench.data import Histories
from workbench.errors import UserError
from workbench.losses.contrast import info_nce
from workbench.nets.sequences.intent_reasoner import IntentReasoner
from workbench.recommenders.sequences.over_sasrec import (
    FEEDFORWARD,
    HEADS,
    SASREC_RECIPE,
    check_sizes,
    cross_entropy,
    sasrec_encoder,
)
from workbench.recommenders.sequential import Additions, sequential
from workbench.recommenders.state_dict import load_weights

PARENT = "sasrec"
OFF = {"steps": 0}
PLACEBO = {"shuffled": True}
RECIPE = SASREC_RECIPE
MASKED, TAU = 0.2, 0.2  # share of events masked for the second view; temperature of the contrast
TRAINED = ("prefix", "intent", "align.*", "deliberate.*", "decide.*")


def build(
    bench, *, steps=2, prefix=4, intents=4, consistency=0.1, shuffled=False, width=64, layers=2, max_length=50,
    dropout=0.3,
):  # fmt: skip
    """Reasoning steps over a trained SASRec that stays as it is, for the bench's catalogue.

    steps: T; 0 trains SASRec instead. prefix, intents: k and m vectors around a history. consistency: lambda. shuffled:
    the placebo, a step reads the intents of another history in training. The others as in sasrec.
    UserError for a setting out of range.
    """
    check_sizes("igr_sr", width, layers, max_length, dropout, least=1)
    if min(steps, prefix, intents - 1, consistency) < 0:
        raise UserError(f"igr_sr: {steps=}, {prefix=} and {consistency=} are 0 or more, {intents=} 1 or more")
    sizes = {"width": width, "layers": layers, "max_length": max_length, "dropout": dropout}
    encoder = sasrec_encoder(bench, **sizes)
    if not steps:
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    load_weights(encoder, bench.teacher("sasrec", **sizes).recommender().state())
    with bench.init("intents"):
        module = IntentReasoner(
            encoder, prefix=prefix, intents=intents, steps=steps, heads=HEADS, feedforward=FEEDFORWARD,
            shuffled=shuffled,
        )

    def agreement(windows: Histories, step: int) -> Tensor:
        """lambda times the contrast between the intents after the last event and those of the masked history."""
        device = module.item.weight.device
        rows = torch.from_numpy(windows.padded()[:, :-1]).to(device)
        last = torch.from_numpy(windows.lengths - 2).to(device)
        masked = rows.masked_fill(torch.rand(rows.shape, device=device) < MASKED, 0)
        views = [module.intents(module.begin(items, last)[0])[:, 0].unbind(1) for items in (rows, masked)]
        return consistency * sum(info_nce(a, b, TAU) for a, b in zip(*views)) / intents

    additions = Additions(loss=agreement if consistency else None)
    return sequential(
        module, loss=cross_entropy, max_length=max_length, trainable=TRAINED, additions=additions,
    )
