"""Densities made of the drift (Eq. 12 to 14) or of kernels, against the true one of a toy, by quadrature."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from naign.data.toys import Toy
from naign.evaluate.distance import Box, area

KS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)


def log_normaliser(energy: Tensor, limits: Box) -> float:
    """log Z of exp(-E) by midpoint quadrature, from E at the points of a `lattice`; ValueError if it is not finite."""
    result = (torch.logsumexp(-energy.double(), 0) + math.log(area(limits) / len(energy))).item()
    if not math.isfinite(result):
        raise ValueError(f"the log of the normaliser is {result}: the energies must be finite somewhere and never NaN.")
    return result


def density_scores(log_q: Tensor, p: Tensor, limits: Box) -> dict[str, float]:
    """A density by its log, log q, against the true p, both at the points of a `lattice`.

    tv is total variation, half the integral of |q - p|, 0 to 1; kl is KL(p || q) in nats.
    """
    p, log_q, cell = p.double(), log_q.double(), area(limits) / len(p)
    held = p > 0
    kl = (p[held] * (p[held].log() - log_q[held])).sum() * cell
    tv = 0.5 * (log_q.exp() - p).abs().sum() * cell
    return {"tv": tv.item(), "kl": kl.item()}


def by_k(drift: Tensor, drift_x: Tensor, p: Tensor, limits: Box) -> dict[str, list[float]]:
    """The density of Eq. 12 to 14 for each k of `KS`, against the true one.

    From the drift and the true density p at the points of a `lattice`, and the drift at fresh samples x of the data:
    k, tv, kl (see `density_scores`) and loglik, the mean log q(x) in nats.
    """
    logs = {}
    for k in KS:
        energy, energy_x = (torch.expm1(k * d.double()) for d in (drift, drift_x))
        log_z = log_normaliser(energy, limits)
        logs[k] = -energy - log_z, -energy_x - log_z
    return _scored("k", logs, p, limits)


def kernel_density(toy: Toy, points: Tensor, x: Tensor, limits: Box, n: int = 2_000) -> dict[str, list[float]]:
    """Gaussian kernel density estimates from n samples, like `by_k` but for widths: 0.02 to 0.5 in the data's units."""
    centres = toy.sample(n, torch.Generator().manual_seed(2)).double()
    widths = np.geomspace(0.02, 0.5, 12).tolist()
    sums = []  # of the kernels, (12, len(points) + len(x)), by parts that stay in a cache
    for part in torch.cat([points, x]).double().split(64):
        gaps = torch.cdist(part, centres).square_()
        nearest = gaps.amin(1, keepdim=True)  # taken out, so that no sum vanishes
        each = [(nearest - gaps).mul_(0.5 / w**2).exp_().sum(1).log_() - nearest[:, 0] * (0.5 / w**2) for w in widths]
        sums.append(torch.stack(each))
    logs, dim = {}, points.shape[1]
    for width, log_sum in zip(widths, torch.cat(sums, 1), strict=True):
        log_all = log_sum - math.log(n) - dim * math.log(width * math.sqrt(2 * math.pi))
        logs[width] = log_all.split([len(points), len(x)])
    return _scored("width", logs, toy.density(points), limits)


def _scored(name: str, logs: dict[float, tuple[Tensor, Tensor]], p: Tensor, limits: Box) -> dict[str, list[float]]:
    rows = [density_scores(log_q, p, limits) | {"loglik": log_qx.mean().item()} for log_q, log_qx in logs.values()]
    return {name: list(logs)} | {key: [row[key] for row in rows] for key in ("tv", "kl", "loglik")}
