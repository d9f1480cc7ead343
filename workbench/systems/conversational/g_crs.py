"""G-CRS: one walk from what a dialogue mentions gives candidates and similar dialogues, which rank them; no training.

Paper     Graph Retrieval-Augmented LLM for Conversational Recommendation Systems, 2025, arXiv:2503.06430. After pages
          about it and its abstract.
Idea      Link dialogues to what they mention, and that to what a knowledge graph knows. A random walk that restarts at
          what the dialogue has mentioned is at movies worth recommending and at dialogues worth reading, both at once.
Equation  r <- alpha p + (1 - alpha) A D^-1 r,  p the entities of the dialogue, each alike
          o_i = sum over those that mention i of r_c / sum of r_c, both over the k dialogues of largest r_c
          score(i) = r_i (1 + o_i) for the n items of largest r_i, else r_i;  with `prior` r_i / u_i^prior in the place
          of r_i, u the walk that restarts at all that train mentions
Claim     The walk retrieves what is recommended better than co-occurrence of movies (item_knn, its parent), and by
          knowledge as it is: with the tails of the links of every relation permuted (the placebo) it does not.
Differs   Without model= no language model: candidates are ordered by the walk and the dialogues that it retrieves. With
          model= a local one orders n of at most 26, after 3 similar dialogues as lists of what they mention, by the
          logits of letters in two orders, without reasons. The paper's expansion of entities by a graph network is the
          walk alone. Each mention counts once. What was mentioned is not recommended anew but after all else. `prior`
          is ours: a replication found the candidates to lean to popular movies. Without mentions the walk starts as u.
Reported  Hit rate and MRR on ReDial and INSPIRED; the figures were not found.
"""
import numpy as np

from workbench.data.dialogues.mentions import entity_names, entity_rows, read_mentions
from workbench.data.links.knowledge_graph import both_directions, item_triples
from workbench.errors import UserError
from workbench.recommenders.count_based import CountBased
from workbench.recommenders.dialogues.example_prompts import ExampleModel
from workbench.recommenders.dialogues.walk import DialogueWalk, most_similar, overlap, walk_statistics
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.prompts.templates import LETTERS
from workbench.recommenders.reranked import Reranked
from workbench.train import Recipe

VERB = "rank"
PARENT = "item_knn"
OFF = {"steps": 0}
PLACEBO = {"rewired": True}
NEEDS = ("relations", "mentions")
RECIPE = Recipe(epochs=1)
ORDERS, SHOWN = 2, 3  # of the letters; examples in a prompt


def build(
    bench, *, alpha=0.2, steps=12, knowledge=1.0, examples=20, n=20, prior=0.0, rewired=False, model=""
):
    """A walk over dialogues, entities and knowledge.

    alpha: chance of a restart. steps: of the walk; 0 leaves the parent. knowledge: weight of a link of the knowledge
    graph beside a mention, 0 for none. examples: k, dialogues that candidates are compared with; 0 leaves the order of
    the walk. n: candidates that are compared. prior: how much of popularity is taken out. rewired: the placebo. model:
    a local language model that orders the candidates. UserError for a setting out of range, or a dataset without
    relations or mentions.
    """
    _check(bench, alpha, steps, knowledge, examples, n, prior, model)
    if not steps:
        return Reranked(bench.teacher("item_knn").recommender(), None, n=0)
    triples = item_triples(bench.dataset, rewired=bench.rng("rewired links") if rewired else None)
    mentions, graph = read_mentions(bench.dataset, triples.n_entities), both_directions(triples)

    def read(histories):
        return entity_rows(mentions, histories)

    def walk_of(statistics):
        return DialogueWalk(statistics["links"], read, statistics["usual"], n_items=triples.n_items, alpha=alpha,
                            steps=steps)  # fmt: skip

    if not model:
        return CountBased(
            compute_statistics=lambda split: walk_statistics(split, mentions, graph, knowledge=knowledge),
            make_scorer=lambda statistics: _scorer(walk_of(statistics), statistics["said"], examples, n, prior),
        )
    first = bench.teacher("g_crs", alpha=alpha, steps=steps, knowledge=knowledge, examples=examples, n=n, prior=prior,
                          rewired=rewired).recommender()  # fmt: skip
    walk, said = walk_of(first.statistics), first.statistics["said"]
    names = entity_names(bench.dataset, triples.n_entities)
    judge = ExampleModel(local_model(model), names, read, lambda histories: most_similar(walk(histories)[1], SHOWN)[0],
                         said, orders=ORDERS, seed=bench.seed)  # fmt: skip
    return Reranked(first, judge, n=n)


def _scorer(walk, said, examples, n, prior):
    usual = walk.from_usual() ** prior if prior else 1.0

    def score(histories):
        r, dialogues = walk(histories)
        r = r / np.maximum(usual, 1e-12)
        mentioned = histories.rows(), histories.items
        order = r.copy()
        order[mentioned], order[:, 0] = -1, -1
        best = np.argpartition(-order, n - 1, axis=1)[:, :n] if examples else np.zeros((len(r), 0), np.int64)
        if best.size:
            like = overlap(dialogues, said, examples, walk.n_items)
            np.put_along_axis(r, best, np.take_along_axis(r * (1 + like), best, axis=1), axis=1)
        r[mentioned] = -1 / (1 + r[mentioned])
        return r

    return score


def _check(bench, alpha, steps, knowledge, examples, n, prior, model):
    n_items = bench.split.n_items
    if not 0 < alpha < 1 or min(steps, knowledge, examples, prior) < 0 or not 1 <= n <= n_items:
        raise UserError(f"g_crs: {alpha=} is between 0 and 1, {steps=}, {knowledge=}, {examples=} and {prior=} are 0 "
                        f"or more, {n=} is 1 to {n_items:,} items")  # fmt: skip
    if model and n > len(LETTERS):
        raise UserError(f"g_crs: a prompt has a letter for each candidate, so {n=} is at most {len(LETTERS)}")
