"""Distillation: a student's logits follow a teacher's, both softened by a temperature."""
import torch.nn.functional as F
from torch import Tensor


def soft_label_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(student / T)) of logits (N, C) over the same C candidates, mean over rows:
    0, without a gradient, where a row's logits differ by a constant only.

    T^2 keeps the size of the gradient whatever T is (Hinton et al., arXiv:1503.02531, section 2).
    """
    log_p, log_q = (teacher / temperature).log_softmax(1), (student / temperature).log_softmax(1)
    return temperature**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
