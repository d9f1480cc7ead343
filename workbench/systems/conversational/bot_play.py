"""Bot play: the user says what is wrong with a list, which moves their vector as was learned in play with a simulator.

Paper     After the abstract of Self-Supervised Bot Play for Transcript-Free Conversational Recommendation with
          Rationales, RecSys 2022, and of linear critiquing (Luo et al., Latent Linear Critiquing, WWW 2020).
Idea      A critique is a set of aspects that the target lacks. It is fused into the user's vector by a linear blend,
          turn after turn; a bot that knows what the user wants plays that user, so the blend is learned without
          transcripts of human dialogues.
Equation  z_0 = 0;  z_t = keep z_(t-1) - W mean of a over the critique, z_(t-1) without one
          score_t(i) = score(u, i) + spread_u z_t . v_i;  list_t = top_k over the candidates
          loss = mean over turns of -log softmax over candidates of (sharpness score_t(target) / spread_u)
Claim     With critiques the target is shown earlier than without (always_recommend, its parent), with a trained blend
          earlier than with the one that it begins with (learnt=False), and with critiques of random aspects of what was
          shown (the placebo) it is not.
Differs   The base recommender is a system of this catalogue and its score, as it is, the part of the user's vector that
          critiques do not move; aspects are the items' attributes, and their vectors and the items' a truncated SVD of
          the graph of items, attributes and users of train, in place of heads trained along with the recommender. There
          are no justifications: the user sees the list and knows its attributes. Of a list they name the attributes
          that most items have. spread_u, the standard deviation of a user's scores, makes one blend fit any
          scorer. Lists shown in play have no gradient.
Reported  Success and turns on Goodreads, BeerAdvocate and Amazon Music; no figures at hand.
"""
from workbench.envs.critiques import CRITIQUES, CritiquedWorld
from workbench.envs.fixed_rule import FixedRule
from workbench.errors import UserError, unknown_name
from workbench.nets.conversation.critique_blend import CritiqueBlend
from workbench.recommenders.conversation.asking import best_items
from workbench.recommenders.conversation.critiquing import Critiquing, recommendations
from workbench.recommenders.conversation.node_vectors import node_vectors
from workbench.recommenders.conversation.worlds import ConversationWorlds
from workbench.train import Recipe

PARENT = "always_recommend"
OFF = {"aspects": 0}
PLACEBO = {"critique": "random"}
RECIPE = Recipe(
    epochs=40, batch_size=64, lr=1e-2, schedule="linear", patience=6, valid_every=2, valid_cases=300, monitor="return",
)  # fmt: skip


def build(
    bench, *, scorer="item_knn", turns=15, k=10, silence=0.0, aspects=3, critique="lacking", learnt=True, width=32
):
    """scorer, turns, k, silence: as always_recommend.

    aspects: the most attributes of a critique; 0 for no critiques, its parent. critique: lacking, or random, the
    placebo. learnt: whether the blend is trained. width: of the vectors. UserError for an unknown critique, a setting
    out of range, or where no item has attributes.
    """
    if critique not in CRITIQUES:
        raise unknown_name("critique of bot_play", critique, CRITIQUES)
    if aspects < 0 or width < 1:
        raise UserError(f"bot_play: {aspects=} is 0 or more, {width=} is 1 or more")
    worlds = ConversationWorlds(bench, scorer, patience=turns, k=k, silence=silence)
    if not aspects:
        return FixedRule(worlds, lambda seen: recommendations(best_items(seen, k)))
    past = bench.split.train.without_last(1)  # the last events are what is wanted in episodes of train
    vectors = node_vectors(worlds.attributes.matrix, past, width, seed=bench.seed)

    def world_of(world):
        return CritiquedWorld(world, aspects=aspects, critique=critique)

    return Critiquing(worlds, world_of, CritiqueBlend(*vectors), learnt=learnt)
