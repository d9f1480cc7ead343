"""GA-LLM: where an item is goes into its embedding, by n-grams of its map tile and Fourier features. After the paper.

Paper     GA-LLM, geographic tokens inside a language model for next-POI recommendation.
Idea      A place's id says nothing of where it is. Encode the string of its map tile, whose n-grams near places share,
          and its coordinates by Fourier features, and add both to what stands for the place.
Equation  v_i = e_i + A LN(mean_j Blocks(n-gram j of the tile string of i)) + B gelu(C phi(x_i))
          phi(x) = [cos Wx, sin Wx] / sqrt(n), W learnable;  s(i | x_1 .. x_t) = h_t . v_i
Claim     Where visits follow the distance it ranks better than the same encoder of ids alone (the parent), and than
          places whose coordinates are permuted (the placebo).
Differs   The geographic half alone: in the paper these vectors are tokens of a 7B language model that is asked for the
          next place, beside vectors of a hypergraph model; that half waits. Here they are added to id embeddings on
          both sides of SASRec. Tile strings have 25 digits and 6-grams as in the paper; by default the tile encoder is
          a bag of n-grams, since every step encodes all places: the paper's is tile_layers=2, at several times the
          cost. 64 frequencies of 256; coordinates are those of the map in units of their standard deviation, so the
          frequencies start at 1 in place of 1 / 10. A history is one sequence, not sessions of 24 hours.
Reported  Acc@1 on check-ins of New York, Tokyo and California: above LLM4POI's .3372, .3035 and .2065; its own figures
          are not at hand.
"""
import numpy as np

from workbench.data.coordinates import item_coordinates
from workbench.errors import UserError
from workbench.nets.sequences.geography import PlacedItems, PlaceEncoder
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import sequential

PARENT = "sasrec"
OFF = {"tiles": False, "frequencies": 0}
PLACEBO = {"shuffled": True}
NEEDS = ("lat", "lon")  # of the items
RECIPE = SASREC_RECIPE


def build(
    bench, *, tiles=True, tile_layers=0, frequencies=64, scale=1.0, shuffled=False, width=64, layers=2, max_length=50,
    dropout=0.3,
):  # fmt: skip
    """SASRec over places for the bench's catalogue.

    tiles: whether tile strings are encoded, by tile_layers blocks over a bag of n-grams. frequencies: of the Fourier
    features, 0 for none; scale: their standard deviation at the start. shuffled: the placebo, coordinates are permuted
    among the places. The others as in sasrec. UserError for a setting out of range, or items without coordinates.
    """
    check_sizes("ga_llm", width, layers, max_length, dropout, multiple=4)  # tiles: two heads at half the width
    if min(tile_layers, frequencies) < 0 or not scale > 0:
        raise UserError(f"ga_llm: {tile_layers=} and {frequencies=} are counts, 0 or more; {scale=} is above 0")
    degrees = item_coordinates(bench.dataset)
    module = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if tiles or frequencies:
        if shuffled:
            degrees = np.concatenate([degrees[:1], bench.rng("shuffled places").permutation(degrees[1:])])
        with bench.init("places"):
            places = PlaceEncoder(
                degrees, width, layers=tile_layers if tiles else None, frequencies=frequencies, scale=scale
            )
        module.item = PlacedItems(module.item, places)  # read in the place of the ids, and tied to the output
    return sequential(module, loss=cross_entropy, max_length=max_length)
