"""Numbers that judge samples: arrays in, numbers out."""

from __future__ import annotations

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
    from scipy.spatial import cKDTree

    real, fake = np.asarray(real, float), np.asarray(fake, float)
    if len(real) <= k:
        raise ValueError(f"{len(real)} real points cannot have a {k}-th neighbour: give more than {k}.")
    tree = cKDTree(real)
    radius = tree.query(real, [k + 1])[0][:, 0]  # the nearest real point is the point itself
    fake_tree = cKDTree(fake)
    covered = fake_tree.query(real)[0] < radius
    inside = fake_tree.query_ball_point(real, np.nextafter(radius, 0), return_length=True)
    return float(covered.mean()), float(inside.sum() / (k * len(fake)))
