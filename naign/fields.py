"""How well a projector knows a manifold whose geometry is known: drift against distance, landing, eikonal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

Projector = Callable[[Tensor], Tensor]
STEP = 1e-2  # of the central differences; half a cell of the grids that the book draws
EPSILON = 0.2  # a point has landed if it is so near to its true nearest point
NEAR = 0.5  # distance to the manifold that separates near from far
KS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
FAR = 2.0  # how far beyond the manifold's bounding box the book's grids reach


class Geometry(Protocol):
    """What is asked of a toy: both in naign.toys have it."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n points, (n, D)."""
        ...

    def nearest(self, points: Tensor) -> Tensor:
        """Nearest point of the noiseless manifold, (B, D)."""
        ...

    def distance(self, points: Tensor) -> Tensor:
        """Euclidean distance to it, (B,), Eq. 1."""
        ...


def scores(
    projector: Projector, toy: Geometry, points: Tensor, near: float = NEAR, epsilon: float = EPSILON
) -> dict[str, dict[str, float]]:
    """Compare the drift of any projector with the exact distance field.

    Parameters
    ----------
    projector : (B, D) -> (B, D), in evaluation mode; for a trained f
        `functools.partial(naign.project, f)`
    toy : a distribution with known geometry
    points : (B, D), a grid for instance
    near : distance to the manifold up to which a point counts as near
    epsilon : a point has landed if it is so near to its true nearest point

    Returns
    -------
    dict
        "near", "far" and "all" -> spearman (rank correlation of drift and distance), relative
        (mean |drift - distance| over mean distance), landed (share of points), off (mean distance
        from the manifold after the projection), eikonal (median of ||grad drift| - 1|) and n

    Raises
    ------
    ValueError
        If no point or every point is near.
    """
    fz, exact = projector(points), toy.distance(points)
    drift = torch.linalg.vector_norm(fz - points, dim=1)
    slope = torch.linalg.vector_norm(gradient(projector, points), dim=1)
    found = {
        "landed": torch.linalg.vector_norm(fz - toy.nearest(points), dim=1) <= epsilon,
        "off": toy.distance(fz),
        "eikonal": (slope - 1).abs(),
    }
    inside = exact <= near
    if not 0 < int(inside.sum()) < len(points):
        count = f"{int(inside.sum())} of {len(points)} points"
        raise ValueError(f"near is {near}, which makes {count} near: choose it so that some are and some are not.")
    regions = {"near": inside, "far": ~inside, "all": torch.ones_like(inside)}
    return {name: _region(drift[m], exact[m], {k: v[m] for k, v in found.items()}) for name, m in regions.items()}


def _region(drift: Tensor, exact: Tensor, found: dict[str, Tensor]) -> dict[str, float]:
    return {
        "spearman": spearman(drift.numpy(), exact.numpy()),
        "relative": ((drift - exact).abs().mean() / exact.mean()).item(),
        "landed": found["landed"].float().mean().item(),
        "off": found["off"].mean().item(),
        "eikonal": found["eikonal"].median().item(),
        "n": len(exact),
    }


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation, from -1 to 1; 0 where either is constant."""
    from scipy.stats import spearmanr

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)


def gradient(projector: Projector, points: Tensor, step: float = STEP) -> Tensor:
    """Gradient of the drift at points (B, D) by central differences, (B, D): any projector will do."""
    columns = []
    for axis in torch.eye(points.shape[1]) * step:
        ends = [points + axis, points - axis]
        up, down = (torch.linalg.vector_norm(projector(p) - p, dim=1) for p in ends)
        columns.append((up - down) / (2 * step))
    return torch.stack(columns, 1)


def lattice(limits: Sequence[tuple[float, float]], n: int) -> Tensor:
    """The middles of n cells a side of a box in D dimensions, (n ** D, D), the first coordinate running fastest."""
    sides = [low + (high - low) * (torch.arange(n) + 0.5) / n for low, high in limits]
    return torch.cartesian_prod(*reversed(sides)).reshape(-1, len(sides)).flip(1)


def box(toy: Geometry, margin: float = FAR) -> list[tuple[float, float]]:
    """The manifold's bounding box and a margin around it."""
    on = toy.nearest(toy.sample(20_000, torch.Generator().manual_seed(0)))
    return [(low - margin, high + margin) for low, high in zip(on.amin(0).tolist(), on.amax(0).tolist(), strict=True)]


def area(limits: Sequence[tuple[float, float]]) -> float:
    """Of a box: its length, area or volume."""
    return float(np.prod([high - low for low, high in limits]))


