"""How well a projector knows a manifold whose geometry is known: drift against distance, landing, eikonal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from naign.data.toys import Toy

Projector = Callable[[Tensor], Tensor]
Box = Sequence[tuple[float, float]]  # the limits of each coordinate
STEP = 1e-2  # of the central differences; half a cell of the grids that the book draws
EPSILON = 0.2  # a point has landed if it is so near to its true nearest point
NEAR = 0.5  # distance to the manifold that separates near from far
FAR = 2.0  # how far beyond the manifold's bounding box the book's grids reach


def scores(
    projector: Projector, toy: Toy, points: Tensor, near: float = NEAR, epsilon: float = EPSILON
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
    landed = torch.linalg.vector_norm(fz - toy.nearest(points), dim=1) <= epsilon
    off, slope = toy.distance(fz), torch.linalg.vector_norm(gradient(projector, points), dim=1)
    inside = exact <= near
    if not 0 < int(inside.sum()) < len(points):
        count = f"{int(inside.sum())} of {len(points)} points"
        raise ValueError(f"near is {near}, which makes {count} near: choose it so that some are and some are not.")

    def region(m: Tensor) -> dict[str, float]:
        return {
            "spearman": spearman(drift[m].numpy(), exact[m].numpy()),
            "relative": ((drift[m] - exact[m]).abs().mean() / exact[m].mean()).item(),
            "landed": landed[m].float().mean().item(),
            "off": off[m].mean().item(),
            "eikonal": (slope[m] - 1).abs().median().item(),
            "n": int(m.sum()),
        }

    return {"near": region(inside), "far": region(~inside), "all": region(torch.ones_like(inside))}


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


def lattice(limits: Box, n: int) -> Tensor:
    """The middles of n cells a side of a box in D dimensions, (n ** D, D), the first coordinate running fastest."""
    sides = [low + (high - low) * (torch.arange(n) + 0.5) / n for low, high in limits]
    return torch.cartesian_prod(*reversed(sides)).reshape(-1, len(sides)).flip(1)


def box(toy: Toy, margin: float = FAR) -> list[tuple[float, float]]:
    """The manifold's bounding box and a margin around it."""
    on = toy.nearest(toy.sample(20_000, torch.Generator().manual_seed(0)))
    return [(low - margin, high + margin) for low, high in zip(on.amin(0).tolist(), on.amax(0).tolist(), strict=True)]


def area(limits: Box) -> float:
    """Of a box: its length, area or volume."""
    return float(np.prod([high - low for low, high in limits]))
