"""Translation embeddings of a knowledge graph (TransR): links lead from head to tail in the space of a relation."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.knowledge.relation_attention import Links, segment_softmax


class Translations(nn.Module):
    """e_r and M_r of 2R relations, one for each direction of a link, for entities of D numbers.

    relation: (2R, D). project: (2R, D, D), of which row d of M_r is project[r, d].
    """

    def __init__(self, n_relations: int, width: int):
        super().__init__()
        self.relation = nn.Embedding(n_relations, width)
        self.project = nn.Parameter(torch.empty(n_relations, width, width))
        nn.init.xavier_uniform_(self.relation.weight)
        for matrix in self.project.data:
            nn.init.xavier_uniform_(matrix)

    def distance(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """(B,) |M_r e_h + e_r - M_r e_t|^2 for vectors (B, D) of heads and tails and ids (B,) of relations."""
        step = torch.einsum("bij,bj->bi", self.project[relations], heads - tails)
        return (step + self.relation(relations)).square().sum(1)

    def loss(self, entity: nn.Embedding, links: Tensor, others: Tensor) -> Tensor:
        """Mean of -ln sigmoid(distance of another tail - distance of the tail). links: (B, 3) head, relation, tail.
        others: (B,) entities in the place of the tails."""
        heads, relations, tails = links.unbind(1)
        near, far = (self.distance(entity(heads), relations, entity(each)) for each in (tails, others))
        return -F.logsigmoid(far - near).mean()

    @torch.no_grad()
    def attention(self, entities: Tensor, links: Links) -> Tensor:
        """(N,) softmax over the links of each head of (M_r e_t) . tanh(M_r e_h + e_r), for entities (E, D)."""
        logits = entities.new_zeros(len(links.tails))
        order = links.relations.argsort(stable=True)
        for relation, own in enumerate(order.split(links.relations.bincount(minlength=len(self.project)).tolist())):
            heads, tails = (entities[ids[own]] @ self.project[relation].T for ids in (links.heads, links.tails))
            logits[own] = (tails * (heads + self.relation.weight[relation]).tanh()).sum(1)
        return segment_softmax(logits, links.offsets)