def log_normaliser(energy: Tensor, limits: Sequence[tuple[float, float]]) -> float:
    """log Z of exp(-E) from the energies E at the points of a `lattice`, by midpoint quadrature.

    Raises
    ------
    ValueError
        If an energy is not a number, or infinite everywhere.
    """
    result = (torch.logsumexp(-energy.double(), 0) + math.log(area(limits) / len(energy))).item()
    if not math.isfinite(result):
        raise ValueError(f"the log of the normaliser is {result}: the energies must be finite somewhere and never NaN.")
    return result


def density_scores(log_q: Tensor, p: Tensor, limits: Sequence[tuple[float, float]]) -> dict[str, float]:
    """A density by its log, log q, against the true p, both at the points of a `lattice`.

    Returns
    -------
    dict
        tv : total variation, half the integral of |q - p|, 0 to 1; kl : KL(p || q) in nats;
        outside : the share of p beyond the box
    """
    p, log_q, cell = p.double(), log_q.double(), area(limits) / len(p)
    held = p > 0
    kl = (p[held] * (p[held].log() - log_q[held])).sum() * cell
    return {
        "tv": (0.5 * (log_q.exp() - p).abs().sum() * cell).item(),
        "kl": kl.item(),
        "outside": 1 - (p.sum() * cell).item(),
    }


def by_k(drift: Tensor, drift_x: Tensor, p: Tensor, limits: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    """The density of Eq. 12 to 14 for each k of `KS`, against the true one.

    Parameters
    ----------
    drift, p : delta and the true density at the points of a `lattice`
    drift_x : delta at fresh samples of the data

    Returns
    -------
    dict
        k, tv, kl (see `density_scores`) and loglik, the mean log q of the fresh samples in nats
    """
    result = {"k": list(KS), "tv": [], "kl": [], "loglik": []}
    for k in KS:
        energy, energy_x = (torch.expm1(k * d.double()) for d in (drift, drift_x))
        log_z = log_normaliser(energy, limits)
        found = density_scores(-energy - log_z, p, limits)
        result["tv"].append(found["tv"])
        result["kl"].append(found["kl"])
        result["loglik"].append((-energy_x - log_z).mean().item())
    return result


def kernel_density(
    toy: Geometry, points: Tensor, x: Tensor, limits: Sequence[tuple[float, float]], n: int = 2_000
) -> dict[str, list[float]]:
    """A Gaussian kernel density estimate from n samples, like `by_k` but for widths: 0.02 to 0.5 in the data's units.

    Parameters
    ----------
    points : of a `lattice`; x : fresh samples
    """
    centres = toy.sample(n, torch.Generator().manual_seed(2))
    dim, p, result = points.shape[1], toy.density(points), {"width": [], "tv": [], "kl": [], "loglik": []}
    widths = np.geomspace(0.02, 0.5, 12).tolist()
    sums = []  # of the kernels, (12, len(points) + len(x)), by parts that stay in a cache
    for part in torch.cat([points, x]).double().split(64):
        gaps = torch.cdist(part, centres.double()).square_()
        nearest = gaps.amin(1, keepdim=True)  # taken out, so that no sum vanishes
        logs = [(nearest - gaps).mul_(0.5 / w**2).exp_().sum(1).log_() - nearest[:, 0] * (0.5 / w**2) for w in widths]
        sums.append(torch.stack(logs))
    for width, log_sum in zip(widths, torch.cat(sums, 1), strict=True):
        log_all = log_sum - math.log(n) - dim * math.log(width * math.sqrt(2 * math.pi))
        log_q, log_qx = log_all.split([len(points), len(x)])
        found = density_scores(log_q, p, limits)
        for key, value in (("width", width), ("tv", found["tv"]), ("kl", found["kl"])):
            result[key].append(value)
        result["loglik"].append(log_qx.mean().item())
    return result


def has_density(toy: Geometry) -> bool:
    """Whether its mass has a density."""
    return getattr(toy, "noise", 1.0) > 0


def evaluated(projector: Projector, toy: Geometry, n: int = 100) -> dict[str, dict]:
    """What a run on a toy stores: `scores` on a lattice of side n, and `by_k` where the data have a density."""
    limits = box(toy)
    points = lattice(limits, n)
    result = {"field": scores(projector, toy, points)}
    if has_density(toy):
        x = toy.sample(10_000, torch.Generator().manual_seed(1))
        drift, drift_x = (torch.linalg.vector_norm(projector(z) - z, dim=1) for z in (points, x))
        result["drift_density"] = by_k(drift, drift_x, toy.density(points), limits)
    return result
