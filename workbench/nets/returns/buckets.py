"""A number as a token: a mixture of the embeddings of buckets, by how near it is to their centres."""
import torch
from torch import Tensor, nn


class SoftBuckets(nn.Module):
    """Numbers (...) to embeddings (..., D): a softmax over n buckets, whose centres are spread over -margin to 1 +
    margin, of -((x - centre) / spacing)^2. After the meta-embeddings of DT4IER (arXiv 2404.03637, section 4.2), whose
    weights are learnt; here what is near is alike from the start. Beyond the last centre every number is alike.

    >>> buckets = SoftBuckets(5, 3)
    >>> torch.equal(buckets(torch.tensor([9.0])), buckets(torch.tensor([99.0])))
    True
    """

    def __init__(self, n: int, width: int, margin: float = 0.25):
        super().__init__()
        self.table = nn.Embedding(n, width)
        nn.init.normal_(self.table.weight)
        self.register_buffer("centres", torch.linspace(-margin, 1 + margin, n), persistent=False)

    def weights(self, numbers: Tensor) -> Tensor:
        """(..., n) shares of the buckets."""
        inside = numbers.clamp(self.centres[0], self.centres[-1])
        away = (inside[..., None] - self.centres) / (self.centres[1] - self.centres[0])
        return (-(away**2)).softmax(-1)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.weights(numbers) @ self.table.weight
