"""Terms of variational autoencoders: what a Gaussian over latents costs against the standard one."""
from torch import Tensor


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(...) KL(N(mean, diag(exp(log_variance))) | N(0, I)) of vectors (..., D), in nats: half the sum of
    mean^2 + variance - 1 - log variance (Kingma and Welling 2014, arXiv:1312.6114, appendix B).

    >>> import torch
    >>> gaussian_kl(torch.tensor([3.0, 4.0]), torch.zeros(2)).item()
    12.5
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1) / 2
