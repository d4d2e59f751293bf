"""Numbers that judge samples: arrays in, numbers out."""

from __future__ import annotations

import heapq

import numpy as np
import torch
from numpy.typing import ArrayLike


def wasserstein_1d(a: ArrayLike, b: ArrayLike) -> float:
    """Exact W1 between two samples on the line, in the units of the data."""
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(np.ravel(a), np.ravel(b)))


def mode_shares(labels: ArrayLike, modes: int) -> np.ndarray:
    """Share of the samples that belong to each mode, (modes,), from their labels, (n,)."""
    return np.bincount(np.asarray(labels), minlength=modes) / len(labels)


def modes_hit(labels: ArrayLike, high_quality: ArrayLike) -> int:
    """Modes with at least one high-quality sample, the count used for GANs on toy mixtures."""
    return len(np.unique(np.asarray(labels)[np.asarray(high_quality)]))


def reverse_kl(shares: ArrayLike, true_shares: ArrayLike) -> float:
    """KL(shares || true_shares) in nats: 0 where every mode has its share, log K where one has all."""
    p, q = np.asarray(shares, float), np.asarray(true_shares, float)
    held = p > 0
    return float(np.sum(p[held] * np.log(p[held] / q[held])))


def mass_floor(centres: ArrayLike, radii: ArrayLike) -> np.ndarray:
    """Mass that N(0, I) puts within a radius of each centre, (K,), exactly.

    |z - c|^2 is non-central chi-squared with D degrees of freedom and non-centrality
    |c|^2. Where f(x) = x, f(z) keeps at least this mass.

    Parameters
    ----------
    centres : (K, D); radii : (K,)
    """
    from scipy.stats import ncx2

    centres = np.asarray(centres, float)
    return ncx2.cdf(np.square(radii), centres.shape[1], np.square(centres).sum(1))


LATTICE = 40_001  # points of the line


def floor_w1(centres: ArrayLike, sigmas: ArrayLike, weights: ArrayLike, reach: float = 3.0) -> float:
    """The least W1 to a mixture on the line of any f(z) that keeps N(0, 1) within `reach` sigmas of its centres.

    With F_S the part of p_Z that must stay and G the mixture's distribution function it is
    min over monotone H of the integral of |F_S + H - G|: an isotonic median regression, solved exactly
    on a lattice.

    Parameters
    ----------
    centres, sigmas, weights : (K,) of the mixture
    """
    from scipy.stats import norm

    centres, sigmas = np.ravel(np.asarray(centres, float)), np.asarray(sigmas, float)
    at, step = np.linspace(centres.min() - 6, centres.max() + 6, LATTICE, retstep=True)
    held = (np.abs(at[:, None] - centres) <= reach * sigmas).any(1)
    staying = np.cumsum(norm.pdf(at) * held) * step
    wanted = (np.asarray(weights) * norm.cdf((at[:, None] - centres) / sigmas)).sum(1) - staying
    heap: list[float] = []  # slope trick: the running maximum of a heap is the last value of each prefix's best fit
    best = np.empty(LATTICE)
    for i, value in enumerate(wanted):
        heapq.heappush(heap, -value)
        heapq.heappushpop(heap, -value)
        best[i] = -heap[0]
    best = np.minimum.accumulate(best[::-1])[::-1].clip(0, 1 - staying[-1])
    return float(np.abs(best - wanted).sum() * step)


def frechet(a: ArrayLike, b: ArrayLike) -> float:
    """Fréchet distance between Gaussians fitted to two samples (Heusel et al. 2017), in squared units.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)); the trace of the root is the sum of the
    roots of the eigenvalues of S_a^(1/2) S_b S_a^(1/2), which is symmetric.

    Parameters
    ----------
    a, b : (n, D) and (m, D)
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return float(np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def radii(real: ArrayLike, k: int = 5) -> np.ndarray:
    """Distance of each real point to its k-th nearest other, (n, D) -> (n,).

    Raises
    ------
    ValueError
        If there are not more than k points.
    """
    if len(real) <= k:
        raise ValueError(f"{len(real)} real points cannot have a {k}-th neighbour: give more than {k}.")
    return _radii(np.asarray(real), k)


def coverage_density(
    real: ArrayLike, fake: ArrayLike, k: int = 5, radius: np.ndarray | None = None
) -> tuple[float, float]:
    """Coverage and Density of Naeem et al. (2020).

    Around each real point lies a ball that reaches to its k-th nearest real neighbour.
    Coverage is the share of balls that hold a fake point; Density the mean number of
    balls that hold a fake point, over k.

    Parameters
    ----------
    real, fake : (n, D) and (m, D)
    radius : `radii(real, k)`, where it is known already

    Returns
    -------
    Coverage in [0, 1] and Density, 0 or more

    Raises
    ------
    ValueError
        If there are not more than k real points.
    """
    real, fake = np.asarray(real), np.asarray(fake)
    radius = radii(real, k) if radius is None else radius
    inside = _inside(real, fake, radius)
    return float((inside > 0).mean()), float(inside.sum() / (k * len(fake)))


# In few dimensions a tree finds neighbours; in many it does not help, and distances are
# computed by blocks of matrix products.
FEW = 8
BLOCK = 1000


def _radii(real: np.ndarray, k: int) -> np.ndarray:
    if real.shape[1] <= FEW:
        from scipy.spatial import cKDTree

        return cKDTree(real.astype(float)).query(real, [k + 1])[0][:, 0]  # the nearest is the point itself
    x = _centred(real, real)
    return torch.cat([_distances(part, x).topk(k + 1, largest=False).values[:, -1] for part in x.split(BLOCK)]).numpy()


def _inside(real: np.ndarray, fake: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How many fake points lie in each real point's ball, (n,)."""
    if real.shape[1] <= FEW:
        from scipy.spatial import cKDTree

        return cKDTree(fake.astype(float)).query_ball_point(real, np.nextafter(radius, 0), return_length=True)
    x, y = _centred(real, real), _centred(fake, real)
    parts = zip(x.split(BLOCK), torch.as_tensor(radius).split(BLOCK), strict=True)
    return torch.cat([(_distances(part, y) < r[:, None]).sum(1) for part, r in parts]).numpy()


def _centred(a: np.ndarray, real: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(a - real.mean(0), dtype=torch.float32)


def _distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Distances, (len(a), len(b)), of centred points."""
    norms = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(norms, a, b.T, alpha=-2).clamp_min_(0).sqrt_()
