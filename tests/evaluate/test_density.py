"""Densities and their scores where they are known."""

import math

import numpy as np
import pytest
import torch

from naign.data import toys
from naign.evaluate.distance import area, by_k, density_scores, kernel_density, lattice, log_normaliser

LIMITS = ((-5.0, 5.0), (-4.5, 4.5))
LINE = lattice(((-4.0, 5.0),), 900)


class One(toys.Gaussians):
    """One Gaussian anywhere."""

    def __init__(self, *centre, sigma=1.0):
        self.centres, self.sigma = (centre,), sigma


def test_quadrature_integrates_a_known_gaussian_to_one():
    limits = ((-4.0, 5.0), (-5.0, 4.0))
    points = lattice(limits, 100)
    gaussian = One(0.3, -0.2, sigma=0.7)
    p = gaussian.density(points)
    assert p.mean().item() * area(limits) == pytest.approx(1, abs=1e-3)
    assert log_normaliser(-p.double().log() - math.log(7.3), limits) == pytest.approx(math.log(7.3), abs=1e-3)


@pytest.mark.parametrize(
    "toy", [toys.TwoMoons(noise=0.2), toys.TwoMoons(noise=0.05), toys.Grid(side=3, sigma=0.2)], ids=repr
)
def test_known_densities_integrate_to_one_and_are_those_of_their_samples(toy):
    limits = ((-5.0, 5.0), (-5.0, 5.0))
    points = lattice(limits, 400)
    p = toy.density(points.double())
    assert p.mean().item() * 100 == pytest.approx(1, abs=1e-3)
    x = toy.sample(200_000, torch.Generator().manual_seed(0))
    for box in (((-3.0, 0.0), (-1.0, 2.0)), ((0.0, 1.0), (-0.5, 0.5))):
        inside = [((points[:, i] >= low) & (points[:, i] < high)) for i, (low, high) in enumerate(box)]
        share = p[inside[0] & inside[1]].sum().item() * 100 / len(points)
        counted = (x[:, 0] >= box[0][0]) & (x[:, 0] < box[0][1]) & (x[:, 1] >= box[1][0]) & (x[:, 1] < box[1][1])
        assert counted.float().mean().item() == pytest.approx(share, abs=0.004)


def test_the_right_drift_and_k_give_back_the_density():
    """E = exp(k delta) - 1 with k = 2 and the delta that makes exp(-E) a Gaussian."""
    limits = ((-6.0, 6.0), (-6.0, 6.0))
    points, x = lattice(limits, 200), torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    delta, delta_x = (torch.log1p(z.double().square().sum(1) / 2) / 2 for z in (points, x))
    found = by_k(delta, delta_x, One(0.0, 0.0).density(points.double()), limits)
    at = found["k"].index(2.0)
    assert found["kl"][at] == min(found["kl"]) == pytest.approx(0, abs=1e-4)
    assert found["tv"][at] < 1e-4
    assert found["loglik"][at] == pytest.approx(-math.log(2 * math.pi) - 1, abs=0.02)  # minus the entropy
    assert min(kl for k, kl in zip(found["k"], found["kl"], strict=True) if k != 2.0) > 0.01


def test_the_kernel_density_estimate_is_scipy_s():
    from scipy.stats import gaussian_kde

    limits, toy = ((-4.0, 4.0), (-4.0, 4.0)), One(0.0, 0.0)
    points, x = lattice(limits, 40), toy.sample(300, torch.Generator().manual_seed(5))
    found = kernel_density(toy, points, x, limits, n=400)
    centres = toy.sample(400, torch.Generator().manual_seed(2)).double()
    width = found["width"][-1]
    factor = width / centres.T.numpy().std(1, ddof=1).mean()
    reference = gaussian_kde(centres.T.numpy(), bw_method=factor)
    reference.covariance = np.eye(2) * width**2  # an isotropic kernel, as ours
    reference.cho_cov = np.eye(2) * width
    reference.log_det = 2 * np.log(2 * np.pi * width**2)
    assert found["loglik"][-1] == pytest.approx(np.log(reference(x.T.double().numpy())).mean(), abs=1e-6)
    assert min(found["kl"]) < 0.1


def test_density_scores_of_two_gaussians():
    limits = ((-8.0, 8.0), (-8.0, 8.0))
    points = lattice(limits, 300)
    p, q = (One(m, 0.0).density(points.double()) for m in (0.0, 1.0))
    found = density_scores([(q.log(), q.log()), (p.log(), p.log())], p, limits)
    assert found["kl"] == [pytest.approx(0.5, abs=1e-4), pytest.approx(0)]
    assert found["tv"] == [pytest.approx(math.erf(0.5 / math.sqrt(2)), abs=1e-3), pytest.approx(0)]
    assert found["loglik"][0] == pytest.approx(q.log().mean().item())


def test_a_kernel_density_on_a_line_is_near_the_true_one():
    toy = toys.Trimodal()
    found = kernel_density(toy, LINE, toy.sample(2_000, torch.Generator().manual_seed(0)), ((-4.0, 5.0),))
    assert min(found["kl"]) < 0.05


def test_a_line_has_a_quadrature():
    log_z = log_normaliser(0.5 * (LINE[:, 0].double() / 0.3) ** 2, ((-4.0, 5.0),))
    assert math.exp(log_z) == pytest.approx(0.3 * math.sqrt(2 * math.pi), rel=1e-3)


@pytest.mark.parametrize(
    "energy, found", [(torch.full((4,), math.inf), "-inf"), (torch.tensor([1.0, math.nan]), "nan")]
)
def test_energies_without_a_normaliser_are_refused(energy, found):
    with pytest.raises(ValueError, match=f"the log of the normaliser is {found}") as error:
        log_normaliser(energy, LIMITS)
    assert "\n" not in str(error.value)
