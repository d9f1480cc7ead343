"""Residual quantisation of tensors, one code path with four assignments of a residual to the codes of a level.

With squared distances d_k = ||r - e_k||^2 of a residual to the codewords of its level, the weights w of the codes are

    hard        w = one-hot(argmin d)                                      TIGER (arXiv 2305.05065)
    soft        w = softmax(-d / tau)                                      UniGRec (arXiv 2601.17438)
    gumbel      w = one-hot(argmax p) + p - sg[p],                         DIGER (arXiv 2601.19711)
                p = softmax((-d + noise * g) / tau), g standard Gumbel
    sinkhorn    w = one-hot(argmax Q), Q a transport plan, uniform         LC-Rec (arXiv 2311.09049)
                over the rows and over the codes

and the quantised vector is the sum over levels of q = sum_k w_k e_k, whose residual r - q enters the next level.
"""
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from workbench.errors import UserError, unknown_name
from workbench.tokens.rq_kmeans import nearest_centroid

ASSIGNMENTS = ("hard", "soft", "gumbel", "sinkhorn")
MIN_EPSILON = 2e-3  # exp(1 / epsilon) is still a double


class Quantised(NamedTuple):
    """n rows quantised at L levels of K codes in D dimensions.

    codes: (n, L) int64. quantised: (n, D), with gradients to the rows. weights: (n, L, K) of the codes. residuals and
    codewords: (n, L, D), what enters each level and what is subtracted there, whose difference a loss can reduce.
    """

    codes: Tensor
    quantised: Tensor
    weights: Tensor
    residuals: Tensor
    codewords: Tensor


def quantise(
    rows: Tensor, tables: Tensor, *, assign: str = "hard", tau: float = 1.0, noise: float = 0.0, epsilon: float = 3e-3,
    generator: Generator | None = None,
) -> Quantised:  # fmt: skip
    """Quantise rows (n, D) with the codewords of L levels, tables (L, K, D).

    assign: one of ASSIGNMENTS. tau: temperature of soft and gumbel. noise: scale of the Gumbel noise, drawn from
    `generator`; without noise gumbel is the straight-through estimator on the weights: forward hard, backward soft.
    epsilon: entropic regularisation of sinkhorn, relative to the range of distances.

    Gradients: hard and sinkhorn pass that of `quantised` to the rows unchanged (straight-through: rows + sg[quantised -
    rows]) and none to the tables, which learn from `codewords`; soft and gumbel pass it through the weights to the rows
    and to the tables. UserError for an unknown assignment, tau <= 0, noise < 0, or too small an epsilon.
    """
    check_assignment(assign, tau, noise, epsilon)
    left, found = rows, []
    for table in tables:
        if assign in ("hard", "sinkhorn"):
            codes = _nearest(left.detach(), table.detach(), assign, epsilon)
            weights, codeword = None, table[codes]
            residual, left = left, left - codeword.detach()
        else:
            weights = _probabilities(-squared_distances(left, table), assign, tau, noise, generator)
            codes, codeword = weights.argmax(1), weights @ table
            residual, left = left, left - codeword
        found.append((codes, residual, codeword, weights))
    *stacked, weights = zip(*found)
    codes, residuals, codewords = (torch.stack(each, 1) for each in stacked)
    quantised = codewords.sum(1)
    if assign in ("soft", "gumbel"):
        return Quantised(codes, quantised, torch.stack(weights, 1), residuals, codewords)
    one_hot_codes = rows.new_zeros(*codes.shape, tables.shape[1]).scatter_(2, codes[:, :, None], 1)
    return Quantised(codes, rows + (quantised - rows).detach(), one_hot_codes, residuals, codewords)


def check_assignment(assign: str, tau: float, noise: float, epsilon: float) -> None:
    """UserError for settings that `quantise` cannot use."""
    if assign not in ASSIGNMENTS:
        raise unknown_name("assignment of codes", assign, ASSIGNMENTS)
    if not tau > 0 or not noise >= 0 or not epsilon >= MIN_EPSILON:
        settings = f"tau={tau}, noise={noise}, epsilon={epsilon}"
        raise UserError(f"an assignment needs tau > 0, noise >= 0 and epsilon >= {MIN_EPSILON}, not {settings}")


def squared_distances(rows: Tensor, table: Tensor) -> Tensor:
    """(n, K) squared distances of rows (n, D) to codewords (K, D), never negative."""
    cross = torch.addmm(table.square().sum(1), rows, table.T, alpha=-2)
    return (cross + rows.square().sum(1, keepdim=True)).clamp_min(0)


def sinkhorn_plan(distances: Tensor, *, epsilon: float = 3e-3, iterations: int = 100) -> Tensor:
    """(n, K) float64 transport plan of least cost, entropically regularised: rows sum to 1/n, columns to about 1/K.

    distances: (n, K), centred and scaled to [-1, 1], so that epsilon is relative to their range. Columns are as near
    to 1/K as the iterations bring them; a small epsilon needs more.
    """
    far = distances.double()
    half_range = ((far.max() - far.min()) / 2).clamp_min(1e-300)
    plan = torch.exp(-(far - (far.max() + far.min()) / 2) / half_range / epsilon)
    plan /= plan.sum()
    for _ in range(iterations):
        plan /= plan.sum(0, keepdim=True).clamp_min(1e-300) * plan.shape[1]
        plan /= plan.sum(1, keepdim=True).clamp_min(1e-300) * plan.shape[0]
    return plan


def _nearest(rows: Tensor, table: Tensor, assign: str, epsilon: float) -> Tensor:
    """(n,) the nearest codes, or those with the most mass in the transport plan."""
    if assign == "hard":
        return nearest_centroid(rows, table)
    return sinkhorn_plan(squared_distances(rows, table), epsilon=epsilon).argmax(1)


def _probabilities(logits: Tensor, assign: str, tau: float, noise: float, generator: Generator | None) -> Tensor:
    """(n, K) soft weights, or hard ones with the gradient of the soft ones."""
    if assign == "soft":
        return torch.softmax(logits / tau, 1)
    if noise:
        uniform = torch.rand(logits.shape, generator=generator, dtype=logits.dtype).clamp_(1e-10, 1 - 1e-7)
        logits = logits - noise * (-uniform.log()).log()
    soft = torch.softmax(logits / tau, 1)
    return one_hot(logits.argmax(1), logits.shape[1]).to(soft.dtype) + (soft - soft.detach())
