"""Coverage, Density and the Fréchet distance against prdc, scipy and closed forms."""

import contextlib
import io

import numpy as np
import pytest
from scipy import linalg

from naign.evaluate import coverage


@pytest.mark.parametrize("dim", [1, 2, 16])
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_coverage_and_density_are_those_of_prdc(dim, shift):
    from prdc import compute_prdc

    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(400, dim)), rng.normal(size=(300, dim)) + shift
    with contextlib.redirect_stdout(io.StringIO()):
        reference = compute_prdc(real, fake, nearest_k=5)
    covered, density = coverage.coverage_density(real, fake, k=5)
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
    found = coverage.coverage_density(real, fake, radius=coverage.radii(real))
    assert 0.2 < reference["coverage"] < 0.98
    assert found == pytest.approx((reference["coverage"], reference["density"]), abs=2e-3)


def test_the_frechet_distance_of_known_gaussians_and_of_scipys_matrix_root():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3000, 6)) @ rng.normal(size=(6, 6))
    b = rng.normal(size=(2000, 6)) @ rng.normal(size=(6, 6)) + 0.3
    assert coverage.frechet(a, a) == pytest.approx(0, abs=1e-8)
    assert coverage.frechet(a, a + 2.0) == pytest.approx(6 * 4)  # the means alone
    centred = a - a.mean(0)
    assert coverage.frechet(centred, 3 * centred) == pytest.approx(4 * np.trace(np.cov(a, rowvar=False)))  # (3 - 1)^2 S
    root = linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real
    reference = np.square(a.mean(0) - b.mean(0)).sum()
    reference += np.trace(np.cov(a, rowvar=False) + np.cov(b, rowvar=False) - 2 * root)
    assert coverage.frechet(a, b) == pytest.approx(reference, rel=1e-6)
    flat = np.concatenate([a, np.zeros((3000, 3))], 1)  # singular covariances, as of dead features
    assert coverage.frechet(flat, flat + 1) == pytest.approx(9)


def test_coverage_needs_more_than_k_points():
    with pytest.raises(ValueError, match="more than 5"):
        coverage.coverage_density(np.zeros((5, 2)), np.zeros((9, 2)))
