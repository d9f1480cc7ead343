"""CFCRS: one entity of a dialogue is edited until the recommender fails, made a real one, and what follows is learned.

Paper     Improving Conversational Recommendation Systems via Counterfactual Data Simulation (CFCRS), KDD 2023,
          arXiv:2306.02842.
Idea      Dialogues are few. Ask what one thing a seeker mentioned would have to be for the recommender to fail, take
          the real entity nearest to that, let the dialogue go on from there, and train on it; small edits first.
Equation  d* = argmax_d - log p(last movie | m + d / n) - l2_t |d|^2,  l2_t = l2 decay^t, by gradient ascent from 0,
          m the mean of the n entities of the dialogue
          e' = the entity of the kind of e nearest to z_e + d*;  a new flow = the old one up to e', then
          e_j ~ (1 - a) share of what follows e_(j-1) in train + a softmax(k_(j-1) . k_j / T), of the kind it was of and
          not in the flow yet
          loss = that of entity_bag on train dialogues + weight times that of the last movies of new flows
Claim     A recommender is better with the new dialogues (on) than without (off), and by what the edit learned: with
          edits of the same length in random directions (the placebo) it is not.
Differs   The language model of flows is a Markov model with kinds as given, and no text is written: the recommender
          reads entities. So the edit ascends the loss on the dialogue itself, not on what a language model makes of it.
          Any entity before the last movie is edited, whoever mentioned it; knowledge vectors are those of entity_bag in
          the place of a graph network, and there is no preference by self-attention. New flows are made before each
          epoch. The release computes distinct flows and then returns all of them.
Reported  Recall@1, 10, 50 of KBRD, BARCOR and UniCRS on ReDial and INSPIRED; the figures were not found.
"""
import numpy as np
import torch

from workbench.errors import UserError, unknown_name
from workbench.nets.dialogues.edits import learned_edits, random_edits, snapped
from workbench.recommenders.dialogues.bag_parts import BAG_RECIPE, bag_parts
from workbench.recommenders.dialogues.bag_recommender import Augmentation, BagRecommender
from workbench.recommenders.dialogues.flow_batches import flow_loss, split_flows
from workbench.recommenders.dialogues.flows import flow_model, train_flows
from workbench.train import named_rng

VERB = "rank"
PARENT = "entity_bag"
OFF = {"weight": 0.0}
PLACEBO = {"edits": "random"}
NEEDS = ("relations", "mentions")
RECIPE = BAG_RECIPE
EDITS = ("learned", "random", "none")
STEPS, RATE = 10, 0.5  # of the ascent


def build(
    bench, *, weight=0.5, flows=512, l2=0.1, decay=0.95, smoothing=0.2, edits="learned", width=64, hidden=64,
    rewired=False,
):  # fmt: skip
    """entity_bag, trained on counterfactual flows too.

    weight: of their loss; 0 makes none. flows: made for an epoch. l2, decay: of the edits. smoothing: a. edits:
    learned, random (the placebo) or none, which draws only the ends of flows anew. The others as in entity_bag.
    UserError for a setting out of range, or a dataset without relations or mentions.
    """
    if not weight >= 0 or flows < 1 or not l2 >= 0 or not 0 < decay <= 1 or not 0 <= smoothing <= 1:
        raise UserError(f"cfcrs: {weight=} and {l2=} are 0 or more, {flows=} at least 1, {decay=} above 0 and at most "
                        f"1, {smoothing=} from 0 to 1")  # fmt: skip
    if edits not in EDITS:
        raise unknown_name("edits", edits, EDITS)
    module, mentions = bag_parts(bench, "cfcrs", width=width, hidden=hidden, rewired=rewired)
    if not weight:
        return BagRecommender(module, mentions)
    known = train_flows(mentions, bench.split.train)
    if not len(known):
        raise UserError("cfcrs: in no dialogue of train is anything mentioned before its last movie", code=3)
    model = flow_model(known, mentions, bench.split.n_items, smoothing=smoothing)
    module.register_buffer("flows", torch.zeros(min(flows, len(known)), known.shape[1], dtype=torch.int64))

    def augment(module, session):
        def renew(epochs):
            rng = named_rng(session.seed, "flows", epochs)
            chosen = known[rng.permutation(len(known))[: len(module.flows)]]
            made = counterfactual_flows(module, model, chosen, rng, l2=l2 * decay**epochs, edits=edits)
            module.flows.copy_(torch.from_numpy(made))

        def loss(step):
            rng = named_rng(session.seed, "flows of a step", step)
            rows = rng.permutation(len(module.flows))[: session.recipe.batch_size]
            return weight * flow_loss(module, module.flows[torch.from_numpy(rows)].cpu().numpy())

        renew(0)
        return Augmentation(loss, renew)

    return BagRecommender(module, mentions, augment=augment)


def counterfactual_flows(module, model, flows, rng, *, l2, edits="learned"):
    """(F, T) flows with one entity edited and made real, and drawn anew after it. model: a `FlowModel`. rng: chooses
    the entities and draws what follows. With edits="none" or a vast l2 what is drawn is distributed as after the
    entity itself."""
    n = (flows > 0).sum(axis=1)
    at = (rng.random(len(flows)) * (n - 1)).astype(np.int64)
    entities, chance = flows[np.arange(len(flows)), at], rng.random(flows.shape)
    device, table = module.learned.weight.device, module.vectors().detach()
    bag, targets = split_flows(flows, device, len(table))
    share = torch.from_numpy((1 / (n - 1)).astype(np.float32)).to(device)
    d = learned_edits(module, module.mean(bag, table), share, targets, l2=l2, lr=RATE,
                      steps=0 if edits == "none" else STEPS)  # fmt: skip
    if edits == "random":
        d = random_edits(d, torch.from_numpy(rng.standard_normal(tuple(d.shape)).astype(np.float32)).to(device))
    entities, kinds, *allowed = (torch.from_numpy(each).to(device) for each in (entities, model.kinds, *model.allowed))
    made = flows.copy()
    made[np.arange(len(flows)), at] = snapped(table, entities, d, kinds, allowed).cpu().numpy()
    return model.go_on(made, at, chance, module.knowledge.cpu().numpy())
