"""How well a projector knows a manifold whose geometry is known: its drift as a distance, and as an energy."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from naign.data.toys import Toy

Projector = Callable[[Tensor], Tensor]
Box = Sequence[tuple[float, float]]  # the limits of each coordinate
KS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
WIDTHS = np.geomspace(0.02, 0.5, 12).tolist()  # of kernels, in the units of the data


def geometry(projector: Projector, toy: Toy, n: int = 100) -> dict[str, dict]:
    """`scores` of a projector on a lattice of side n around a toy, and where it has a density `by_k`."""
    limits = box(toy)
    points = lattice(limits, n)
    result = {"field": scores(projector, toy, points)}
    if getattr(toy, "noise", 1) > 0:  # without noise the mass of the moons lies on curves
        x = toy.sample(10_000, torch.Generator().manual_seed(1))
        drift, drift_x = (torch.linalg.vector_norm(projector(z) - z, dim=1) for z in (points, x))
        result["drift_density"] = by_k(drift, drift_x, toy.density(points), limits)
    return result


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


def log_normaliser(energy: Tensor, limits: Box) -> float:
    """log Z of exp(-E) by midpoint quadrature, from E at the points of a `lattice`; ValueError if it is not finite."""
    result = (torch.logsumexp(-energy.double(), 0) + math.log(area(limits) / len(energy))).item()
    if not math.isfinite(result):
        raise ValueError(f"the log of the normaliser is {result}: the energies must be finite somewhere and never NaN.")
    return result


def by_k(drift: Tensor, drift_x: Tensor, p: Tensor, limits: Box) -> dict[str, list[float]]:
    """The density of Eq. 12 to 14 for each k of `KS`, against the true one; see `density_scores`.

    From the drift and the true density p at the points of a `lattice`, and the drift at fresh samples x of the data.
    """
    logs = []
    for k in KS:
        energy, energy_x = (torch.expm1(k * d.double()) for d in (drift, drift_x))
        log_z = log_normaliser(energy, limits)
        logs.append((-energy - log_z, -energy_x - log_z))
    return {"k": list(KS)} | density_scores(logs, p, limits)


def kernel_density(toy: Toy, points: Tensor, x: Tensor, limits: Box, n: int = 2_000) -> dict[str, list[float]]:
    """Gaussian kernel density estimates from n samples, like `by_k` but for each width of `WIDTHS`."""
    centres, dim = toy.sample(n, torch.Generator().manual_seed(2)).double(), points.shape[1]
    logs = []  # (widths, len(points) + len(x)), by parts that stay in a cache
    for part in torch.cat([points, x]).double().split(64):
        gaps = torch.cdist(part, centres).square()
        each = [torch.logsumexp(gaps * (-0.5 / w**2), 1) - dim * math.log(w * math.sqrt(2 * math.pi)) for w in WIDTHS]
        logs.append(torch.stack(each) - math.log(n))
    both = [log_q.split([len(points), len(x)]) for log_q in torch.cat(logs, 1)]
    return {"width": WIDTHS} | density_scores(both, toy.density(points), limits)


def density_scores(logs: Sequence[tuple[Tensor, Tensor]], p: Tensor, limits: Box) -> dict[str, list[float]]:
    """Densities, each by log q at the points of a `lattice` and at samples x of the data, against p at the points.

    tv is total variation, half the integral of |q - p|, 0 to 1; kl is KL(p || q) and loglik the mean log q(x), in nats.
    """
    result, p, cell = {"tv": [], "kl": [], "loglik": []}, p.double(), area(limits) / len(p)
    held = p > 0
    for log_q, log_qx in logs:
        log_q = log_q.double()
        result["tv"].append((0.5 * (log_q.exp() - p).abs().sum() * cell).item())
        result["kl"].append(((p[held] * (p[held].log() - log_q[held])).sum() * cell).item())
        result["loglik"].append(log_qx.mean().item())
    return result
