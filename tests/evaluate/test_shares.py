"""Scores of mass, Coverage, Density and the Fréchet distance against scipy, prdc and closed forms."""

import contextlib
import io
import math

import numpy as np
import pytest
from scipy import integrate, linalg, stats

from naign.evaluate import shares


def test_reverse_kl_of_even_and_of_collapsed_shares():
    truth = np.full(25, 1 / 25)
    assert shares.reverse_kl(truth, truth) == 0
    assert shares.reverse_kl(np.eye(25)[3], truth) == pytest.approx(math.log(25))
    p = np.array([0.2, 0.5, 0.3])
    assert shares.reverse_kl(p, [1 / 3] * 3) == pytest.approx(stats.entropy(p, [1 / 3] * 3))


def test_shares_are_counted():
    assert shares.mode_shares(np.array([0, 0, 2, 2, 2]), 4).tolist() == [0.4, 0, 0.6, 0]


def test_mass_floor_in_one_dimension_is_a_difference_of_normal_cdfs():
    floor = shares.mass_floor([[-2.0], [0.5], [3.0]], [0.6] * 3)
    expected = [stats.norm.cdf(c + 0.6) - stats.norm.cdf(c - 0.6) for c in (-2.0, 0.5, 3.0)]
    assert floor == pytest.approx(expected, rel=1e-9)


def test_mass_floor_in_the_plane_is_an_integral_of_the_density():
    centre, radius = (2.0, 0.5), 0.7

    def density(y, x):
        return math.exp(-(x * x + y * y) / 2) / (2 * math.pi)

    def half(x):
        return math.sqrt(max(radius**2 - (x - centre[0]) ** 2, 0))

    value, _ = integrate.dblquad(
        density, centre[0] - radius, centre[0] + radius, lambda x: centre[1] - half(x), lambda x: centre[1] + half(x)
    )
    assert shares.mass_floor([centre], [radius])[0] == pytest.approx(value, rel=1e-6)


def test_the_w1_of_the_mass_floor_by_hand():
    # The mode at 0 asks for half of N(0, 1)'s mass within 0.3 of it; the other half should be 10 away.
    kept = math.erf(0.3 / math.sqrt(2))
    found = shares.floor_w1([0.0, 10.0], [0.1, 0.1], [kept / 2, 1 - kept / 2])
    assert found == pytest.approx(10 * kept / 2, rel=0.02)
    assert shares.floor_w1([0.0], [1.0], [1.0]) == pytest.approx(0, abs=1e-3)  # the source is the data
    assert shares.floor_w1([-3.0, 3.0], [0.1, 0.1], [0.5, 0.5]) == pytest.approx(0, abs=1e-3)  # the floor is lower


def test_the_w1_of_the_mass_floor_is_a_linear_programmes():
    from scipy.optimize import linprog
    from scipy.stats import norm

    n, centres, sigmas, weights = 200, np.array([-2.0, 0.5, 3.0]), np.full(3, 0.2), np.full(3, 1 / 3)
    at, step = np.linspace(-8, 9, n, retstep=True)
    held = (np.abs(at[:, None] - centres) <= 0.6).any(1)
    staying = np.cumsum(norm.pdf(at) * held) * step
    wanted = (weights * norm.cdf((at[:, None] - centres) / sigmas)).sum(1) - staying
    # Variables: the increments of H, which are positive, and t >= |H - wanted|.
    sums = np.tril(np.ones((n, n)))
    above, below = np.hstack([sums, -np.eye(n)]), np.hstack([-sums, -np.eye(n)])
    cost = np.r_[np.zeros(n), np.full(n, step)]
    total = np.r_[np.ones(n), np.zeros(n)][None]
    least = linprog(cost, np.vstack([above, below, total]), np.r_[wanted, -wanted, 1 - staying[-1]])
    found = shares.floor_w1(centres, sigmas, weights)
    assert found == pytest.approx(least.fun, rel=0.05)


@pytest.mark.parametrize("dim", [1, 2, 16])
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_coverage_and_density_are_those_of_prdc(dim, shift):
    from prdc import compute_prdc

    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(400, dim)), rng.normal(size=(300, dim)) + shift
    with contextlib.redirect_stdout(io.StringIO()):
        reference = compute_prdc(real, fake, nearest_k=5)
    covered, density = shares.coverage_density(real, fake, shares.radii(real))
    assert covered == pytest.approx(reference["coverage"], abs=1e-12)
    assert density == pytest.approx(reference["density"], abs=1e-12)


def test_coverage_and_density_of_images_are_those_of_prdc():
    from prdc import compute_prdc

    rng = np.random.default_rng(1)
    mix = rng.normal(size=(20, 300))
    real, fake = (np.tanh(rng.normal(size=(1500, 20)) @ mix).astype(np.float32) for _ in "ab")
    fake[:700] = fake[0]
    with contextlib.redirect_stdout(io.StringIO()):
        reference = compute_prdc(real, fake, nearest_k=5)
    found = shares.coverage_density(real, fake, shares.radii(real))
    assert 0.2 < reference["coverage"] < 0.98
    assert found == pytest.approx((reference["coverage"], reference["density"]), abs=2e-3)


def test_the_frechet_distance_of_known_gaussians_and_of_scipys_matrix_root():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3000, 6)) @ rng.normal(size=(6, 6))
    b = rng.normal(size=(2000, 6)) @ rng.normal(size=(6, 6)) + 0.3
    assert shares.frechet(a, a) == pytest.approx(0, abs=1e-8)
    assert shares.frechet(a, a + 2.0) == pytest.approx(6 * 4)  # the means alone
    centred = a - a.mean(0)
    assert shares.frechet(centred, 3 * centred) == pytest.approx(4 * np.trace(np.cov(a, rowvar=False)))  # (3 - 1)^2 S
    root = linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real
    reference = np.square(a.mean(0) - b.mean(0)).sum()
    reference += np.trace(np.cov(a, rowvar=False) + np.cov(b, rowvar=False) - 2 * root)
    assert shares.frechet(a, b) == pytest.approx(reference, rel=1e-6)
    flat = np.concatenate([a, np.zeros((3000, 3))], 1)  # singular covariances, as of dead features
    assert shares.frechet(flat, flat + 1) == pytest.approx(9)


def test_coverage_needs_more_than_k_points():
    with pytest.raises(ValueError, match="more than 5"):
        shares.radii(np.zeros((5, 2)))
