"""STKDRec: the student reads where places are and how far apart; a teacher of transitions softens its targets.

Paper     STKDRec, spatio-temporal knowledge distillation for sequential recommendation of takeaway food.
Idea      A graph knows what goes together, a sequence model what comes next. Distil the scores of the one into the
          other, whose input also says in which tile a place is and how far from the one before.
Equation  x_t = e_i + W_s (g_tile + d_distance) + p_t;  v_i = e_i + W_s g_tile;  s(i) = h_t . v_i
          L = (1 - lambda) L_CE + lambda T^2 KL(softmax(teacher / T) || softmax(s / T))
Claim     It ranks better than the same encoder of ids without a teacher (the parent), and by what the teacher says of
          this history: its scores of other histories (the placebo) are worse.
Differs   The teacher is item_transitions, weighted counts of what follows what in the graph of train, in place of a
          network over a knowledge graph of items, users, times and regions, which no dataset here has. Its logit of an
          item is log(score + 1 / I). It has counted what it is asked about: so that its scores of a train history do
          not hold the target, users are in 4 folds, and a fold is scored by a teacher of the others. KL runs over the
          target and negatives that are drawn once; in the release over positions of the sequence. Cross-entropy over
          all items in place of BCE. Tiles of a map in place of geohashes. Candidates have the tile's part in training
          and in test, but not the distance, which differs by history; the release has neither of them in test.
Reported  Takeaway logs, 1 positive and 100 uniform negatives, NDCG@10 and Recall@10, as a summary has them: Wuhan .7586
          and .8229, Sanya .8492 and .8940, Taiyuan .8391 and .8789.
"""
import numpy as np

from workbench.data.coordinates import item_coordinates
from workbench.errors import UserError
from workbench.nets.sequences.spatial_encoder import SpatialEncoder, distance_buckets
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import Additions, LastState, next_items
from workbench.recommenders.teachers.soft_labels import Teachers, distilled_next_items
from workbench.recommenders.vector import VectorRecommender

PARENT = "sasrec"
OFF = {"distillation": 0.0, "level": 0}
PLACEBO = {"shuffled": True}
NEEDS = ("lat", "lon")  # of the items, for the spatial input
RECIPE = SASREC_RECIPE
FOLDS, FINEST = 4, 25


def build(
    bench, *, distillation=0.2, temperature=7.0, negatives=50, level=15, shuffled=False, width=64, layers=2,
    max_length=50, dropout=0.3,
):  # fmt: skip
    """A student with spatial input and a teacher of transitions, for the bench's catalogue.

    distillation: lambda; 0 trains the student alone. temperature: T. negatives: candidates beside the target. level: of
    the tiles, of 40,000 km / 2^level; 0 leaves out tiles and distances. shuffled: the placebo, the teacher scores other
    histories. The others as in sasrec. UserError for a setting out of range, or items without coordinates.
    """
    check_sizes("stkdrec", width, layers, max_length, dropout)
    if not 0 <= distillation < 1 or not temperature > 0 or not 0 <= level <= FINEST or negatives < 1:
        raise UserError(f"stkdrec: {distillation=} is a share from 0 to below 1, {temperature=} above 0, {level=} of "
                        f"tiles 0 to {FINEST}, {negatives=} at least 1")  # fmt: skip
    degrees = item_coordinates(bench.dataset) if level else None
    module = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if level:
        with bench.init("places"):
            module = SpatialEncoder(module, degrees, level=level)
    inputs = (lambda histories, T: [distance_buckets(histories.padded(T), degrees)]) if level else None
    additions = Additions(inputs=inputs)
    if distillation:
        objective = distilled_next_items(
            cross_entropy, other_users_teachers(bench), weight=distillation, temperature=temperature,
            negatives=negatives, max_length=max_length, additions=additions, shuffled=shuffled,
        )  # fmt: skip
    else:
        objective = next_items(cross_entropy, max_length=max_length, additions=additions)
    return VectorRecommender(module, LastState(max_length, inputs=inputs), objective)


def other_users_teachers(bench) -> Teachers:
    """A teacher for each fold of the users, which has counted the transitions of the others only."""
    train = bench.split.train
    fold = bench.rng("folds of teachers").permutation(np.arange(bench.split.n_users) % FOLDS)
    of_event = fold[train.users[train.rows()]]
    variants = [bench.variant(train=of_event != k, label=f"teacher {k}") for k in range(FOLDS)]
    return Teachers([variant.teacher("item_transitions").recommender() for variant in variants], fold)
