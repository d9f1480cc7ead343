"""Served CTR: a network of clicks, trained on what came before, predicts window after window without learning more.

Paper     None; after DIN (Zhou et al., KDD 2018, arXiv:1706.06978) and wide & deep (Cheng et al., DLRS 2016,
          arXiv:1606.07792), as served between two retrainings.
Idea      What a click model is worth as it ages: the parent of what corrects it while it is served.
Equation  x = relu(W [u, i, past, u * i]);  h = tanh(V x);  f = sigmoid(w . h + b_u + b_i)
          past = sum_t softmax(i . i_t / sqrt(D)) (i_t + reaction_t);  binary cross-entropy
Claim     Stands for a click model as it ages: it has a higher AUC than item_rate, and what corrects it while it is
          served (tuned_ctr, reloop2) must exceed it.
Differs   Smaller than any model that is served. The past is what the user was shown in windows before this one, with
          the reactions; users and items without an event in train are the vector 0.
Reported  Nothing.
"""
from workbench.errors import UserError
from workbench.evaluate.streams.events import stream_of
from workbench.nets.streams.click_network import ClickNetwork
from workbench.recommenders.streaming.served_clicks import ServedClicks
from workbench.train import Recipe

PARENT = None
OFF = None
PLACEBO = None
RECIPE = Recipe(epochs=20, batch_size=256, lr=2e-3, weight_decay=0.1, patience=2, monitor="auc")


def build(bench, *, windows=10, start=0.5, width=16):
    """windows: of the stream, each predicted and then observed. start: share of the events before the first. width: D.
    UserError for a width below 1, data without times, or fewer windows."""
    if width < 1:
        raise UserError(f"served_ctr: {width=} must be 1 or more")
    stream = stream_of(bench, windows=windows, start=start)
    with bench.init():
        module = ClickNetwork(stream.n_users, stream.n_items, width=width)
    return ServedClicks(stream, module, seed=bench.seed)
