"""Numbers that judge samples: arrays in, numbers out."""

from __future__ import annotations

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


def coverage_density(real: ArrayLike, fake: ArrayLike, k: int = 5) -> tuple[float, float]:
    """Coverage and Density of Naeem et al. (2020).

    Around each real point lies a ball that reaches to its k-th nearest real neighbour.
    Coverage is the share of balls that hold a fake point; Density the mean number of
    balls that hold a fake point, over k.

    Parameters
    ----------
    real, fake : (n, D) and (m, D)

    Returns
    -------
    Coverage in [0, 1] and Density, 0 or more

    Raises
    ------
    ValueError
        If there are not more than k real points.
    """
    real, fake = np.asarray(real), np.asarray(fake)
    if len(real) <= k:
        raise ValueError(f"{len(real)} real points cannot have a {k}-th neighbour: give more than {k}.")
    nearest, inside = _balls_by_tree(real, fake, k) if real.shape[1] <= 8 else _balls(real, fake, k)
    return float(nearest.mean()), float(inside.sum() / (k * len(fake)))


def _balls_by_tree(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Which balls hold a fake point and how many each holds, (n,) each."""
    from scipy.spatial import cKDTree

    real, fake = real.astype(float), fake.astype(float)
    radius = cKDTree(real).query(real, [k + 1])[0][:, 0]  # the nearest real point is the point itself
    tree = cKDTree(fake)
    inside = tree.query_ball_point(real, np.nextafter(radius, 0), return_length=True)
    return tree.query(real)[0] < radius, inside


def _balls(real: np.ndarray, fake: np.ndarray, k: int, chunk: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """The same in many dimensions, where a tree does not help: distances by blocks of matrix products."""
    real, fake = (torch.as_tensor(a - real.mean(0), dtype=torch.float32) for a in (real, fake))
    covered, inside = [], []
    for part in real.split(chunk):
        radius = _squared(part, real).topk(k + 1, largest=False).values[:, -1:]
        hits = (_squared(part, fake) < radius).sum(1)
        covered.append(hits > 0)
        inside.append(hits)
    return torch.cat(covered).numpy(), torch.cat(inside).numpy()


def _squared(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Squared distances, (len(a), len(b)), of centred points."""
    return a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
