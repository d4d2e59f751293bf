"""How the mass of samples lies: over the modes of a toy, and on the line."""

from __future__ import annotations

import heapq

import numpy as np
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
