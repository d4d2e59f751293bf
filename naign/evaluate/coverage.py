"""Fréchet distance, and Coverage and Density, of samples or of their features."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


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


# In few dimensions a tree finds neighbours; in many it does not help, and distances are
# computed by blocks of matrix products.
FEW = 8
BLOCK = 1000


def radii(real: ArrayLike, k: int = 5) -> np.ndarray:
    """Distance of each real point to its k-th nearest other, (n, D) -> (n,).

    Raises
    ------
    ValueError
        If there are not more than k points.
    """
    if len(real) <= k:
        raise ValueError(f"{len(real)} real points cannot have a {k}-th neighbour: give more than {k}.")
    real = np.asarray(real)
    if real.shape[1] <= FEW:
        from scipy.spatial import cKDTree

        return cKDTree(real.astype(float)).query(real, [k + 1])[0][:, 0]  # the nearest is the point itself
    x = _tensor(real - real.mean(0))
    return torch.cat([_distances(part, x).topk(k + 1, largest=False).values[:, -1] for part in x.split(BLOCK)]).numpy()


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
    """
    real, fake = np.asarray(real), np.asarray(fake)
    radius = radii(real, k) if radius is None else radius
    if real.shape[1] <= FEW:
        from scipy.spatial import cKDTree

        # How many fake points lie in each real point's ball, (n,).
        inside = cKDTree(fake.astype(float)).query_ball_point(real, np.nextafter(radius, 0), return_length=True)
    else:
        x, y = _tensor(real - real.mean(0)), _tensor(fake - real.mean(0))
        parts = zip(x.split(BLOCK), torch.as_tensor(radius).split(BLOCK), strict=True)
        inside = torch.cat([(_distances(part, y) < r[:, None]).sum(1) for part, r in parts]).numpy()
    return float((inside > 0).mean()), float(inside.sum() / (k * len(fake)))


def _tensor(a: np.ndarray) -> Tensor:
    return torch.as_tensor(a, dtype=torch.float32)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Distances, (len(a), len(b)), of centred points."""
    norms = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(norms, a, b.T, alpha=-2).clamp_min_(0).sqrt_()
