"""Samples against data: shares of modes and what they can be at best, Fréchet distance, Coverage and Density."""

import functools
import heapq

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from naign.data.samples import TensorData
from naign.data.toys import Toy

LATTICE = 40_001  # points of the line for `floor_w1`
# In few dimensions a tree finds neighbours; in many it does not help, and distances are
# computed by blocks of matrix products.
NEIGHBOURS = 5  # a ball around a real point reaches to so many-th nearest other
TREE = 8
BLOCK = 1000


def mode_shares(labels: ArrayLike, modes: int) -> np.ndarray:
    """Share of the samples that belong to each mode, (modes,), from their labels, (n,)."""
    return np.bincount(np.asarray(labels), minlength=modes) / len(labels)


def reverse_kl(shares: ArrayLike, true_shares: ArrayLike) -> float:
    """KL(shares || true_shares) in nats: 0 where every mode has its share, log K where one has all."""
    p, q = np.asarray(shares, float), np.asarray(true_shares, float)
    held = p > 0
    return float(np.sum(p[held] * np.log(p[held] / q[held])))


def mass_floor(centres: ArrayLike, radii: ArrayLike) -> np.ndarray:
    """Mass that N(0, I) puts within a radius (K,) of each centre (K, D), (K,): where f(x) = x, f(z) keeps it.

    Exact: |z - c|^2 is non-central chi-squared with D degrees of freedom and non-centrality |c|^2.
    """
    from scipy.stats import ncx2

    centres = np.asarray(centres, float)
    return ncx2.cdf(np.square(radii), centres.shape[1], np.square(centres).sum(1))


def floor_w1(centres: ArrayLike, sigmas: ArrayLike, weights: ArrayLike, reach: float = 3.0) -> float:
    """The least W1 to a mixture on the line of any f(z) that keeps N(0, 1) within `reach` sigmas of its K centres.

    With F_S the part of p_Z that must stay and G the mixture's distribution function it is
    min over monotone H of the integral of |F_S + H - G|: an isotonic median regression, solved exactly
    on a lattice.
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
    """Fréchet distance between Gaussians fitted to samples (n, D) and (m, D) (Heusel et al. 2017), in squared units.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)); the trace of the root is the sum of the
    roots of the eigenvalues of S_a^(1/2) S_b S_a^(1/2), which is symmetric.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return float(np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def radii(real: ArrayLike) -> np.ndarray:
    """Distance of each real point to its k-th nearest other, k = 5, (n, D) -> (n,); ValueError if n is not above k."""
    real, k = np.asarray(real), NEIGHBOURS
    if len(real) <= k:
        raise ValueError(f"{len(real)} real points cannot have a {k}-th neighbour: give more than {k}.")
    if real.shape[1] <= TREE:
        from scipy.spatial import cKDTree

        return cKDTree(real.astype(float)).query(real, [k + 1])[0][:, 0]  # the nearest is the point itself
    x = torch.as_tensor(real - real.mean(0), dtype=torch.float32)
    return torch.cat([_distances(part, x).topk(k + 1, largest=False).values[:, -1] for part in x.split(BLOCK)]).numpy()


def coverage_density(real: ArrayLike, fake: ArrayLike, radius: np.ndarray) -> tuple[float, float]:
    """Coverage, in [0, 1], and Density, 0 or more, of Naeem et al. (2020), of points (n, D) by points (m, D).

    Around each real point lies a ball, whose radius `radii` tells. Coverage is the share of balls that hold a fake
    point; Density the mean number of balls around a fake point, over the number of neighbours that a ball reaches to.
    """
    real, fake = np.asarray(real), np.asarray(fake)
    if real.shape[1] <= TREE:
        from scipy.spatial import cKDTree

        # How many fake points lie in each real point's ball, (n,).
        inside = cKDTree(fake.astype(float)).query_ball_point(real, np.nextafter(radius, 0), return_length=True)
    else:
        x, y = (torch.as_tensor(a - real.mean(0), dtype=torch.float32) for a in (real, fake))
        parts = zip(x.split(BLOCK), torch.as_tensor(radius).split(BLOCK), strict=True)
        inside = torch.cat([(_distances(part, y) < r[:, None]).sum(1) for part, r in parts]).numpy()
    return float((inside > 0).mean()), float(inside.sum() / (NEIGHBOURS * len(fake)))


def _distances(a: Tensor, b: Tensor) -> Tensor:  # of centred points
    norms = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(norms, a, b.T, alpha=-2).clamp_min_(0).sqrt_()


class Points:
    """Scores points against samples x (n, *D) of a toy, or each sample of a data set once."""

    def __init__(self, data: Toy | TensorData, x: Tensor, distance: str = "l2"):
        self.data, self.x, self.distance = data, x, distance

    radii = functools.cached_property(lambda self: radii(self.x.flatten(1)))

    def scores(self, y: Tensor) -> dict:
        """Coverage and Density by y (m, *D), unless x are too few for radii, and what can be told `of_toy`."""
        known = of_toy(self.data, self.x, y) if isinstance(self.data, Toy) else {}
        if len(self.x) <= NEIGHBOURS:
            return known
        coverage, density = coverage_density(self.x.flatten(1), y.flatten(1), self.radii)
        return known | {"coverage": coverage, "density": density}


def of_toy(toy: Toy, x: Tensor, y: Tensor) -> dict:
    """Which modes of a toy samples y (n, D) are of, and on the line their exact W1 to samples x.

    Modes are counted as for GANs on toy mixtures: those with at least one high-quality sample.
    """
    labels, good = toy.assign(y), toy.is_high_quality(y)
    held = mode_shares(labels, len(toy.shares))
    result = {
        "shares": [round(float(s), 6) for s in held],
        "modes": len(labels[good].unique()),
        "high_quality": float(good.float().mean()),
        "reverse_kl": reverse_kl(held, toy.shares),
    }
    if toy.shape == (1,):
        from scipy.stats import wasserstein_distance

        result["w1"] = float(wasserstein_distance(x[:, 0], y[:, 0]))
    return result
