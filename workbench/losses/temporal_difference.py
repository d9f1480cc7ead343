"""Losses of values of actions that are learned from their consequences."""
import torch
import torch.nn.functional as F
from torch import Tensor


def double_q_targets(rewards: Tensor, over: Tensor, online: Tensor, target: Tensor, gamma: float) -> Tensor:
    """(B,) what an action turned out to be worth: r + gamma Q_target(s', argmax_a Q_online(s', a)), and r at the end.

    rewards (B,). over (B,) bool. online, target: (B, n) values of the actions in the next state by two networks, -inf
    for those that are not allowed; the one chooses, the other says what the choice is worth. van Hasselt, Guez and
    Silver, "Deep reinforcement learning with double Q-learning", AAAI 2016, equation 4.

    >>> online, target = torch.tensor([[1.0, 2.0]]), torch.tensor([[9.0, 4.0]])
    >>> double_q_targets(torch.tensor([1.0]), torch.tensor([False]), online, target, 0.5).tolist()
    [3.0]
    """
    worth = target.gather(1, online.argmax(1, keepdim=True))[:, 0]
    return torch.where(over, rewards, rewards + gamma * worth)


def temporal_difference(values: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The mean of w times Huber's loss of values (B,) against targets (B,), which have no gradient. weights (B,)."""
    return (weights * F.smooth_l1_loss(values, targets.detach(), reduction="none")).mean()
