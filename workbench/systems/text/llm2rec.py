"""LLM2Rec: text vectors that know who buys what, frozen, with one linear adapter in the place of SASRec's item table.

Paper     LLM2Rec: Large Language Models Are Powerful Embedding Models for Sequential Recommendation, KDD 2025,
          arXiv:2506.21579.
Idea      A text encoder knows what items are, not what goes with what. Tune it to say the next title after the titles
          of a history, turn it into an encoder of single titles, and give its frozen vectors to any sequence encoder.
Equation  e_i = f(x_i) / |f(x_i)|,  f(x) = x + W_2 gelu(W_1 x),  x_i the text vector of item i
          L = InfoNCE(m_t, e_{t+1}) + InfoNCE(e', e''),  m_t the mean of the history's e; e', e'' of one text, under
          two dropouts;  InfoNCE(a, b) = -log e^{cos(a, b) / tau} / sum_j e^{cos(a, b_j) / tau}, and a, b exchanged
          s(i | x_1 .. x_t) = h_t . A e_i,  A the adapter, h_t SASRec's state of A e_1 .. A e_t
Claim     Items that were never in train are recommended, which an id table (the parent) does by chance only; tuned
          vectors are better than those before (tuned=False), and both than vectors of other items (the placebo).
Differs   No language model: f is a small tower on frozen text vectors, TF-IDF or a sentence encoder's. The contrast of
          a history with the next title takes the place of tuning by next-title likelihood and of masked tokens; that of
          dropout twins (SimCSE) is trained at the same time, not after. The tower is tuned on the train events of this
          dataset, not on a mix of six. The id table (adapter="none") has its gradient from the output too; that of the
          release has none there. Items without a train event are no candidates of the loss, which would only push them
          down. The sizes of sasrec.
Reported  Games, Arts, Movies, Goodreads, Sports and Baby, full ranking, unmasked: no figures at hand.
"""
import numpy as np
from torch import Tensor

from workbench.data import Histories
from workbench.errors import UserError, unknown_name
from workbench.nets.sequences.text_items import ADAPTERS, TextItems
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import sequential
from workbench.recommenders.text.candidates import TrainItems
from workbench.recommenders.text.next_title import tuned_vectors
from workbench.stages import stage

PARENT = "sasrec"
OFF = {"adapter": "none"}
PLACEBO = {"vectors": "permuted"}
RECIPE = SASREC_RECIPE
FEATURES, STEPS = 128, 200  # columns of TF-IDF vectors, and steps of the tuning


def build(
    bench, *, vectors="text", tuned=True, tau=0.2, adapter="linear", width=64, layers=2, max_length=50, dropout=0.3
):
    """SASRec on adapted text vectors, for the bench's catalogue.

    vectors: a kind of item vectors, "text" (TF-IDF), "sentence" (extra: text) or a control such as "permuted". tuned:
    on next titles first, with temperature tau; False takes the vectors as they are. adapter: linear, bottleneck, or
    none, which trains SASRec on an id table. The others as in sasrec. UserError for an unknown name, a setting out of
    range or a catalogue without text.
    """
    if adapter not in (*ADAPTERS, "none"):
        raise unknown_name("adapter", adapter, (*ADAPTERS, "none"))
    check_sizes("llm2rec", width, layers, max_length, dropout)
    if not tau > 0:
        raise UserError(f"llm2rec: {tau=} divides the cosines of the tuning; give a number above 0")
    text = None if adapter == "none" else item_texts(bench, vectors, tuned, tau)
    encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if text is not None:
        with bench.init("adapter"):
            encoder.item = TextItems(text, width, adapter)
    known = TrainItems(bench.split.train.items, bench.split.n_items)

    def of_known(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        """h (N, D) states, weight (I+1, D) adapted vectors, targets (N,)."""
        return known.cross_entropy(h, weight, targets)

    return sequential(encoder, loss=cross_entropy if text is None else of_known, max_length=max_length)


def item_texts(bench, kind: str, tuned: bool, tau: float) -> np.ndarray:
    """(I+1, F) the text vectors of all items, row 0 zeros, before or after the tuning."""
    plain, train = bench.vectors(kind, dim=FEATURES), bench.split.train
    return _tuned(plain, train.offsets, train.items, STEPS, tau, bench.seed) if tuned else plain


@stage("vectors")
def _tuned(plain, offsets, items, steps: int, tau: float, seed: int) -> np.ndarray:
    train = Histories(offsets, items, np.arange(len(offsets) - 1, dtype=np.int32))
    return tuned_vectors(plain, train, steps=steps, tau=tau, seed=seed)
