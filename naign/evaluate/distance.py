"""How well a projector knows a manifold whose geometry is known: drift against distance, landing, eikonal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from naign.data.toys import Toy

Projector = Callable[[Tensor], Tensor]
Box = Sequence[tuple[float, float]]  # the limits of each coordinate


def scores(
    projector: Projector, toy: Toy, points: Tensor, near: float = 0.5, epsilon: float = 0.2
) -> dict[str, dict[str, float]]:
    """Compare the drift of any projector, (B, D) -> (B, D), with a toy's exact distance field at points (B, D).

    For a trained f the projector is `functools.partial(naign.project, f)`. ValueError if no point or every point is
    `near`, that is at most so far from the manifold.

    Returns
    -------
    dict
        "near", "far" and "all" -> spearman (rank correlation of drift and distance), relative
        (mean |drift - distance| over mean distance), landed (share of points within `epsilon` of their true
        nearest point), off (mean distance from the manifold after the projection), eikonal (median of
        ||grad drift| - 1|) and n
    """
    fz, exact = projector(points), toy.distance(points)
    drift = torch.linalg.vector_norm(fz - points, dim=1)
    landed = torch.linalg.vector_norm(fz - toy.nearest(points), dim=1) <= epsilon
    off, slope = toy.distance(fz), torch.linalg.vector_norm(gradient(projector, points), dim=1)
    inside = exact <= near
    if inside.all() or not inside.any():
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


def gradient(projector: Projector, points: Tensor, step: float = 1e-2) -> Tensor:
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


def box(toy: Toy, margin: float = 2.0) -> list[tuple[float, float]]:
    """The manifold's bounding box and a margin around it."""
    on = toy.nearest(toy.sample(20_000, torch.Generator().manual_seed(0)))
    return [(low - margin, high + margin) for low, high in zip(on.amin(0).tolist(), on.amax(0).tolist(), strict=True)]


def area(limits: Box) -> float:
    """Of a box: its length, area or volume."""
    return float(np.prod([high - low for low, high in limits]))
